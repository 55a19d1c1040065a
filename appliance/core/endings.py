"""Line ends of mail: whether CR and LF stand only together, and making it so (RFC 5321 2.3.8; design P6)."""

from __future__ import annotations

import io
import re
from typing import Final

_ENDINGS: Final = re.compile(rb"\r\n|\r|\n")


def only_crlf(octets: bytes) -> bool:
    """Whether each CR is followed by LF and each LF comes after CR; the last octet counts as the end."""
    # The decoder notes which line ends it met, in one pass; counting CRLF, CR and LF takes four times as long.
    seen = io.IncrementalNewlineDecoder(None, False)
    seen.decode(octets.decode("latin-1"), True)
    return seen.newlines in (None, "\r\n")


def with_crlf(octets: bytes) -> bytes:
    """Every CRLF, bare CR and bare LF as CRLF."""
    return _ENDINGS.sub(b"\r\n", octets)
