#!/bin/sh
# `make hardware-board`: KiCad 9 from a Debian 13 chroot makes schematic and board, checks both (ERC, DRC), and leaves
# gerbers, drill file, positions and assembly drawings in build/hardware-board. Needs root, mmdebstrap and the network.
set -eu
cd "$(dirname "$0")/../.."
root=${KICAD_ROOT:-build/kicad-root}
if [ ! -x "$root/usr/bin/kicad-cli" ]; then
    mkdir -p "$(dirname "$root")"
    mmdebstrap --variant=apt --include=kicad,kicad-symbols,kicad-footprints \
        --aptopt='APT::Install-Recommends "false"' trixie "$root"
fi
rm -rf "$root/project" build/hardware-board
mkdir -p "$root/project" build
cp -r hardware "$root/project/"
status=0
chroot "$root" sh /project/hardware/kicad/run.sh || status=$?
cp -r "$root/project/build" build/hardware-board
[ "$status" = 0 ] || { cat build/hardware-board/*.rpt; exit "$status"; }
mkdir -p hardware/kicad/outbox-hat
for kind in kicad_sch kicad_pcb kicad_pro; do
    cp "$root/project/hardware/kicad/outbox-hat/outbox-hat.$kind" hardware/kicad/outbox-hat/
done
cp "$root/project/hardware/kicad/outbox-hat/sym-lib-table" "$root/project/hardware/kicad/outbox-hat/fp-lib-table" \
    hardware/kicad/outbox-hat/
