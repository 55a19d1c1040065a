"""A pretend name server on loopback, UDP and TCP on one port, that answers from a zone written as text.

    y.example        MX    10 mx.y.example
    mx.y.example 60  A     127.0.0.12            a time to live may stand before the type
    www.y.example    CNAME y.example
    null.example     MX    0 .
    sick.example     SERVFAIL                    also REFUSED, NXDOMAIN, TIMEOUT (no answer), TRUNCATE (by UDP),
    sick.example     SERVFAIL A x2               WRONG (answers another question), JUNK (no DNS at all),
    flip.example     ROTATE                      ROTATE (one record an answer, in turn), SECURE (says AD)

A trouble may name the types it holds for and how often (`x2`). A name that is nowhere gets NXDOMAIN. `queries` keeps
what was asked, `udp_bytes` the largest answer that the last asker takes by UDP. A bad zone raises ValueError when
given; nothing from the network raises.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field

from appliance.pretend import dns_wire as wire
from appliance.pretend.dns_wire import Question, Record

TROUBLES = frozenset({"SERVFAIL", "REFUSED", "NXDOMAIN", "TIMEOUT", "TRUNCATE", "WRONG", "JUNK", "ROTATE", "SECURE"})
CODES = {"SERVFAIL": wire.SERVFAIL, "REFUSED": wire.REFUSED, "NXDOMAIN": wire.NXDOMAIN}
CHAIN_MAX = 30


@dataclass(slots=True)
class Trouble:
    """One line of the zone that is no record; `left` None = for ever."""

    word: str
    types: frozenset[str]
    left: int | None

    def applies(self, kind: str) -> bool:
        if (self.types and kind not in self.types) or self.left == 0:
            return False
        if self.left is not None:
            self.left -= 1
        return True


@dataclass(slots=True)
class Zone:
    """The parsed text."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    turns: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Zone:
        zone = cls()
        for line in text.splitlines():
            words = line.partition(";")[0].split()
            if not words or words[0].startswith("#"):
                continue
            zone._add(words[0].rstrip(".").lower(), words[1:], line)
        return zone

    def _add(self, name: str, words: list[str], line: str) -> None:
        ttl = int(words.pop(0)) if words and words[0].isdigit() else 60
        if not words:
            raise ValueError(f"no type: {line}")
        kind = words[0].upper()
        if kind in TROUBLES:
            times = [int(word[1:]) for word in words[1:] if word[0] == "x" and word[1:].isdigit()]
            types = frozenset(word.upper() for word in words[1:] if word[0] != "x")
            self.troubles.setdefault(name, []).append(Trouble(kind, types, times[0] if times else None))
            return
        record = Record(name, kind, " ".join(words[1:]), ttl)
        record.encode()
        self.records.setdefault(name, []).append(record)

    def trouble(self, name: str, kind: str) -> set[str]:
        return {each.word for each in self.troubles.get(name, ()) if each.applies(kind)}

    def find(self, name: str, kind: str) -> list[Record]:
        """The records of this type, behind every CNAME on the way."""
        found: list[Record] = []
        for _ in range(CHAIN_MAX):
            rows = self.records.get(name, [])
            hits = [row for row in rows if kind in (row.type, "ANY")]
            alias = next((row for row in rows if row.type == "CNAME"), None)
            if hits or alias is None:
                return found + hits
            found.append(alias)
            name = alias.data.rstrip(".").lower()
        return found


class Nameserver(asyncio.DatagramProtocol):
    """`address` is "127.0.0.1:PORT" once started."""

    def __init__(self, zone: str = "") -> None:
        self.zone = Zone.parse(zone)
        self.queries: list[tuple[str, str]] = []
        self.tcp_queries = 0
        self.udp_bytes = 0
        self.host, self.port = "", 0
        self._server: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def change(self, zone: str) -> None:
        """Answer from this text from now on."""
        self.zone = Zone.parse(zone)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 = a free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        for left in reversed(range(5)):
            server = await asyncio.start_server(self._tcp, host, port)
            chosen = server.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, chosen))
            except OSError:
                server.close()
                if port or not left:
                    raise
                continue
            self._server, self.host, self.port = server, host, chosen
            return

    async def stop(self) -> None:
        if self._udp:
            self._udp.close()
        if self._server:
            self._server.close()
        await asyncio.sleep(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Required by asyncio; the transport is known from `start`."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data, by_udp=True)
        if answer and self._udp:
            self._udp.sendto(answer, addr)

    async def _tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size = struct.unpack(">H", await reader.readexactly(2))[0]
                answer = self._answer(await reader.readexactly(size), by_udp=False)
                self.tcp_queries += 1
                if answer:
                    writer.write(struct.pack(">H", len(answer)) + answer)
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, data: bytes, *, by_udp: bool) -> bytes | None:
        try:
            question = Question.parse(data)
        except ValueError:
            return None
        self.queries.append((question.name, question.type))
        self.udp_bytes = question.udp_bytes
        trouble = self.zone.trouble(question.name, question.type)
        if "TIMEOUT" in trouble:
            return None
        if "JUNK" in trouble:
            return data[:2] + b"\xff" * 40
        for word, code in CODES.items():
            if word in trouble:
                return wire.encode_answer(question, [], code)
        if question.name not in self.zone.records and question.name not in self.zone.troubles:
            return wire.encode_answer(question, [], wire.NXDOMAIN)
        return self._records(question, trouble, by_udp)

    def _records(self, question: Question, trouble: set[str], by_udp: bool) -> bytes:
        rows = self.zone.find(question.name, question.type)
        if "ROTATE" in trouble and rows:
            turn = self.zone.turns.get((question.name, question.type), 0)
            self.zone.turns[question.name, question.type] = turn + 1
            rows = [rows[turn % len(rows)]]
        if "WRONG" in trouble:
            question = Question(question.ident, "other." + question.name, question.type, question.udp_bytes)
        whole = wire.encode_answer(question, rows, secure="SECURE" in trouble)
        while len(whole) > 65535:
            rows = rows[: len(rows) // 2]
            whole = wire.encode_answer(question, rows, secure="SECURE" in trouble)
        if by_udp and ("TRUNCATE" in trouble or len(whole) > question.udp_bytes):
            return wire.encode_answer(question, rows, truncated=True)
        return whole
