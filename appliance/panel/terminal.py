"""The lamps drawn in a terminal: one line for each change of what they say, and a line that is redrawn as they blink.

Lines go to `words`, the drawing to `drawing` when it is a terminal (None = nothing is drawn). The line starts with
CLEAR, so that whoever writes to the same terminal can do the same and go on: it comes again at the next change, at the
latest after REDRAW calls. Never raises when nobody reads any more.
"""

from __future__ import annotations

import contextlib
from typing import Final, TextIO

from appliance.core.lamps import Lamps

CLEAR: Final = "\r\x1b[K"
COLOURS: Final = {"green": "32", "amber": "33", "red": "31", "white": "37"}
REDRAW: Final = 25  # calls: about a second
LIT, DARK = "\u25cf", "\u25cb"


class Terminal:
    """`show` after each tick of the panel."""

    def __init__(self, words: TextIO, drawing: TextIO | None) -> None:
        self._words, self._drawing = words, drawing
        self._said: dict[str, str] = {}
        self._drawn = ""
        self._calls = 0

    def show(self, lamps: Lamps, lit: tuple[bool, ...]) -> None:
        fresh = [lamp for lamp in lamps if self._said.get(lamp.label) != lamp.name]
        for lamp in fresh:
            self._said[lamp.label] = lamp.name
            if lamp.label != "ACTIVITY":  # it flickers with every message
                self._write(self._words, f"{self._clear()}{lamp.label} {lamp.pattern.name}: {lamp.name}\n")
                self._drawn = ""
        line = "  ".join(_drawn(lamp.label, lamp.colour, on) for lamp, on in zip(lamps, lit, strict=True))
        self._calls += 1
        if self._drawing is not None and (line != self._drawn or self._calls >= REDRAW):
            self._drawn, self._calls = line, 0
            self._write(self._drawing, f"{CLEAR}  {line} ")

    def close(self) -> None:
        if self._drawing is not None:
            self._write(self._drawing, CLEAR)

    def _clear(self) -> str:
        return CLEAR if self._drawing is not None and self._words.isatty() else ""

    @staticmethod
    def _write(target: TextIO, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            target.write(text)
            target.flush()


def _drawn(label: str, colour: str, on: bool) -> str:
    return f"\x1b[{COLOURS[colour]}m{LIT}\x1b[0m {label}" if on else f"{DARK} {label}"
