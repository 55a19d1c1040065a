"""An SMTP session with one host: greeting, EHLO or HELO, STARTTLS, login (RFC 5321 3.1, 4.1.1.1; RFC 3207; RFC 4954).

`open_session` gives a Session that is ready for MAIL, or an Unready that says why not and whether another address may
do better; `TlsFailed` asks the caller to come again without TLS. Time-outs are those of RFC 5321 4.5.3.2 times
`factor`.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from appliance.core.capabilities import Capabilities
from appliance.core.networks import address_of
from appliance.core.reply import Reply
from appliance.core.smtp_reply import RemoteReply, in_greeting
from appliance.delivery.login import choose, log_in
from appliance.delivery.port25 import Port25
from appliance.delivery.wire import Lost, Wire
from appliance.ports import Hop, Host

CONNECT_S: Final = 30.0
CONNECT_IPV6_S: Final = 10.0  # a black hole is more likely there, and there is nearly always an IPv4 address too
GREETING_S: Final = 300.0
COMMAND_S: Final = 300.0
TLS_S: Final = 60.0
QUIT_S: Final = 2.0
Contexts = Callable[[bool, str], ssl.SSLContext]
Passwords = Callable[[str], Awaitable[str | None]]


class TlsFailed(Exception):
    """The handshake failed; `reply` says how."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Unready:
    """Why there is no session. `elsewhere` = worth a try at the next address: not after a refused login, which would
    only lock the account."""

    reply: Reply
    elsewhere: bool = True


@dataclass(slots=True)
class Session:
    """`place` is name, port and address of the host; `messages` counts transactions begun; `reused` = it was used
    before; `deadline` (loop time) bounds all reads of one stage of a transaction together."""

    wire: Wire
    hop: Hop
    place: tuple[str, int, str]
    factor: float
    capable: Capabilities = field(default_factory=Capabilities)
    encrypted: bool = False
    messages: int = 0
    reused: bool = False
    deadline: float = math.inf

    async def ask(self, line: str, wait_s: float = COMMAND_S) -> RemoteReply:
        """One command, one answer. Raises Lost, also for a 421 (RFC 5321 3.8)."""
        self.wire.write(line.encode() + b"\r\n")
        return await self.read(wait_s)

    async def read(self, wait_s: float = COMMAND_S) -> RemoteReply:
        answer = await self.wire.answer(self._span(wait_s))
        if answer.code == 421:
            self.wire.abort()
            raise Lost(answer.reply(self.wire.peer))
        return answer

    async def drain(self, wait_s: float) -> None:
        """Wait until the peer has taken most of what was written. Raises Lost."""
        await self.wire.drain(self._span(wait_s))

    def _span(self, wait_s: float) -> float:
        return max(min(wait_s * self.factor, self.deadline - asyncio.get_running_loop().time()), 0.0)

    def bound(self, span_s: float) -> None:
        """From now on all reads together take at most `span_s` (times the factor)."""
        self.deadline = asyncio.get_running_loop().time() + span_s * self.factor

    async def quit(self) -> None:
        """Say goodbye and wait briefly; never raises."""
        try:
            self.wire.write(b"QUIT\r\n")
            await self.wire.answer(QUIT_S * max(self.factor, 0.1))
        except Lost:
            pass
        finally:
            self.wire.abort()


