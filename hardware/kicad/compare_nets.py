"""Compares KiCad's own net list with the parts list: `python3 -m hardware.kicad.compare_nets FILE`, status 1 on any
difference."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hardware.generate.circuit import nets, parts
from hardware.generate.table import load
from hardware.kicad.make_schematic import parse


def kicad_nets(text: str) -> dict[str, set[tuple[str, str]]]:
    """Net -> (reference, pin) as KiCad joined them; single open pins left out."""
    block = next(each for each in parse(text) if each[0] == "nets")
    found = {}
    for net in block[1:]:
        field: dict[str, Any] = {each[0]: each[1] for each in net if isinstance(each, list) and each[0] == "name"}
        nodes = [{part[0]: part[1].strip('"') for part in each[1:]} for each in net if each[0] == "node"]
        name = field["name"].strip('"').lstrip("/")
        if not name.startswith("unconnected-"):
            found[name] = {(node["ref"], node["pin"]) for node in nodes}
    return found


def main(path: str) -> int:
    theirs = kicad_nets(Path(path).read_text())
    ours = {net: set(nodes) for net, nodes in nets(parts(load())).items()}
    different = sorted(net for net in theirs.keys() | ours.keys() if theirs.get(net) != ours.get(net))
    for net in different:
        sys.stdout.write(f"{net}: KiCad {sorted(theirs.get(net, ()))}, ours {sorted(ours.get(net, ()))}\n")
    sys.stdout.write(f"{len(ours)} nets compared, {len(different)} differ\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
