"""One TCP connection to a next hop: octets out, replies in, each wait bounded.

Raises Lost, with the Reply that says why, when the connection is gone, silent for too long or talks nonsense; from then
on every call raises it again. What a peer can make us keep is bounded by core/smtp_reply.py and ANSWERS_MAX.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from typing import Final

from appliance.core.reply import Reply
from appliance.core.smtp_reply import BadReply, RemoteReply, ReplyParser

ANSWERS_MAX: Final = 256
BUFFER_BYTES: Final = 131072


class Lost(Exception):
    """The connection is of no use any more."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class Wire(asyncio.Protocol):
    """`peer` is the name[address] that goes into replies."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = ReplyParser()
        self._answers: deque[RemoteReply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._lost: Reply | None = None

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        try:
            self._answers.extend(self._parser.feed(data))
        except BadReply as trouble:
            self._give_up(Reply(451, "4.5.0", f"{self.peer} does not speak SMTP: {trouble}"))
        if len(self._answers) > ANSWERS_MAX:
            self._give_up(Reply(451, "4.5.0", f"{self.peer} answers more than it was asked"))
        self._wake(self._waiter)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        why = f": {getattr(exc, 'strerror', None) or exc}" if exc else ""
        self._lost = self._lost or Reply(451, "4.4.2", f"{self.peer} closed the connection{why}")
        self._wake(self._waiter)
        self._wake(self._room)

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        self._wake(self._room)
        self._room = None

    # the session calls these

    @property
    def alive(self) -> bool:
        """Whether it may be used again: open, and nothing came that nobody asked for."""
        return self._lost is None and not self._answers and self._parser.empty

    def own_literal(self) -> str:
        """The address that we speak from, as a literal (RFC 5321 4.1.3)."""
        name = self._transport.get_extra_info("sockname") if self._transport else None
        address = str(name[0]).partition("%")[0] if name else "127.0.0.1"
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    @property
    def has_answer(self) -> bool:
        return bool(self._answers)

    def write(self, octets: bytes) -> None:
        if self._lost is not None or self._transport is None:
            raise Lost(self._lost or Reply(451, "4.4.2", f"{self.peer} is not connected"))
        self._transport.write(octets)

    async def drain(self, wait_s: float) -> None:
        """Wait until there is room for more."""
        if self._room is not None:
            await self._wait(self._room, wait_s)
        if self._lost is not None:
            raise Lost(self._lost)

    async def answer(self, wait_s: float) -> RemoteReply:
        """The next reply, whole within `wait_s`, however slowly it drips."""
        deadline = self._loop.time() + wait_s
        while not self._answers:
            if self._lost is not None:
                raise Lost(self._lost)
            self._waiter = self._loop.create_future()
            await self._wait(self._waiter, max(deadline - self._loop.time(), 0.0))
        return self._answers.popleft()

    async def start_tls(self, context: ssl.SSLContext, name: str, wait_s: float) -> None:
        """Raises Lost when octets came before the handshake (injected: CVE-2011-0411), OSError or ssl.SSLError
        when the handshake fails."""
        if self._transport is None or not self.alive:
            self._give_up(Reply(451, "4.7.0", f"{self.peer} sent octets before the TLS handshake"))
            raise Lost(self._lost or Reply(451, "4.4.2", f"{self.peer} is not connected"))
        upgraded = await self._loop.start_tls(
            self._transport, self, context, server_hostname=name, ssl_handshake_timeout=wait_s
        )
        if upgraded is None:
            raise ConnectionError("closed during the handshake")
        self._transport = upgraded
        upgraded.set_write_buffer_limits(high=BUFFER_BYTES)

    def abort(self) -> None:
        self._give_up(Reply(451, "4.4.2", f"connection to {self.peer} given up"))

    async def _wait(self, future: asyncio.Future[None], wait_s: float) -> None:
        timer = self._loop.call_later(wait_s, self._time_out)
        try:
            await future
        finally:
            timer.cancel()

    def _time_out(self) -> None:
        self._give_up(Reply(451, "4.4.2", f"{self.peer} does not answer in time"))
        self._wake(self._waiter)
        self._wake(self._room)

    def _give_up(self, reply: Reply) -> None:
        self._lost = self._lost or reply
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.abort()

    @staticmethod
    def _wake(future: asyncio.Future[None] | None) -> None:
        if future is not None and not future.done():
            future.set_result(None)
