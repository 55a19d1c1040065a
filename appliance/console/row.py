"""One row of a dumb terminal's screen: what it shows, where its cursor is, and the few octets that change it.

Uses printable characters, CR and BS only. Columns are those of the screen: a wide character takes two, a combining one
none.
"""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """How many columns of the screen printable `text` takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Row:
    """The row with the cursor. Each method returns what to write."""

    def __init__(self, shown: str = "") -> None:
        self._shown, self._column = shown, columns(shown)

    def append(self, text: str) -> str:
        """Write `text`; the cursor stands at the end of what is shown."""
        self._shown += text
        self._column += columns(text)
        return text

    def become(self, line: str, column: int) -> str:
        """From what is shown to `line` with the cursor at `column`."""
        out = ""
        if line != self._shown:
            same = _common(self._shown, line)
            out = self._move(line, columns(same)) if same else "\r" if self._column else ""
            blanks = max(columns(self._shown) - columns(line), 0)
            out += line[len(same) :] + " " * blanks
            self._column = columns(line) + blanks
            self._shown = line
        return out + self._move(line, column)

    def _move(self, line: str, column: int) -> str:
        """Take the cursor to `column`; the screen agrees with `line` up to there and up to the cursor."""
        steps, head = self._column - column, _up_to(line, column)
        if steps > 0:
            out = min("\b" * steps, "\r" + head, key=lambda text: len(text.encode()))
        else:
            out = head[len(_up_to(line, self._column)) :]
        self._column = column
        return out


def _up_to(line: str, column: int) -> str:
    if line.isascii():
        return line[:column]
    used = 0
    for index, char in enumerate(line):
        used += _width(char)
        if used > column:
            return line[:index]
    return line


def _common(one: str, other: str) -> str:
    """What both begin with."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return one[:index]
    return min(one, other, key=len)
