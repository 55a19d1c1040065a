"""8-bit MIME -> 7-bit MIME for a next hop without 8BITMIME (RFC 6152 3, RFC 2045 6): leaves become quoted-printable,
or base64 where that is shorter.

Two passes over a stream, one line at a time: EightBitScan finds the leaves that hold octets above 127, Converter
rewrites those and the Content-Transfer-Encoding of what is around them. Signed parts are never touched (RFC 1847 2.1):
`obstacle` says in words why no lawful conversion exists. Lines, header blocks and nesting are bounded; what exceeds the
bounds is an obstacle, not an error.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from appliance.core.eight_bit import ascii_field

LINE_MAX: Final = 65536
HEADER_MAX: Final = 262144
DEPTH_MAX: Final = 32
DENSE_MIN: Final = 1024  # octets of a part; a shorter one stays readable
_PLAIN: Final = bytes(each for each in range(32, 127) if each != 61) + b"\t"  # octets that quoted-printable keeps
_BASE64_LINE: Final = 57  # octets that make a line of 76
_FIELD: Final = re.compile(rb"(?i)^(content-type|content-transfer-encoding)[ \t]*:(.*)", re.DOTALL)
_BOUNDARY: Final = re.compile(rb'(?i);\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.){1,200})"|([^\s;"]{1,200}))')


@dataclass(slots=True)
class _Entity:
    """What the header block of a part says."""

    kind: str
    encoding: str
    boundary: bytes


def _describe(fields: list[bytes], default: str) -> _Entity:
    kind, encoding, boundary = default, "7bit", b""
    for field in fields:
        found = _FIELD.match(field)
        if found is None:
            continue
        value = re.sub(rb"\r\n([ \t])", rb"\1", found[2]).strip()
        if found[1].lower() == b"content-transfer-encoding":
            encoding = value.decode("latin-1").lower()
        else:
            kind = value.partition(b";")[0].strip().decode("latin-1").lower() or default
            mark = _BOUNDARY.search(value)
            boundary = (mark[1] or mark[2]).replace(b"\\", b"") if mark else b""
    return _Entity(kind, encoding, boundary)


class _Walker:
    """Follows the structure of a message line by line; the two passes fill in what to do."""

    def __init__(self) -> None:
        self._tail = b""
        self._in_header = True
        self._fields: list[bytes] = []
        self._header_bytes = 0
        self._boundaries: list[bytes] = []
        self._signed: list[int] = []
        self._default = "text/plain"
        self._entity = _Entity("text/plain", "7bit", b"")
        self.leaf = 0
        self.obstacle = ""

    def feed(self, octets: bytes) -> bytes:
        lines = (self._tail + octets).split(b"\r\n")
        self._tail = lines.pop()
        if len(self._tail) > LINE_MAX:
            self._hinder("a line has no end")
            self._tail = b""
        return b"".join([self._take(line) for line in lines])

    def finish(self) -> bytes:
        tail, self._tail = self._tail, b""
        out = self._take(tail) if tail else b""
        return out + (self._end_header() if self._in_header else b"") + self.end_leaf(whole=True)

    def _take(self, line: bytes) -> bytes:
        if self._in_header:
            return self._header_line(line)
        if line.startswith(b"--") and self._boundaries:
            for depth in reversed(range(len(self._boundaries))):
                mark = b"--" + self._boundaries[depth]
                if line.startswith(mark) and line[len(mark) :].strip(b" \t") in (b"", b"--"):
                    return self._at_boundary(depth, line, line[len(mark) :].startswith(b"--"))
        return self.body_line(line)

    def _at_boundary(self, depth: int, line: bytes, closing: bool) -> bytes:
        out = self.end_leaf(whole=False) + line + b"\r\n"
        del self._boundaries[depth + (0 if closing else 1) :]
        self._signed = [each for each in self._signed if each < len(self._boundaries)]
        self._in_header, self._default = not closing, "text/plain"
        self.leaf += 1
        self._entity = _Entity("", "7bit", b"")
        return out

    def _header_line(self, line: bytes) -> bytes:
        if not line:
            return self._end_header() + b"\r\n"
        self._header_bytes += len(line) + 2
        if self._header_bytes > HEADER_MAX:
            self._hinder("a header block is too long")
            return line + b"\r\n"
        if line[:1] in b" \t" and self._fields:
            self._fields[-1] += b"\r\n" + line
        else:
            self._fields.append(line)
        return b""

    def _end_header(self) -> bytes:
        entity = _describe(self._fields, self._default)
        fields, self._fields, self._header_bytes = self._fields, [], 0
        self._in_header, self._default, self._entity = False, "text/plain", entity
        out = self.header(fields, entity)
        self.leaf += 1
        if entity.kind.startswith("multipart/") and entity.boundary:
            self._boundaries.append(entity.boundary)
            if len(self._boundaries) > DEPTH_MAX:
                self._hinder("its parts are nested too deeply")
        elif entity.kind == "message/rfc822":
            self._in_header = True
        return out

    def _hinder(self, why: str) -> None:
        self.obstacle = self.obstacle or why

    def header(self, fields: list[bytes], entity: _Entity) -> bytes:
        return b"".join([field + b"\r\n" for field in fields])

    def body_line(self, line: bytes) -> bytes:
        return b""

    def end_leaf(self, whole: bool) -> bytes:
        """The part is over; `whole` = its last line end is its own, not the boundary's (RFC 2046 5.1.1)."""
        return b""


