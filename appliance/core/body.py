"""The body of a message on its way in: its lines made short enough to be sent on (RFC 5322 2.1.1, RFC 2045 6.7).

A `BodyFilter` is fed CRLF content in any pieces. The caller may look for long lines in the first stretch of the body
and choose `quoted_printable`; else long lines are broken at a space, or within the line where there is none, never
inside a UTF-8 character. Keeps at most LINE_MAX octets. Nothing raises.
"""

from __future__ import annotations

import binascii
from typing import Final

LINE_MAX: Final = 998  # octets of a line without its CRLF


def has_long_line(octets: bytes, limit: int = LINE_MAX) -> bool:
    """Whether a line of CRLF `octets` is longer than `limit`; looks at one place per line length, not at each octet."""
    place, size = 0, len(octets)
    while size - place > limit:
        line_end = octets.rfind(b"\n", place, place + limit + 2)
        if line_end < 0:
            return True
        place = line_end + 1
    return False


class BodyFilter:
    """`eight_bit`: octets over 127 were seen; `broken`: long lines were broken; `ended`: the last octets were CRLF."""

    def __init__(self) -> None:
        self.eight_bit = self.broken = self.quoted_printable = False
        self.ended = True
        self._line = b""  # the unfinished last line
        self._last = b"\r\n"  # the last two octets

    def feed(self, octets: bytes) -> bytes:
        """What may be handed on."""
        if not octets:
            return b""
        if not self.eight_bit and not octets.isascii():
            self.eight_bit = True
        self._last = (self._last + octets[-2:])[-2:]
        self.ended = self._last == b"\r\n"
        if self.quoted_printable:
            return self._encode(octets)
        if not self._line and self.ended and not has_long_line(octets):
            return octets
        return self._break(octets)

    def finish(self) -> bytes:
        """The rest, with the final line end that may be missing."""
        if self.quoted_printable:
            rest = _quoted(self._line)
            return rest if self.ended else rest + b"\r\n"
        return self._line if self.ended else self._line + b"\r\n"

    def _break(self, octets: bytes) -> bytes:
        work = self._line + octets
        done: list[bytes] = []
        place = 0
        while True:
            line_end = work.find(b"\n", place, place + LINE_MAX + 2)
            if line_end >= 0:
                done.append(work[place : line_end + 1])
                place = line_end + 1
            elif len(work) - place > LINE_MAX + 1:
                stop = _place_to_break(work, place)
                done += (work[place:stop], b"\r\n")
                place, self.broken = stop, True
            else:
                self._line = work[place:]
                return b"".join(done)

    def _encode(self, octets: bytes) -> bytes:
        work = self._line + octets
        *lines, rest = work.split(b"\r\n")
        done = [_quoted(line) + b"\r\n" for line in lines]
        while len(rest) > LINE_MAX:
            done.append(_quoted(rest[:LINE_MAX]) + b"=\r\n")
            rest = rest[LINE_MAX:]
        self._line = rest
        return b"".join(done)


def _place_to_break(work: bytes, start: int) -> int:
    space = work.rfind(b" ", start + LINE_MAX // 2, start + LINE_MAX)
    if space >= 0:
        return space + 1
    stop = start + LINE_MAX
    while stop > start + LINE_MAX - 4 and work[stop] & 0xC0 == 0x80:
        stop -= 1
    return stop


def _quoted(line: bytes) -> bytes:
    return binascii.b2a_qp(line, istext=True).replace(b"=\n", b"=\r\n")
