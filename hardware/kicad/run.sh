#!/bin/sh
# Inside the chroot: makes schematic and board, checks both, writes what a board house needs into /project/build.
set -eu
cd /project
export PYTHONPATH=/project HOME=/tmp KICAD9_SYMBOL_DIR=/usr/share/kicad/symbols KICAD9_FOOTPRINT_DIR=/usr/share/kicad/footprints
board=hardware/kicad/outbox-hat/outbox-hat
out=build
mkdir -p $out/gerbers
python3 -m hardware.kicad.make_schematic
kicad-cli sch erc --exit-code-violations --severity-all -o $out/erc.rpt $board.kicad_sch
kicad-cli sch export netlist --format kicadsexpr -o $out/netlist.net $board.kicad_sch
python3 -m hardware.kicad.compare_nets $out/netlist.net
kicad-cli sch export pdf -o $out/schematic-kicad.pdf $board.kicad_sch
python3 -m hardware.kicad.make_board
kicad-cli pcb drc --exit-code-violations --severity-error --schematic-parity -o $out/drc.rpt $board.kicad_pcb
kicad-cli pcb export gerbers --board-plot-params -o $out/gerbers/ \
    -l F.Cu,B.Cu,F.Mask,B.Mask,F.Paste,B.Paste,F.Silkscreen,B.Silkscreen,Edge.Cuts $board.kicad_pcb
kicad-cli pcb export drill -o $out/gerbers/ $board.kicad_pcb
kicad-cli pcb export pos --format csv --units mm -o $out/positions.csv $board.kicad_pcb
for side in F B; do
    mirror=; [ $side = F ] || mirror=--mirror
    kicad-cli pcb export pdf --mode-single $mirror -l $side.Fab,$side.Silkscreen,$side.Mask,Edge.Cuts -o $out/assembly-$side.pdf $board.kicad_pcb
done
