#!/bin/sh
# The forms in which the card is handed out: xz, bmap, checksums, the manifest for Raspberry Pi Imager. Runs in the tools root.
set -eu
cd /build/out
NAME=outbox-$VERSION
mv card.img "$NAME.img"
bmaptool create "$NAME.img" -o "$NAME.bmap" 2>/dev/null
xz -T0 --block-size=64MiB -6 -k "$NAME.img"
python3 -m image.imager "$NAME.img" "$NAME.img.xz" > outbox-imager.json
cp ../sbom.json "$NAME.sbom.json"
cp ../packages.list "$NAME.packages.txt"
sha256sum "$NAME.img" "$NAME.img.xz" "$NAME.bmap" "$NAME.sbom.json" "$NAME.packages.txt" outbox-imager.json > SHA256SUMS
ln -f "$NAME.img" card.img
