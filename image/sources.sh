#!/usr/bin/env bash
# Collects the Debian source packages of the image that was built last into build/image/sources, as the offer in SOURCES.txt promises.
set -euo pipefail
cd "$(dirname "$0")/.."
export SOURCE=$PWD BUILD=${OUTBOX_BUILD:-$PWD/build/image} VERSION=0 SOURCE_DATE_EPOCH=0
mkdir -p "$BUILD/sources"
sed 's/^deb /deb-src /' "$BUILD/apt/etc/sources.list" > "$BUILD/apt/etc/sources.list.new"
cat "$BUILD/apt/etc/sources.list" >> "$BUILD/apt/etc/sources.list.new"
sort -u -o "$BUILD/apt/etc/sources.list" "$BUILD/apt/etc/sources.list.new"
rm "$BUILD/apt/etc/sources.list.new"
export APT_CONFIG=/build/apt/apt.conf
image/in-tools.sh apt-get -q update
sed 's/.* from //; s/, /\n/g' "$BUILD/packages.list" | sed 's/ (\(.*\))/=\1/' | sort -u |
while read -r wanted; do
    case ${1:-} in '' | "${wanted%%=*}") ;; *) continue ;; esac
    image/in-tools.sh sh -c 'cd /build/sources && exec apt-get -q source --download-only "$1"' sh "$wanted" </dev/null ||
        echo "$wanted: not on the mirror any more: look at snapshot.debian.org" | tee -a "$BUILD/sources/missing.txt"
done
