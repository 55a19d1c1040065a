"""The bill of materials of both variants (board, breadboard), counted from the parts list, with a cost total.

Raises KeyError for a part whose kind parts.toml does not have.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from pathlib import Path
from typing import Any, Final

from hardware.generate.circuit import Part
from hardware.generate.table import ROOT

COLUMNS: Final = (
    "variant", "references", "quantity", "what", "maker", "mpn", "alternates", "optional", "unit_usd", "total_usd",
)  # fmt: skip


def csv_text(parts: list[Part], folder: Path = ROOT) -> str:
    """The whole file: all lines of one variant, its total, then the other's."""
    catalogue = tomllib.loads((folder / "parts.toml").read_text("utf-8"))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for variant in ("board", "breadboard"):
        lines = _lines(parts, catalogue, variant)
        writer.writerows([variant, *line] for line in lines)
        writer.writerow([variant, "", "", "Total", "", "", "", "", "", f"{sum(float(line[-1]) for line in lines):.2f}"])
    return out.getvalue()


def _lines(parts: list[Part], catalogue: dict[str, Any], variant: str) -> list[list[str]]:
    groups: dict[tuple[str, bool], list[str]] = {}
    for part in parts:
        in_module = variant == "breadboard" and part.optional and part.kind == "capacitor-100n"
        if not in_module:  # the clock module brings its own
            groups.setdefault((part.kind, part.optional), []).append(part.ref)
    lines = []
    for (kind, optional), references in groups.items():
        row = catalogue[kind]
        piece = row["breadboard"] if variant == "breadboard" else row
        count = len(references) * piece.get("each", 1)
        if count:
            alternates = row["alternates"] if variant == "board" else []
            lines.append(_line(" ".join(sorted(references, key=_order)), count, piece, alternates, optional))
    for extra in catalogue["extra"]:
        if variant in extra["variants"]:
            optional = "optional" in extra["what"]
            lines.append(_line("", extra["quantity"], extra, extra["alternates"], optional))
    return lines


def _line(references: str, count: int, piece: dict[str, Any], alternates: list[str], optional: bool) -> list[str]:
    words = [references, str(count), piece["what"], piece["maker"], piece["mpn"], "; ".join(alternates)]
    return [*words, "yes" if optional else "", f"{piece['price']:.2f}", f"{count * piece['price']:.2f}"]


def _order(reference: str) -> tuple[str, int]:
    found = re.fullmatch(r"([A-Z]+)(\d+)", reference)
    return (found[1], int(found[2])) if found else (reference, 0)
