"""DNS messages in wire form, as little of it as a pretend name server needs (RFC 1035 4.1, RFC 6891 6.1).

`Question.parse` raises ValueError on what is not a query with one question; the encoders raise ValueError on bad data.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

TYPES = {"A": 1, "CNAME": 5, "MX": 15, "TXT": 16, "AAAA": 28, "ANY": 255}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
OPT = 41
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record; `data` as in a zone file: "10 mx.y.example", "192.0.2.1"."""

    name: str
    type: str
    data: str
    ttl: int = 60

    def encode(self) -> bytes:
        body = _rdata(self.type, self.data)
        return encode_name(self.name) + struct.pack(">HHIH", TYPES[self.type], 1, self.ttl, len(body)) + body


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked; `udp_bytes` is the largest answer that the asker takes by UDP."""

    ident: int
    name: str
    type: str
    udp_bytes: int

    @classmethod
    def parse(cls, wire: bytes) -> Self:
        if len(wire) < 17 or wire[4:6] != b"\0\1" or wire[2] & 0x80:
            raise ValueError("not a query")
        name, at = _read_name(wire, 12)
        number = int.from_bytes(wire[at : at + 2], "big")
        size = 512
        if wire[10:12] == b"\0\1" and wire[at + 4 : at + 7] == b"\0" + struct.pack(">H", OPT):
            size = max(512, int.from_bytes(wire[at + 7 : at + 9], "big"))
        return cls(int.from_bytes(wire[:2], "big"), name, TYPE_NAMES.get(number, f"TYPE{number}"), size)


def encode_answer(
    question: Question, answers: Sequence[Record], code: int = NOERROR, *, truncated: bool = False, secure: bool = False
) -> bytes:
    """The whole answer; `truncated` leaves the records out and says so (RFC 2181 9)."""
    flags = 0x8580 | (0x0200 if truncated else 0) | (0x0020 if secure else 0) | code
    rows = [] if truncated else [each.encode() for each in answers]
    head = struct.pack(">6H", question.ident, flags, 1, len(rows), 0, 1)
    kind = TYPES.get(question.type) or int(question.type.removeprefix("TYPE"))
    asked = encode_name(question.name) + struct.pack(">HH", kind, 1)
    return head + asked + b"".join(rows) + b"\0" + struct.pack(">HHIH", OPT, 1232, 0, 0)


def encode_name(name: str) -> bytes:
    labels = [label.encode("idna" if not label.isascii() else "ascii") for label in name.split(".") if label]
    if any(len(label) > 63 for label in labels):
        raise ValueError(f"label too long: {name}")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _read_name(wire: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    while True:
        size = wire[at] if at < len(wire) else 255
        if size > 63 or at + size + 5 > len(wire):
            raise ValueError("bad name")
        if size == 0:
            return ".".join(labels).lower(), at + 1
        labels.append(wire[at + 1 : at + 1 + size].decode("latin-1"))
        at += 1 + size


def _rdata(kind: str, data: str) -> bytes:
    match kind:
        case "A":
            return ipaddress.IPv4Address(data).packed
        case "AAAA":
            return ipaddress.IPv6Address(data).packed
        case "CNAME":
            return encode_name(data)
        case "MX":
            preference, _, host = data.partition(" ")
            return struct.pack(">H", int(preference)) + encode_name(host.strip())
        case "TXT":
            octets = data.encode()
            pieces = [octets[at : at + 255] for at in range(0, len(octets), 255)] or [b""]
            return b"".join(bytes([len(piece)]) + piece for piece in pieces)
        case _:
            raise ValueError(f"no such record type: {kind}")
