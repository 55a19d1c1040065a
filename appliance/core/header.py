"""The header of a message as fields (RFC 5322 2.2, 3.6).

`split` takes the octets of a message's beginning (CRLF lines) and says where the header ends; what is no header field
ends it, since devices forget the empty line. Fields keep their octets. Nothing raises on bad input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LINE_MAX: Final = 998
_FIELD: Final = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*")
_MBOX: Final = re.compile(rb">?From [^\n]*\n")


@dataclass(frozen=True, slots=True)
class Field:
    """`name` in lower case; `raw` the whole field with its CRLFs."""

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        """Unfolded text; octets that are not UTF-8 show as replacement characters."""
        text = self.raw.partition(b":")[2].decode("utf-8", "replace")
        return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Split:
    """`used` octets belong to the header and the empty line after it; `gap`: that empty line was there;
    `mbox`: a line "From …" of a mailbox file stood before it."""

    fields: list[Field]
    used: int
    gap: bool
    mbox: bool


def split(octets: bytes) -> Split:
    fields: list[Field] = []
    place = 0
    if found := _MBOX.match(octets):
        place = found.end()
    start = place
    while found := _FIELD.match(octets, place):
        fields.append(Field(found[1].decode("ascii").lower(), found[0]))
        place = found.end()
    gap = octets.startswith(b"\r\n", place)
    if start and not fields:
        place = start = 0
    return Split(fields, place + 2 * gap, gap, start > 0)


def fold(raw: bytes) -> bytes:
    """The field `raw` with lines over 998 octets folded at spaces, or within a word where there is none."""
    done: list[bytes] = []
    for each in raw.split(b"\r\n"):
        line = each
        while len(line) > LINE_MAX:
            space = line.rfind(b" ", 500, LINE_MAX - 20)
            stop = space if space > 0 else LINE_MAX - 20
            done.append(line[:stop])
            line = b" " + line[stop:].lstrip(b" ")
        done.append(line)
    return b"\r\n".join(done)
