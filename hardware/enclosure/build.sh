#!/bin/sh
# `make hardware-enclosure`: STL of every part and two pictures into build/hardware-enclosure; with
# ARGS=--pictures these replace those in hardware/enclosure.
set -eu
cd "$(dirname "$0")"
command -v openscad >/dev/null && command -v xvfb-run >/dev/null ||
    apt-get install -y --no-install-recommends openscad xvfb xauth
out=../../build/hardware-enclosure
mkdir -p "$out"
for part in tray lid pipes plunger; do
    openscad -q -D "part=\"$part\"" -o "$out/$part.stl" enclosure.scad
done
xvfb-run -a openscad -q -D 'part="all"' --imgsize=1000,900 --viewall --autocenter --camera=0,0,0,58,0,35,0 \
    --colorscheme=Tomorrow -o "$out/exploded.png" enclosure.scad
xvfb-run -a openscad -q -D 'part="closed"' --imgsize=1000,800 --viewall --autocenter --camera=0,0,0,55,0,315,0 \
    --colorscheme=Tomorrow -o "$out/closed.png" enclosure.scad
[ "${1:-}" != --pictures ] || cp "$out/exploded.png" "$out/closed.png" .
