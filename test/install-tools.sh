#!/bin/sh
# Installs every outside program the tests use, on Debian and its descendants. Needs root.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
  bash bmap-tools bsdutils btrfs-progs bzip2 coreutils cryptsetup-bin dosfstools e2fsprogs exfatprogs fdisk fish gdisk gpg gpg-agent gpgv groff-base gzip libc-bin lz4 lzop mandoc mount mtools \
  ntfs-3g openssh-client openssh-server openssl parted python3 python3-pyftpdlib qemu-utils squashfs-tools sshpass tar time util-linux \
  xfsprogs xorriso xz-utils zip zsh zstd
