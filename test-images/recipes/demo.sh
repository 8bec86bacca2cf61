#!/bin/sh
# The image that ships with the project and that the README's first command scans: a GPT disk of
# 64 MiB with a FAT system partition, an ext4 root, a gap and a partition nobody knows.
#
# Needs fdisk, dosfstools, mtools, e2fsprogs and gzip; no root. The same bytes on every run with the
# same tool versions: identifiers, times and hash seeds are fixed.
# usage: demo.sh OUT.img.gz
set -eu

out=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export TZ=UTC LC_ALL=C SOURCE_DATE_EPOCH=1700000000 E2FSPROGS_FAKE_TIME=1700000000 MTOOLS_SKIP_CHECK=1

# 1 MiB of alignment, 16 MiB FAT, 40 MiB ext4, 1 MiB gap, 4 MiB of raw environment.
truncate -s 64M disk.img
sfdisk --quiet disk.img <<'TABLE'
label: gpt
label-id: 6a1f0e52-7f5e-4b6e-9d3b-0b1a6d656d6f
start=2048, size=32768, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=6a1f0e52-7f5e-4b6e-9d3b-000000000001, name="esp"
start=34816, size=81920, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=6a1f0e52-7f5e-4b6e-9d3b-000000000002, name="root"
start=118784, size=8192, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=6a1f0e52-7f5e-4b6e-9d3b-000000000003, name="environment"
TABLE

# Files of many sizes: a map that loses one is noticed.
mkdir -p boot/EFI/BOOT root/etc root/usr/share/words root/var/log
seq 1 3000 > boot/EFI/BOOT/BOOTX64.EFI
echo 'root=LABEL=root' > boot/cmdline.txt
echo demo > root/etc/hostname
i=1
while [ "$i" -le 60 ]; do
  seq "$i" $((i * 97)) > "root/usr/share/words/$i.txt"
  i=$((i + 1))
done
ln -s ../etc/hostname root/var/hostname
find boot root -exec touch -h -d @1700000000 {} +

truncate -s 16M esp.img
mkfs.fat -F 16 -n ESP -i B0071234 --invariant esp.img > /dev/null
mcopy -s -m -Q -i esp.img boot/* ::

truncate -s 40M root.img
mke2fs -q -t ext4 -L root -U 6a1f0e52-7f5e-4b6e-9d3b-00000000e4f4 \
  -E hash_seed=6a1f0e52-7f5e-4b6e-9d3b-00000000e4f5,root_owner=0:0 -d root root.img

# mke2fs takes over access and change times, which nobody can set on the host.
# The inodes from 11 on are used without a gap: lost+found and what was copied in.
used=$(dumpe2fs -h root.img 2> /dev/null | awk '/^Inode count/ { all = $3 } /^Free inodes/ { free = $3 } END { print all - free }')
for inode in 2 $(seq 11 "$used"); do
  for field in atime ctime; do
    echo "sif <$inode> $field 20231114221320"
    echo "sif <$inode> ${field}_extra 0"
  done
done > fields
debugfs -w -f fields root.img > /dev/null 2>&1

dd if=esp.img of=disk.img bs=1M seek=1 conv=notrunc,sparse status=none
dd if=root.img of=disk.img bs=1M seek=17 conv=notrunc,sparse status=none
printf 'bootdelay=3\0bootcmd=run distro\0\0' | dd of=disk.img bs=1M seek=58 conv=notrunc status=none
gzip -9 -n -c disk.img > "$out"
