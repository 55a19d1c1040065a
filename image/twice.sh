#!/usr/bin/env bash
# Builds the card twice from the same packages, wheels and keys in two places and compares: status 1 when any byte differs.
set -euo pipefail
cd "$(dirname "$0")/.."
AGAIN=$(mktemp -d)
trap 'rm -rf "$AGAIN"' EXIT
image/build.sh card
cp -a build/image/{apt,wheels,keys,tools} "$AGAIN"
OUTBOX_BUILD=$AGAIN image/build.sh card
cmp build/image/out/card.img "$AGAIN/out/card.img"
sha256sum build/image/out/card.img