class EightBitScan(_Walker):
    """First pass: `found` any octet above 127, `header` one in a header block, `leaves` the numbers of the parts;
    `dense` those of parts that are shorter in base64 than in quoted-printable."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False
        self.header_found = False
        self.leaves: set[int] = set()
        self.dense: set[int] = set()
        self._size = self._escaped = 0

    def feed(self, octets: bytes) -> bytes:
        self.found = self.found or not octets.isascii()
        if not self.obstacle:
            super().feed(octets)
        return b""

    def header(self, fields: list[bytes], entity: _Entity) -> bytes:
        odd = [field for field in fields if not field.isascii()]
        if odd:
            self.header_found = True
            if self._signed or not entity.boundary.isascii() or any(ascii_field(field) is None for field in odd):
                self._hinder("a header field has octets above 127")
        if entity.kind == "multipart/signed":
            self._signed.append(len(self._boundaries))
        return b""

    def body_line(self, line: bytes) -> bytes:
        self._size += len(line) + 2
        self._escaped += len(line.translate(None, _PLAIN))
        if not line.isascii():
            self.leaves.add(self.leaf)
            self._judge(self._entity)
        return b""

    def end_leaf(self, whole: bool) -> bytes:
        if self._size >= DENSE_MIN and self._size + 2 * self._escaped > self._size * 78 / _BASE64_LINE:
            self.dense.add(self.leaf)
        self._size = self._escaped = 0
        return b""

    def _judge(self, entity: _Entity) -> None:
        if self._signed:
            self._hinder("it is signed and may not be converted")
        if entity.encoding in ("base64", "quoted-printable"):
            self._hinder("its encoding is not what it says")
        if not entity.kind or entity.kind.startswith(("multipart/", "message/")):
            self._hinder("it has 8-bit text where none can be encoded")


class Converter(_Walker):
    """Second pass: the parts `leaves` in quoted-printable, those of them that are `dense` in base64."""

    def __init__(self, leaves: set[int], dense: Set[int] = frozenset()) -> None:
        super().__init__()
        self._leaves, self._dense = leaves, dense & leaves
        self._held: bytes | None = None  # of a part in base64: what is not encoded yet
        self._top = True

    def header(self, fields: list[bytes], entity: _Entity) -> bytes:
        top, self._top = self._top, False
        fields = [each if each.isascii() else ascii_field(each) or each for each in fields]
        kept = [each for each in fields if not each.lower().startswith(b"content-transfer-encoding")]
        names = {each.partition(b":")[0].strip().lower() for each in fields}
        if self.leaf + 1 in self._leaves:
            if top and b"mime-version" not in names:
                kept.append(b"MIME-Version: 1.0")
            if b"content-type" not in names:
                kept.append(b"Content-Type: text/plain; charset=unknown-8bit")
            encoding = b"base64" if self.leaf + 1 in self._dense else b"quoted-printable"
            kept.append(b"Content-Transfer-Encoding: " + encoding)
        elif entity.encoding in ("8bit", "binary"):
            kept.append(b"Content-Transfer-Encoding: 7bit")
        else:
            kept = fields
        return b"".join([field + b"\r\n" for field in kept])

    def body_line(self, line: bytes) -> bytes:
        if self.leaf not in self._leaves:
            return line + b"\r\n"
        if self.leaf in self._dense:
            self._held = line if self._held is None else self._held + b"\r\n" + line
            ready = len(self._held) // _BASE64_LINE * _BASE64_LINE
            octets, self._held = self._held[:ready], self._held[ready:]
            return _base64(octets)
        return binascii.b2a_qp(line, istext=True).replace(b"\n", b"\r\n") + b"\r\n"

    def end_leaf(self, whole: bool) -> bytes:
        held, self._held = self._held, None
        return b"" if held is None else _base64(held + b"\r\n" if whole else held)


def _base64(octets: bytes) -> bytes:
    lines = (octets[at : at + _BASE64_LINE] for at in range(0, len(octets), _BASE64_LINE))
    return b"".join([binascii.b2a_base64(line, newline=False) + b"\r\n" for line in lines])
