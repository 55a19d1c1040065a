"""Octets after DATA or BDAT -> content with CRLF lines (RFC 5321 2.3.8, 4.1.1.4, 4.5.2; RFC 3030).

`DotReader` finds the end, removes the stuffed dots and repairs stray CR and LF. In a session that speaks CRLF the end
is CRLF.CRLF and nothing else; a line that is only a dot between other line ends (the published smuggling sequences)
sets `trick`: the caller refuses the message. In a session that speaks LF throughout the end is LF.LF, and a dot line
with CR around it means that nobody can tell where the content ends: `trick` and `lost`, the caller hangs up.
`ChunkReader` does the same for BDAT, where lengths are exact and only stray CR and LF matter.
Both keep at most 8 KiB whatever comes and are linear in what they are fed; nothing raises.
"""

from __future__ import annotations

import re
from typing import Final

from appliance.core.endings import only_crlf, with_crlf

HELD_MAX: Final = 4096  # octets of an unfinished line kept back
_DOT_LINE: Final = re.compile(rb"(?:\r\n|\r|\n)\x00*\.\x00*(?:\r\n|\r|\n)")
_EDGE: Final = b"\r\n.\x00"


class DotReader:
    """`bare` = stray CR or LF were repaired; `trick`, `lost` as in the module's contract."""

    def __init__(self, lf: bool = False) -> None:
        self._lf = lf
        self._eol = b"\n" if lf else b"\r\n"
        self._end = self._eol + b"." + self._eol
        self._tail = self._eol  # begins with what was handed on already, as context
        self._known = len(self._eol)
        self.bare = self.trick = self.lost = False

    def feed(self, octets: bytes) -> tuple[bytes, bytes | None]:
        """(content, None) while it goes on; (last content, octets after the end) once the end is there."""
        work = self._tail + octets
        found = work.find(self._end) if b"." in work else -1
        if found >= 0:
            content = self._clean(work, found + len(self._eol))
            if self._lf and found > 0 and work[found - 1] == 13:
                self.trick = self.lost = True
            return content, work[found + len(self._end) :]
        cut = work.rfind(self._eol)
        stop = cut + len(self._eol) if cut >= 0 else self._known
        if len(work) - stop > HELD_MAX:
            stop = cut = self._middle(work, stop)
        if stop <= self._known:
            self._tail = work
            return b"", None
        content = self._clean(work, stop)
        self._tail, self._known = work[cut:], stop - cut
        return content, (b"" if self.lost else None)

    def _middle(self, work: bytes, stop: int) -> int:
        """A place in an unfinished long line that no pattern of ours spans."""
        for place in range(len(work), max(stop, len(work) - 1000), -1):
            if work[place - 1] not in _EDGE:
                return place
        self.trick = True  # a thousand dots, NULs and stray line ends: no mail
        return len(work)

    def _clean(self, work: bytes, stop: int) -> bytes:
        content = work[self._known : stop]
        if b"." in content:
            content = work[:stop].replace(self._eol + b".", self._eol)[self._known :]
        if self._lf:
            if b"\r" in content or b"\0" in content:
                self.trick = self.lost = self.lost or bool(_DOT_LINE.search(work[:stop]))
                return with_crlf(content)
            return content.replace(b"\n", b"\r\n")
        if not only_crlf(content):
            self.bare = True
            self.trick = self.trick or bool(_DOT_LINE.search(work[:stop]))
            return with_crlf(content)
        if b"\0" in content:
            self.trick = self.trick or bool(_DOT_LINE.search(work[:stop]))
        return content


class ChunkReader:
    """Content that came in exact chunks: stray CR and LF become CRLF."""

    def __init__(self) -> None:
        self._tail = b""
        self.bare = False

    def feed(self, octets: bytes, last: bool = False) -> bytes:
        work = self._tail + octets
        self._tail = b""
        if work.endswith(b"\r") and not last:
            work, self._tail = work[:-1], b"\r"
        if not only_crlf(work):
            self.bare = True
            work = with_crlf(work)
        return work
