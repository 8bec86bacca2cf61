#!/bin/sh
# Installs every outside program the tests use, on Debian and its descendants. Needs root.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
  bmap-tools bsdutils btrfs-progs bzip2 coreutils cryptsetup-bin dosfstools e2fsprogs exfatprogs fdisk gdisk gpg gpg-agent gpgv gzip libc-bin lz4 lzop mount mtools \
  ntfs-3g openssh-client openssh-server openssl parted python3-pyftpdlib qemu-utils squashfs-tools sshpass tar time util-linux \
  xfsprogs xorriso xz-utils zip zstd
