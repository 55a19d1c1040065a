#!/usr/bin/env bash
# Builds the card image and its companions into build/image/out. Root; a Debian 12 or newer machine with mmdebstrap.
# Promises: no maintainer script and no emulated program runs; the same inputs (build/image/apt, wheels, keys, this tree) give the
# same bytes. Downloads only Debian packages and, by pip with hashes, the Python packages of requirements/run.txt.
# Without argument: the card and its hand-out forms. "card": the card only (quick, for tests). "bundle": an update bundle as well.
# Variables: OUTBOX_MIRROR, OUTBOX_SECURITY_MIRROR (Debian mirrors), OUTBOX_KEYRING, OUTBOX_CERT, OUTBOX_KEY (release keys),
# OUTBOX_VERSION, OUTBOX_BUILD (where to build), SOURCE_DATE_EPOCH.
set -euo pipefail
cd "$(dirname "$0")/.."
SOURCE=$PWD
BUILD=${OUTBOX_BUILD:-$SOURCE/build/image}
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$SOURCE
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
VERSION=${OUTBOX_VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)+$(git rev-parse --short=10 HEAD)}
rm -rf "$BUILD/out"
mkdir -p "$BUILD/out"
export SOURCE BUILD VERSION

in_tools() { image/in-tools.sh "$@"; }

step() {
    local began=$SECONDS
    "${@:2}"
    echo "$1: $((SECONDS - began)) s"
}

[ "$(id -u)" = 0 ] || { echo "make image needs root" >&2; exit 1; }
umask 022
step tools image/tools.sh
step packages image/packages.sh
step wheels image/wheels.sh
step keys image/keys.sh
step rootfs in_tools python3 -m image.rootfs
step kernel in_tools python3 -m image.kernel
step sbom in_tools python3 -m image.sbom
step slot in_tools image/slot.sh
step card in_tools python3 -m image.card
[ "${1:-}" = card ] || step publish in_tools image/publish.sh
[ "${1:-}" != bundle ] || step bundle in_tools image/bundle.sh
ls -l "$BUILD/out"
