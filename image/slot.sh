#!/bin/sh
# The slot's file system, read-only ext4 just large enough: what U-Boot reads, what RAUC writes. Runs in the tools root.
set -eu
cd /build
rm -f slot.ext4
KIB=$(find rootfs -printf '%s %y\n' | awk '{ total += $2 == "f" ? int(($1 + 4095) / 4096) * 4 : 4 } END { print total }')
INODES=$(find rootfs | wc -l)
tar --create --sort=name --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=posix \
    --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -C rootfs --file slot.tar .
mke2fs -q -t ext4 -b 4096 -m 0 -N $((INODES + 200)) -L outbox-slot -U 0b0f0b0f-0000-4000-8000-000000000001 \
    -O ^has_journal,^metadata_csum_seed,^orphan_file,^resize_inode,^64bit,^metadata_csum,sparse_super2 \
    -E hash_seed=0b0f0b0f-0000-4000-8000-000000000002,lazy_itable_init=0,root_owner=0:0 \
    -d slot.tar slot.ext4 $((KIB * 112 / 100 + 8192))k
rm slot.tar
e2fsck -fn slot.ext4 >/dev/null 2>&1
