"""A drawing and a table for each cable of cables.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hardware.generate.sheet import Sheet
from hardware.generate.table import ROOT

COLOURS: Final = ("#8b5a2b", "#c62828", "#ef6c00", "#b8a000", "#2e7d32", "#1565c0", "#6a1b9a", "#616161")


@dataclass(frozen=True, slots=True)
class Cable:
    """`wires` = contact at the box, what it carries, contact at the far end."""

    name: str
    title: str
    use: str
    left: str
    right: str
    wires: tuple[tuple[str, str, str], ...]


def load(folder: Path = ROOT) -> list[Cable]:
    """All cables. Raises KeyError, TypeError or ValueError on a bad row."""
    rows = tomllib.loads((folder / "cables.toml").read_text("utf-8"))["cable"]
    return [Cable(**row | {"wires": tuple((one, carries, two) for one, carries, two in row["wires"])}) for row in rows]


def svg(cable: Cable) -> str:
    """Two connectors and a coloured wire for each pair of contacts."""
    height = 34 + 7 * len(cable.wires)
    sheet = Sheet(150, height)
    sheet.rect(0, 0, 150, height, fill="white")
    sheet.text(75, 8, cable.title, 4.2, bold=True, anchor="middle")
    top, body = 22, 7 * len(cable.wires) + 4
    for x, words, anchor in ((10, cable.left, "start"), (140, cable.right, "end")):
        sheet.text(x, top - 3, words, 3.2, bold=True, anchor=anchor)
    sheet.rect(10, top, 22, body, fill="#f2f2f2", stroke="black", line=0.4, round_=2)
    sheet.rect(118, top, 22, body, fill="#f2f2f2", stroke="black", line=0.4, round_=2)
    for row, (one, carries, two) in enumerate(cable.wires):
        y = top + 5.5 + 7 * row
        colour = COLOURS[row % len(COLOURS)]
        sheet.line((32, y), (118, y), stroke=colour, line=0.8)
        sheet.rect(75 - 20, y - 4.6, 40, 4, fill="white")
        sheet.text(75, y - 1.4, carries, 3, anchor="middle", fill=colour)
        sheet.text(29, y + 1.1, one, 3.4, bold=True, anchor="end")
        sheet.text(121, y + 1.1, two, 3.4, bold=True)
    return sheet.svg(cable.title)


def markdown(cables: list[Cable]) -> str:
    """All cables as tables."""
    rows = ["# Cables", "", "Made by `make hardware` from cables.toml. The box's DE-9 is a socket wired as DCE, 8N1."]
    for cable in cables:
        rows += ["", f"## {cable.title}", "", cable.use, "", f"![{cable.title}](cable-{cable.name}.svg)", ""]
        rows += [f"| {cable.left} | carries | {cable.right} |", "|---|---|---|"]
        rows += [f"| {one} | {carries} | {two} |" for one, carries, two in cable.wires]
    return "\n".join(rows) + "\n"
