"""The lid label, to scale: print it at 100 %, its holes fall on those of the lid.

Coordinates are those of the board: origin at its top left corner seen from above, the header at the top. The places
come from board.toml, the words from lamps.toml.
"""

from __future__ import annotations

from typing import Any, Final

from hardware.generate.sheet import Sheet
from hardware.generate.table import Lamp, Table

URL: Final = "http://outbox.local"
INK: Final = {"green": "#2e9d3a", "amber": "#f0a000", "red": "#d02020", "white": "#ffffff"}
SIZE: Final = 1.95


def svg(table: Table, place: dict[str, Any]) -> str:
    """The label."""
    left, top, width, height = place["label"]["area"]
    sheet = Sheet(width, height, left, top)
    sheet.rect(left, top, width, height, fill="white", stroke="#808080", line=0.15, round_=2)
    sheet.text(left + 3, top + 6.2, "Outbox", 5, bold=True)
    _side(sheet, left)
    for lamp in table.lamps:
        x, y = place["lamps"][lamp.signal]
        _lamp(sheet, table, lamp, x, y)
    x, y = place["button"]
    sheet.circle(x, y, place["lid"]["button_hole"] / 2, fill="#e8e8e8", line=0.25)
    sheet.text(x + 5, y - 0.9, "BUTTON", 2.7, bold=True)
    sheet.text(x + 5, y + 1.7, "short press: bounces are read, all mail is tried now", SIZE)
    sheet.text(x + 5, y + 4.1, "long press: shuts down; wait for all lamps dark, then unplug", SIZE)
    return sheet.svg("Outbox lid label, print at 100 %")


def _side(sheet: Sheet, left: float) -> None:
    sheet.qr(left + 3, 12, 14, URL)
    for row, words in enumerate(("status page:", URL)):
        sheet.text(left + 10, 30.2 + 2.2 * row, words, 1.75, anchor="middle")
    for row, words in enumerate(("serial line:", "115200 8N1", "straight cable")):
        sheet.text(left + 10, 37.5 + 2.2 * row, words, 1.75, anchor="middle")


def _lamp(sheet: Sheet, table: Table, lamp: Lamp, x: float, y: float) -> None:
    colour = table.pin(lamp.signal).colour
    sheet.circle(x, y, 2.6, fill=INK[colour], line=0.25)
    sheet.text(x + 4.4, y - 0.4, lamp.signal.upper(), 2.7, bold=True)
    sheet.text(x + 4.4, y + 2.2, colour, SIZE, fill="#606060")
    row, across = y - 2.9, x + 19.5
    for line in _says(lamp):
        for column, (rhythm, words) in enumerate(line):
            left = across + 23.5 * column
            _rhythm(sheet, left, row, rhythm)
            sheet.text(left + 6.4, row + 0.65, words, SIZE)
        row += 2.35


def _says(lamp: Lamp) -> list[list[tuple[str, str]]]:
    """Lines of (rhythm, words): off beside steady, then the others; codes three to a line."""
    lines = [[("off", lamp.off)] + ([("steady", lamp.steady)] if lamp.steady else [])]
    lines += [[(rhythm, words)] for rhythm, words in (("blink", lamp.blink), ("flash", lamp.flash)) if words]
    codes = list(lamp.code)
    if codes and not codes[0][0].isdigit():
        return [*lines, [("code", " ".join(codes))]]
    for start in range(0, len(codes), 3):
        lines.append([("code" if start == 0 else "", ",  ".join(codes[start : start + 3]))])
    return lines


def _rhythm(sheet: Sheet, x: float, y: float, rhythm: str) -> None:
    """Light over time, as bars 5.5 mm long."""
    bars = {
        "steady": [(0.0, 5.5)],
        "blink": [(0.0, 1.6), (2.8, 1.6)],
        "code": [(0.0, 0.4), (0.8, 0.4), (1.6, 0.4), (4.2, 0.4), (5.0, 0.4)],
        "flash": [(0.0, 0.5)],
    }
    if rhythm:
        sheet.line((x, y + 0.55), (x + 5.5, y + 0.55), stroke="#808080", line=0.12)
    for start, length in bars.get(rhythm, []):
        sheet.rect(x + start, y - 0.65, length, 1.2, fill="black")
