"""The door for aiosmtpd: one client's connection, as octets, lines and replies.

`Connection` is aiosmtpd's SMTP protocol with its reading and writing replaced: octets are taken in blocks, replies are
gathered and written together before the connection waits (RFC 2920 3.2), STARTTLS drops what was buffered (RFC 3207
4.2). What is said is decided by the talk that `made` returns. A lost or expelled client makes the next read raise Gone;
`talk` is never cancelled, so a commit under way always ends. At most BUFFER_MAX octets and one read wait here.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiosmtpd.smtp import SMTP

from appliance.intake.held import Held

BUFFER_MAX: Final = 65536
BLOCK_MAX: Final = 262144  # what asyncio reads at once
REPLIES_MAX: Final = 8192  # octets of replies gathered before they are written
LINGER_S: Final = 2.0  # how long a client that is sent away may take to notice
LINGER_MAX: Final = 1 << 24  # octets of it that are dropped meanwhile
NEVER: Final = float("inf")

logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells of each connection

Talk = Callable[[], Awaitable[None]]


class Gone(Exception):
    """The client has left or was sent away."""


class _Tls(asyncio.sslproto.SSLProtocol):
    max_size = 65536  # the standard quarter of a megabyte per connection is too much for a small box


class Connection(SMTP):
    """`deadline` (monotonic seconds) is set while we wait for the client; `received` counts octets."""

    def __init__(
        self,
        made: Callable[[Connection], Talk | None],
        lost: Callable[[Connection], None],
        now: Callable[[], float],
    ) -> None:
        # aiosmtpd's own constructor looks through all methods anew for each connection, which is a fifth of the work of
        # a short session. What its methods that are kept here need is set instead.
        self.loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=BUFFER_MAX, loop=self.loop)
        asyncio.StreamReaderProtocol.__init__(self, reader, self._cb_client_connected, self.loop)
        self.event_handler = None
        self._handle_hooks = {}
        self._timeout_handle = None
        self._handler_coroutine = None
        self._tls_protocol = None
        self._original_transport: asyncio.BaseTransport | None = None
        self.session = self.envelope = self.transport = None
        self._made, self._lost = made, lost
        self._now = now
        self._held = Held()
        self._out: list[bytes] = []
        self._out_size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._paused_reading = False
        self._over = self._lingering = False
        self._lingered = 0
        self._tls_waiter: asyncio.Future[None] | None = None
        self.patience = 300.0  # seconds of one wait
        self.deadline = NEVER
        self.waiting_since = NEVER
        self.received = 0
        self.peer = ""
        self.local = ""

    # -- the protocol's side ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._tls_waiter is not None:
            self.transport = transport  # TLS stands; all that was said before is forgotten by `talk`
            return
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.peer, self.local = (str(peer[0]) if peer else ""), (str(local[0]) if local else "")
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self._lingering:
            self._lingered += len(data)
            if self._lingered > LINGER_MAX:
                self.abort()
            return
        self._held.add(data)
        if len(self._held) > BUFFER_MAX and not self._paused_reading and self.transport is not None:
            self._paused_reading = True
            self.transport.pause_reading()  # type: ignore[attr-defined]
        self._wake()

    def eof_received(self) -> bool:
        self._over = True
        self._wake()
        return self._tls_waiter is None and not self._lingering

    def connection_lost(self, error: Exception | None) -> None:
        self._over = True
        if self._tls_waiter is not None and not self._tls_waiter.done():
            self._tls_waiter.set_exception(error or ConnectionResetError())
        if self._original_transport is not None:
            self._original_transport.close()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None
        self._wake()
        self._lost(self)

    def _reset_timeout(self, duration: float | None = None) -> None:
        """aiosmtpd's own timer is not used: the server looks at `deadline`."""

    async def _handle_client(self) -> None:
        try:
            talk = self._made(self)
            if talk is not None:
                await talk()
            self._write()
        except (Gone, ConnectionError, ssl.SSLError):
            pass
        finally:
            if self.transport is not None and not self._lingering:
                self.transport.close()
                if self.transport is self._original_transport:
                    self.connection_lost(None)  # a handshake that failed: asyncio tells only itself

    # -- for `talk` ------------------------------------------------------------------------------------------------

    @property
    def secure(self) -> ssl.SSLObject | None:
        """The TLS session, or None."""
        found: ssl.SSLObject | None = self.transport.get_extra_info("ssl_object") if self.transport else None
        return found

    @property
    def leaving(self) -> bool:
        """Sent away; only the client's own end is waited for."""
        return self._lingering

    @property
    def buffered(self) -> int:
        return len(self._held)

    def say(self, *lines: str) -> None:
        """Queue one reply of these lines; it is written before the next wait."""
        octets = "".join([line + "\r\n" for line in lines]).encode("utf-8", "replace")
        self._out.append(octets)
        self._out_size += len(octets)

    async def flush(self) -> None:
        """Write what was said, and wait while the client does not read it."""
        self._write()
        if self.transport is None:
            raise Gone
        self.deadline = self._now() + self.patience
        await self._drain_helper()  # type: ignore[attr-defined]
        self.deadline = NEVER

    async def line(self, lf: bool | None, limit: int) -> bytes:
        """The next line with its line end; `lf`: ends at LF alone, None: at whichever comes first. A longer line is
        read to its end and returned cut at `limit`, without a line end. Raises Gone."""
        end = b"\r\n" if lf is False else b"\n"
        place = 0
        cut = b""
        dropped = 0
        by = 0.0
        while (found := self._held.find(end, place)) < 0:
            if len(self._held) > limit:
                cut = cut or self._held.first(limit)
                dropped += len(self._held.take(len(self._held) - 1))
                if dropped > LINGER_MAX:
                    self.hang_up("421 4.7.0 A line without end")
                    raise Gone
            place = max(0, len(self._held) - 1)
            by = by or self._now() + self.patience
            await self._more(by)
        stop = found + len(end)
        line = self._held.take(stop)[:limit]
        if self._out_size > REPLIES_MAX:
            await self.flush()
        return cut or line

    async def block(self, most: int = BLOCK_MAX) -> bytes:
        """At least one octet. Raises Gone."""
        while not self._held:
            await self._more(self._now() + self.patience)
        return self._held.take(most)

    def give_back(self, octets: bytes) -> None:
        """Octets of a block that belong to what follows."""
        self._held.give_back(octets)

    async def first_octets(self) -> bytes:
        """The first few octets that the client sends; nothing is taken. Raises Gone."""
        while not self._held:
            await self._more(self._now() + self.patience)
        return self._held.first(8)

    async def wait_for_octets(self, seconds: float) -> bytes:
        """What is there after at most `seconds`; nothing is taken."""
        if not self._held and not self._over:
            try:
                async with asyncio.timeout(seconds):
                    await self._more(NEVER)
            except TimeoutError:
                self._waiter = None
                self.deadline = self.waiting_since = NEVER
        return self._held.first(8)

    async def upgrade(self, context: ssl.SSLContext, keep: bool = False) -> None:
        """Start TLS; what is buffered is dropped, or with `keep` taken for the start of the handshake. Raises Gone."""
        self._write()
        first = self._held.first(len(self._held)) if keep else b""
        self._held.clear()
        self._resume()
        if self.transport is None or self._tls_waiter is not None:
            raise Gone
        self._tls_waiter = self.loop.create_future()
        tls = _Tls(self.loop, self, context, self._tls_waiter, server_side=True, ssl_handshake_timeout=30)
        self._original_transport = self.transport
        self._original_transport.set_protocol(tls)
        tls.connection_made(self._original_transport)
        while first:
            room = memoryview(tls.get_buffer(len(first)))
            size = min(len(room), len(first))
            room[:size] = first[:size]
            tls.buffer_updated(size)
            first = first[size:]
        await self._tls_waiter
        if self.transport is self._original_transport:
            raise Gone  # the client left within the handshake

    def hang_up(self, reply: str = "") -> None:
        """Send the client away, saying why; whoever reads next gets Gone. What it still sends is read and dropped for
        a moment: closing over unread octets resets the connection, and the client would never see the reply."""
        if self._lingering:
            return
        if reply:
            self.say(reply)
        self._write()
        self._over = True
        self._held.clear()
        if self.transport is not None:
            self._lingering = self._linger(self.transport)
        self._wake()

    def abort(self) -> None:
        """Close without waiting for anything."""
        self._over = True
        target: Any = self._original_transport or self.transport
        if target is not None:
            target.abort()
        self._wake()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        if self._out:
            if self.transport is not None and not (self._lingering or self.transport.is_closing()):
                self.transport.write(b"".join(self._out))  # type: ignore[attr-defined]
            self._out.clear()
            self._out_size = 0

    async def _more(self, by: float) -> None:
        """Wait for octets until `by`. Raises Gone."""
        if self._over:
            raise Gone
        self._write()
        self._resume()
        self.deadline = by
        self.waiting_since = self._now()
        self._waiter = self.loop.create_future()
        await self._waiter
        self.deadline = self.waiting_since = NEVER

    def _linger(self, transport: Any) -> bool:
        """End our side and leave the other open for LINGER_S; False when it could only be closed at once."""
        try:
            if transport.can_write_eof() and not transport.is_closing():
                transport.write_eof()
                self._resume()
                self.loop.call_later(LINGER_S, transport.close)
                return True
        except OSError:
            pass  # the client was faster
        transport.close()
        return False

    def _resume(self) -> None:
        if self._paused_reading and self.transport is not None:
            self._paused_reading = False
            self.transport.resume_reading()  # type: ignore[attr-defined]

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._waiter = None
