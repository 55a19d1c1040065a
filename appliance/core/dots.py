"""The last thing that touches content: CRLF only, and dot-stuffing (RFC 5321 4.5.2; design P6).

Both work on a stream of pieces of any size and keep one octet at most. Bare CR and bare LF become CRLF, so nothing in
a content can look like its end.
"""

from __future__ import annotations

from appliance.core.endings import only_crlf, with_crlf


class CrlfLines:
    """Pieces in, pieces out with CRLF as the only line end; `finish` closes the last line."""

    def __init__(self) -> None:
        self._held_cr = False
        self.at_line_start = True

    def feed(self, piece: bytes) -> bytes:
        if self._held_cr:
            piece, self._held_cr = b"\r" + piece, False
        if piece.endswith(b"\r"):
            piece, self._held_cr = piece[:-1], True
        if not piece:
            return b""
        if not only_crlf(piece):
            piece = with_crlf(piece)
        self.at_line_start = piece.endswith(b"\n")
        return piece

    def finish(self) -> bytes:
        closing = b"" if self.at_line_start and not self._held_cr else b"\r\n"
        self._held_cr, self.at_line_start = False, True
        return closing


class DotStuffer:
    """The same with a dot added to each line that begins with one; `finish` gives the end of the data."""

    def __init__(self) -> None:
        self._lines = CrlfLines()

    def feed(self, piece: bytes) -> bytes:
        fresh = self._lines.at_line_start
        piece = self._lines.feed(piece)
        if b"." in piece and b"\r\n." in piece:
            piece = piece.replace(b"\r\n.", b"\r\n..")
        return b"." + piece if fresh and piece.startswith(b".") else piece

    def finish(self) -> bytes:
        return self._lines.finish() + b".\r\n"
