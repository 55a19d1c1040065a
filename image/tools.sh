#!/usr/bin/env bash
# Makes build/image/tools once: a Debian 13 root of this machine's own architecture with every tool that writes bytes of the image, so
# that these do not depend on the machine.
set -euo pipefail
PACKAGES=bmap-tools,cpio,device-tree-compiler,dosfstools,e2fsprogs,fdisk,kmod,libarchive13t64,mtools,openssl,python3,rauc,squashfs-tools,systemd,u-boot-tools,xz-utils,zstd
STAMP=$BUILD/tools/.made-of
{ command -v mmdebstrap && command -v mount; } >/dev/null || {
    apt-get -q update
    DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends mmdebstrap mount debian-archive-keyring
}
[ "$(cat "$STAMP" 2>/dev/null)" = "$PACKAGES" ] && exit 0
rm -rf "$BUILD/tools"
mmdebstrap --quiet --variant=apt --include="$PACKAGES" trixie "$BUILD/tools" "${OUTBOX_MIRROR:-http://deb.debian.org/debian}"
echo "$PACKAGES" > "$STAMP"