@dataclass(frozen=True, slots=True)
class Opener:
    """What every new session needs beside its next hop."""

    name: str
    factor: float
    contexts: Contexts
    password: Passwords
    port25: Port25 = field(default_factory=Port25)

    async def open_session(self, hop: Hop, host: Host, address: str, clear: bool) -> Session | Unready:
        """Connect to this very address; `clear` = no STARTTLS although it may be offered. Raises TlsFailed."""
        wire = Wire(f"{host.name}[{address}]" if host.name != address else f"[{address}]")
        try:
            await self._connect(wire, hop, host, address)
            session = Session(wire, hop, (host.name, host.port, address), self.factor)
            trouble = await self._begin(session, host, clear)
        except Lost as lost:
            wire.abort()
            return Unready(lost.reply)
        except BaseException:
            wire.abort()
            raise
        if trouble is None:
            return session
        await session.quit()
        return trouble

    async def _connect(self, wire: Wire, hop: Hop, host: Host, address: str) -> None:
        source = address_of(hop.source_address)
        target = address_of(address)
        fits = source is not None and target is not None and source.version == target.version
        loop = asyncio.get_running_loop()
        local = (hop.source_address, 0) if fits else None
        try:
            wait_s = CONNECT_IPV6_S if ":" in address else CONNECT_S
            async with asyncio.timeout(wait_s * self.factor):
                await loop.create_connection(lambda: wire, address, host.port, local_addr=local)
            self.port25.opened(host.port)
        except TimeoutError:
            self.port25.failed(address, host.port, loop.time())
            raise Lost(Reply(451, "4.4.1", f"{wire.peer} does not answer on port {host.port}")) from None
        except OSError as trouble:
            if isinstance(trouble, ConnectionRefusedError):
                self.port25.failed(address, host.port, loop.time())
            why = trouble.strerror or str(trouble)
            raise Lost(Reply(451, "4.4.1", f"no connection to {wire.peer} port {host.port}: {why}")) from None

    async def _begin(self, session: Session, host: Host, clear: bool) -> Unready | None:
        hop = session.hop
        if hop.tls.mode == "implicit":
            await self._handshake(session, host)
        greeting = await session.read(GREETING_S)
        if greeting.code != 220:
            return Unready(in_greeting(_trouble(greeting, session)))
        if (trouble := await self._hello(session)) is not None:
            return Unready(trouble)
        if hop.tls.mode in ("opportunistic", "starttls") and not clear:
            if session.capable.starttls and (trouble := await self._start_tls(session, host)) is not None:
                return Unready(trouble)
            if hop.tls.mode == "starttls" and not session.encrypted:
                return Unready(Reply(454, "4.7.4", f"{session.wire.peer} offers no TLS and the settings want it"))
        trouble = await self._log_in(session) if hop.user else None
        return Unready(trouble, elsewhere=False) if trouble else None

    async def _hello(self, session: Session) -> Reply | None:
        """EHLO, or HELO for a host that does not know it (RFC 5321 3.2)."""
        answer = await session.ask(f"EHLO {self._own_name(session)}")
        if answer.positive:
            session.capable = Capabilities.parse(answer.lines[1:])
            return None
        if answer.code in (500, 501, 502, 504):
            answer = await session.ask(f"HELO {self._own_name(session)}")
            if answer.positive:
                session.capable = Capabilities()
                return None
        return _trouble(answer, session)

    def _own_name(self, session: Session) -> str:
        return self.name or session.wire.own_literal()

    async def _start_tls(self, session: Session, host: Host) -> Reply | None:
        """None also when the host refuses and the policy can do without; a fresh EHLO follows (RFC 3207 4.2)."""
        try:
            answer = await session.ask("STARTTLS")
        except Lost as lost:
            raise TlsFailed(lost.reply) from None
        if answer.code != 220:
            return None if session.hop.tls.mode == "opportunistic" else _trouble(answer, session)
        await self._handshake(session, host)
        session.capable = Capabilities()
        try:
            return await self._hello(session)
        except Lost as lost:
            raise TlsFailed(lost.reply) from None

    async def _handshake(self, session: Session, host: Host) -> None:
        policy = session.hop.tls
        try:
            context = self.contexts(policy.verify, policy.ca_file)
            await session.wire.start_tls(context, host.name.strip("[]"), max(TLS_S * self.factor, 0.5))
        except (OSError, ssl.SSLError, TimeoutError, ValueError) as trouble:
            why = getattr(trouble, "verify_message", "") or getattr(trouble, "reason", "") or str(trouble)
            raise TlsFailed(Reply(454, "4.7.5", f"TLS with {session.wire.peer} failed: {why}")) from None
        session.encrypted = True

    async def _log_in(self, session: Session) -> Reply | None:
        """A refused login is a reply about us: 5yz ends this relay's turn."""
        hop = session.hop
        mechanism = choose(hop, session.capable, session.encrypted)
        if isinstance(mechanism, Reply):
            return mechanism
        password = await self.password(hop.credential)
        if password is None:
            return Reply(454, "4.7.0", f"no password is kept for {hop.name}")
        answer = await log_in(session.wire, mechanism, hop.user, password, COMMAND_S * self.factor)
        return None if answer.positive else _trouble(answer, session, "4.7.8" if answer.code < 500 else "5.7.8")


def _trouble(answer: RemoteReply, session: Session, enhanced: str = "") -> Reply:
    """What the host said in place of yes; an answer that makes no sense here is transient."""
    reply = answer.reply(session.wire.peer)
    if reply.code < 400:
        return Reply(451, "4.5.0", f"unexpected answer {reply.code} {reply.text}", session.wire.peer)
    if enhanced and not reply.enhanced:
        return Reply(reply.code, enhanced, reply.text, reply.host)
    return reply
