"""A raw SMTP client and an intake on loopback, for tests that look at single octets."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from appliance.intake.server import Intake
from appliance.ports import Queue, Spool
from appliance.settings.schema import AccessRule, Box, Listener, Paths, Settings
from appliance.settings.schema import Intake as Limits
from tests.fakes.spool import MemoryQueue, MemorySpool

LAN = Listener(name="lan", address="127.0.0.1", port=0, tls="none")


@dataclass
class HandClock:
    """Real time plus what a test adds."""

    ahead: float = 0.0

    def wall(self) -> float:
        return 1_790_000_000.0 + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead

    def known(self) -> bool:
        return True


PLAIN = re.compile(r"220 box\.|220 \[|250[ -](?:box\.example\.com|\[|[A-Z0-9]{3,}\b)|334 |354 ")
CODED = re.compile(r"([245])\d\d[ -]\1\.\d{1,3}\.\d{1,3} ")


def lawful(line: str) -> bool:
    """Each reply but the greeting, EHLO's and what asks for more has an enhanced code of its first digit's class (RFC
    2034 4); every reply in every test is looked at."""
    return bool(CODED.match(line) or PLAIN.match(line))


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *lines: str, end: str = "\r\n") -> None:
        self.raw("".join(line + end for line in lines).encode("utf-8", "surrogateescape"))

    def raw(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def reply(self) -> str:
        """One whole reply, its lines joined by LF."""
        lines: list[str] = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 10)).decode()
            assert line.endswith("\r\n"), f"cut reply {line!r} after {lines}"
            lines.append(line[:-2])
            if line[3] == " ":
                assert all(map(lawful, lines)), f"no enhanced code of its class: {lines}"
                return "\n".join(lines)

    async def ask(self, line: str) -> str:
        self.send(line)
        return await self.reply()

    async def hello(self) -> str:
        await self.reply()
        return await self.ask("EHLO pc.example")

    async def envelope(self, sender: str = "a@example.com", *recipients: str, mail: str = "") -> list[str]:
        replies = [await self.ask(f"MAIL FROM:<{sender}>{mail}")]
        replies += [await self.ask(f"RCPT TO:<{each}>") for each in recipients or ("b@example.net",)]
        return replies

    async def data(self, content: bytes) -> str:
        """`content` as it goes over the wire, with the final dot line."""
        first = await self.ask("DATA")
        assert first.startswith("354"), first
        self.raw(content)
        return await self.reply()

    async def post(self, content: bytes = b"Subject: x\r\n\r\nhello\r\n.\r\n") -> str:
        await self.envelope()
        return await self.data(content)

    async def at_end(self) -> bool:
        """Whether the server has closed."""
        try:
            return await asyncio.wait_for(self.reader.read(65536), 10) == b""
        except ConnectionError:
            return True

    async def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await self.writer.start_tls(context)


@dataclass
class Place:
    """An intake that runs, and what it was given."""

    intake: Intake
    spool: MemorySpool
    queue: MemoryQueue
    clock: HandClock
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, listener: str = "lan", tls: ssl.SSLContext | None = None) -> Client:
        address, port = next((address, port) for name, address, port in self.intake.bound if name == listener)
        reader, writer = await asyncio.open_connection(address, port, ssl=tls, limit=1 << 22)
        self.writers.append(writer)
        return Client(reader, writer)

    async def greeted(self, listener: str = "lan") -> Client:
        client = await self.connect(listener)
        await client.hello()
        return client


def settings(folder: Path, *listeners: Listener, **changes: Any) -> Settings:
    """`changes` are sections of Settings, or keys of [intake]."""
    keys = {key: changes.pop(key) for key in list(changes) if key in Limits.__dataclass_fields__}
    made = Settings(
        box=Box(mail_name="box.example.com"),
        listener=listeners or (LAN,),
        access=(AccessRule(network="private"),),
        paths=Paths(accounts=str(folder / "accounts.json"), tls=str(folder / "tls")),
        intake=Limits(**{"hijack_factor": 0.0, **keys}),
    )
    return replace(made, **changes)


@contextlib.asynccontextmanager
async def running(made: Settings, ahead: float = 0.0, **more: Any) -> AsyncIterator[Place]:
    spool, queue, clock = MemorySpool(), MemoryQueue(), HandClock()
    clock.ahead = ahead
    intake = Intake(made, cast(Spool, spool), cast(Queue, queue), clock, **more)
    await intake.start()
    place = Place(intake, spool, queue, clock)
    try:
        yield place
    finally:
        for writer in place.writers:
            writer.close()
        await asyncio.sleep(0)
        await intake.stop()
