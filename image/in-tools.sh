#!/usr/bin/env bash
# Runs one command inside the tools root: this tree at /src (read-only), the build folder at /build. Mounts vanish with the command.
set -euo pipefail
exec unshare --mount --propagation unchanged bash -euc '
mount --make-rprivate / 2>/dev/null || true # no mount point of its own: a root inside another
mkdir -p "$BUILD/tools/src" "$BUILD/tools/build"
mount --bind "$SOURCE" "$BUILD/tools/src"
mount -o remount,bind,ro "$BUILD/tools/src"
mount --bind "$BUILD" "$BUILD/tools/build"
mount -t proc proc "$BUILD/tools/proc"
mount -t tmpfs tmpfs "$BUILD/tools/tmp"
exec chroot "$BUILD/tools" env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LC_ALL=C.UTF-8 TZ=UTC PYTHONPATH=/src PYTHONDONTWRITEBYTECODE=1 \
    PYTHONHASHSEED=0 SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" VERSION="$VERSION" ${APT_CONFIG:+APT_CONFIG="$APT_CONFIG"} \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    sh -c "cd /src && exec \"\$@\"" sh "$@"
' bash "$@"
