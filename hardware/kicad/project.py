"""What the schematic and the board share: the parts with their symbol, footprint, place and identity.

Runs with the plain Python of the chroot: only the standard library.
"""

from __future__ import annotations

import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path

from hardware.generate.circuit import Part, parts
from hardware.generate.table import ROOT, load

NAME = "outbox-hat"
FOLDER = ROOT / "kicad" / NAME
SPACE = uuid.UUID("6f7574b0-0000-4000-8000-000000000000")


@dataclass(frozen=True, slots=True)
class Item:
    """`place` None = fixed by board.toml."""

    part: Part
    symbol: str
    footprint: str
    place: tuple[float, float, float] | None


def identity(name: str) -> str:
    """The same UUID for the same name, so that the files do not change without cause."""
    return str(uuid.uuid5(SPACE, name))


def items() -> list[Item]:
    """Raises KeyError for a kind that library.toml does not have."""
    library = tomllib.loads((Path(__file__).parent / "library.toml").read_text("utf-8"))
    made = []
    for part in parts(load()):
        kinds = library["kind"]
        family = part.kind.split("-")[0] + "-*"
        symbol, footprint = kinds[part.kind] if part.kind in kinds else kinds[family]
        spot = library["place"].get(part.ref)
        made.append(Item(part, symbol, footprint, tuple(spot) if spot else None))
    return made
