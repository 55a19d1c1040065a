"""What a pretend mail server says on one connection: SMTP as far as a script lets it (appliance/pretend/script.py).

`run` ends with Gone, or with what asyncio raises when the client goes away; the server swallows both.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import ssl
from dataclasses import dataclass, field
from typing import Protocol

from appliance.pretend.script import Rule, Script

CONTENT_MAX = 64 << 20
CHALLENGE = b"<1896.697170952@pretend.example>"
_PATH = re.compile(r"<([^>]*)>\s*(.*)")


class Gone(Exception):
    """The connection is over."""


@dataclass(slots=True)
class Received:
    """One message: paths without brackets, their parameters as sent, the content without dot-stuffing."""

    helo: str
    tls: bool
    login: str
    reverse_path: str
    parameters: str
    recipients: list[str] = field(default_factory=list)
    recipient_parameters: list[str] = field(default_factory=list)
    content: bytes = b""
    wire: bytes = b""
    connection: int = 0
    bdat: bool = False


class Place(Protocol):
    """The server as a dialogue sees it."""

    script: Script
    name: str
    tls: ssl.SSLContext | None
    implicit: bool
    lines: list[str]

    def keep(self, message: Received) -> None: ...


class Dialogue:
    """One connection, number `number` of its server."""

    def __init__(self, server: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.server, self.reader, self.writer, self.number = server, reader, writer, number
        self.helo, self.login, self.tls = "", "", server.implicit
        self.message: Received | None = None

    async def run(self) -> None:
        if (rule := self.server.script.match("CONNECT")) is not None:
            await self._act(rule)
        await self._say("GREETING", "", f"220 {self.server.name} ESMTP pretend")
        while True:
            line = (await self.reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
            self.server.lines.append(line)
            verb, _, argument = line.partition(" ")
            handler = getattr(self, f"_on_{verb.lower()}", None)
            if handler is None:
                self.writer.write(b"500 5.5.2 unknown command\r\n")
                await self.writer.drain()
            else:
                await handler(argument)

    async def _say(self, step: str, argument: str, usual: str) -> bool:
        """Answer by the script, else as `usual`; whether the answer was positive. Raises Gone."""
        rule = self.server.script.match(step, argument)
        reply = usual + "\r\n"
        if rule is not None:
            reply = await self._act(rule) or reply
        self.writer.write(reply.encode())
        await self.writer.drain()
        if reply.startswith("421"):
            raise Gone
        return reply[0] in "23"

    async def _act(self, rule: Rule) -> str:
        match rule.action:
            case "wait":
                await asyncio.sleep(rule.amount)
            case "hang":
                await asyncio.sleep(3600)
            case "drip":
                while True:
                    self.writer.write(b"2")
                    await self.writer.drain()
                    await asyncio.sleep(1.0 if not rule.amount else rule.amount)
            case "flood":
                while True:
                    self.writer.write(b"250-" + b"x" * 400 + b"\r\n")
                    await self.writer.drain()
            case "cut":
                self.writer.write(b"25")
                await self.writer.drain()
                raise Gone
            case "drop":
                self.writer.transport.abort()
                raise Gone
        return rule.reply

    async def _on_ehlo(self, argument: str) -> None:
        self.helo, self.message = argument, None
        offers = [self.server.name, *self.server.script.offers]
        if self.server.script.starttls and not self.tls:
            offers.append("STARTTLS")
        if self.server.script.login:
            offers.append("AUTH PLAIN LOGIN CRAM-MD5")
        text = "\r\n".join(f"250{'-' if at < len(offers) - 1 else ' '}{each}" for at, each in enumerate(offers))
        await self._say("EHLO", argument, text)

    async def _on_helo(self, argument: str) -> None:
        self.helo, self.message = argument, None
        await self._say("HELO", argument, f"250 {self.server.name}")

    async def _on_starttls(self, argument: str) -> None:
        mode, context = self.server.script.starttls, self.server.tls
        if not mode or (context is None and mode == "on"):
            self.writer.write(b"502 5.5.1 no TLS here\r\n")
            return
        if not await self._say("STARTTLS", argument, "220 2.0.0 go ahead" + "\r\n250 PWNED" * (mode == "inject")):
            return
        if mode == "garbage" or context is None:
            await self.reader.read(1)
            self.writer.write(b"this is not TLS at all\r\n" * 4)
            await self.writer.drain()
            raise Gone
        await self.writer.start_tls(context)
        self.tls, self.message = True, None

    async def _on_auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        user, password = self.server.script.login or ("", "")
        match mechanism.upper():
            case "PLAIN":
                secret = base64.b64decode(initial or await self._ask(b"")).split(b"\0")
                right = secret[1:] == [user.encode(), password.encode()]
            case "LOGIN":
                name = base64.b64decode(initial or await self._ask(b"Username:"))
                right = [name, base64.b64decode(await self._ask(b"Password:"))] == [user.encode(), password.encode()]
            case "CRAM-MD5":
                answer = base64.b64decode(await self._ask(CHALLENGE)).decode()
                digest = hmac.new(password.encode(), CHALLENGE, hashlib.md5).hexdigest()
                right = answer == f"{user} {digest}"
            case _:
                right = False
        usual = "235 2.7.0 welcome" if right else "535 5.7.8 wrong user or password"
        if await self._say("AUTH", argument, usual):
            self.login = user

    async def _ask(self, prompt: bytes) -> bytes:
        self.writer.write(b"334 " + base64.b64encode(prompt) + b"\r\n")
        await self.writer.drain()
        return (await self.reader.readuntil(b"\n")).strip()

    async def _on_mail(self, argument: str) -> None:
        path, parameters = _path(argument)
        if self.server.script.login and not self.login:
            await self._say("MAIL", path, "530 5.7.0 login first")
        elif await self._say("MAIL", path, "250 2.1.0 ok"):
            self.message = Received(self.helo, self.tls, self.login, path, parameters, connection=self.number)

    async def _on_rcpt(self, argument: str) -> None:
        path, parameters = _path(argument)
        if self.message is None:
            await self._say("RCPT", path, "503 5.5.1 MAIL first")
        elif await self._say("RCPT", path, "250 2.1.5 ok"):
            self.message.recipients.append(path)
            self.message.recipient_parameters.append(parameters)

    async def _on_data(self, _: str) -> None:
        rule = self.server.script.match("DATA")
        usual = "354 go on" if self.message and self.message.recipients else "503 5.5.1 no recipients"
        reply = usual + "\r\n"
        if rule is not None and not (rule.action == "drop" and rule.amount):
            reply = await self._act(rule) or reply
        self.writer.write(reply.encode())
        await self.writer.drain()
        if not reply.startswith("354"):
            return
        wire = bytearray()
        while True:
            if rule is not None and rule.action == "drop" and len(wire) >= rule.amount:
                self.writer.transport.abort()
                raise Gone
            line = await self.reader.readuntil(b"\n")
            wire += line
            if line == b".\r\n" or len(wire) > CONTENT_MAX:
                break
        await self._finish(bytes(wire), unstuff(bytes(wire[:-3])), False)

    async def _on_bdat(self, argument: str) -> None:
        size, _, last = argument.partition(" ")
        octets = await self.reader.readexactly(min(int(size), CONTENT_MAX))
        if self.message is None or not self.message.recipients:
            await self._say("BDAT", argument, "503 5.5.1 no recipients")
            return
        self.message.content += octets
        if last.strip().upper() == "LAST":
            await self._finish(self.message.content, self.message.content, True)
        else:
            await self._say("BDAT", argument, f"250 2.0.0 {size} octets")

    async def _finish(self, wire: bytes, content: bytes, bdat: bool) -> None:
        message, self.message = self.message, None
        if await self._say("DATAEND", "", "250 2.0.0 taken") and message is not None and message.recipients:
            message.content, message.wire, message.bdat = content, wire, bdat
            self.server.keep(message)

    async def _on_rset(self, argument: str) -> None:
        self.message = None
        await self._say("RSET", argument, "250 2.0.0 ok")

    async def _on_noop(self, argument: str) -> None:
        await self._say("NOOP", argument, "250 2.0.0 ok")

    async def _on_quit(self, argument: str) -> None:
        await self._say("QUIT", argument, "221 2.0.0 bye")
        raise Gone


def unstuff(wire: bytes) -> bytes:
    """Without dot-stuffing (RFC 5321 4.5.2)."""
    return re.sub(rb"(?:(?<=\r\n)|\A)\.", b"", wire)


def _path(argument: str) -> tuple[str, str]:
    found = _PATH.search(argument)
    return (found[1], found[2]) if found else (argument, "")
