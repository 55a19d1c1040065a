"""Octets of the serial line -> keys.

Total: any octets are lawful and give keys or nothing. CR, LF and CRLF are one Enter; BS and DEL are one Backspace; the
VT100 and VT220 sequences of arrows, Home, End and Delete are known, every other sequence (a terminal's replies,
function keys, strings) gives nothing, as do NUL, other control characters and what is not UTF-8. Memory is bounded: a
sequence that does not end is given up. `quiet` tells that the line was silent: a lone ESC is then over.
"""

from __future__ import annotations

import codecs
from enum import StrEnum
from typing import Final

SEQUENCE_MAX: Final = 32
STRING_MAX: Final = 256


class Key(StrEnum):
    """What is not a character to be inserted; a value has more than one letter, so it never equals a typed one."""

    ENTER = "enter"
    TAB = "tab"
    BACKSPACE = "backspace"
    DELETE = "delete"
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    HOME = "home"
    END = "end"
    INTERRUPT = "^C"
    END_OF_INPUT = "^D"
    KILL_END = "^K"
    REDRAW = "^L"
    KILL_LINE = "^U"
    LITERAL = "^V"
    KILL_WORD = "^W"


Typed = Key | str

CONTROLS: Final = {
    0x01: Key.HOME,
    0x02: Key.LEFT,
    0x03: Key.INTERRUPT,
    0x04: Key.END_OF_INPUT,
    0x05: Key.END,
    0x06: Key.RIGHT,
    0x08: Key.BACKSPACE,
    0x09: Key.TAB,
    0x0B: Key.KILL_END,
    0x0C: Key.REDRAW,
    0x0E: Key.DOWN,
    0x10: Key.UP,
    0x15: Key.KILL_LINE,
    0x16: Key.LITERAL,
    0x17: Key.KILL_WORD,
    0x7F: Key.BACKSPACE,
}
FINALS: Final = {
    "A": Key.UP,
    "B": Key.DOWN,
    "C": Key.RIGHT,
    "D": Key.LEFT,
    "F": Key.END,
    "H": Key.HOME,
}
TILDES: Final = {"1": Key.HOME, "3": Key.DELETE, "4": Key.END, "7": Key.HOME, "8": Key.END}
ESC: Final = 0x1B


class Keys:
    """The decoder of one line."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8")("ignore")
        self._in = ""  # "" text, or which sequence: esc csi ss3 string
        self._sequence = ""
        self._after_cr = False

    def feed(self, octets: bytes) -> list[Typed]:
        """The keys that `octets` complete."""
        keys: list[Typed] = []
        for octet in octets:
            key = self._octet(octet)
            if key:
                keys.append(key)
        return keys

    def quiet(self) -> None:
        """Nothing came for a while: what was begun will not be completed."""
        self._in = ""
        self._text.reset()

    def _octet(self, octet: int) -> Typed | None:
        if octet == 0:
            return None  # before anything else: the NUL of a CR NUL LF changes nothing
        after_cr, self._after_cr = self._after_cr, octet == 0x0D
        if octet >= 0x80:
            return self._high(octet)
        self._text.reset()
        if octet == ESC:
            self._in, self._sequence = "esc", ""
            return None
        if octet < 0x20 or octet == 0x7F:  # ends any sequence, and counts, as on a real terminal
            self._in = ""
            if octet == 0x0D or (octet == 0x0A and not after_cr):
                return Key.ENTER
            return CONTROLS.get(octet)
        return self._sequenced(chr(octet)) if self._in else chr(octet)

    def _high(self, octet: int) -> Typed | None:
        if self._in == "string":
            return self._sequenced("?")
        self._in = ""
        text = self._text.decode(bytes([octet]))
        return text if text.isprintable() else None

    def _sequenced(self, char: str) -> Typed | None:
        self._sequence += char
        if self._in == "esc":
            self._in = {"[": "csi", "O": "ss3", **dict.fromkeys("P]X^_", "string")}.get(char, "")
            self._sequence = ""
        elif self._in == "ss3":
            self._in = ""
            return FINALS.get(char)
        elif self._in == "string":
            if len(self._sequence) >= STRING_MAX:
                self._in = ""
        elif self._sequence == "[":  # ESC [ [ A: the Linux console's function keys have one letter more
            return None
        elif "@" <= char <= "~":
            self._in = ""
            return self._known(self._sequence)
        elif len(self._sequence) >= SEQUENCE_MAX:
            self._in = ""
        return None

    @staticmethod
    def _known(sequence: str) -> Key | None:
        parameters, final = sequence[:-1], sequence[-1]
        if parameters.startswith("["):
            return None
        return TILDES.get(parameters.split(";")[0]) if final == "~" else FINALS.get(final)
