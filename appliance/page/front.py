"""The doors of the page: takes connections from the network, ends TLS, hands plain octets to the server within.

The server within (waitress) has neither TLS nor bounds for each client; both are here, for both ports. It listens on
loopback only and is told who is behind a connection by the number of the port that this process calls from, which
nobody else can have (`who`): no header is trusted. Bounds: CONNECTIONS_MAX in all, CLIENT_MAX of one address,
HANDSHAKE_S, IDLE_S of silence, and the streams' own buffers. A client outside `networks` is hung up on at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.core.access import client_key
from appliance.page.guard import Networks

CONNECTIONS_MAX: Final = 96
CLIENT_MAX: Final = 24
HANDSHAKE_S: Final = 10.0
IDLE_S: Final = 65.0
PIECE: Final = 65536
BACKLOG: Final = 64
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is behind a connection of the server within."""

    address: str
    secure: bool


class Front:
    """`inner` is where the server within listens. `bound` names the ports once `start` returned."""

    def __init__(self, inner: tuple[str, int], networks: Networks) -> None:
        self._inner, self._networks = inner, networks
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients: Counter[str] = Counter()
        self._peers: dict[int, Peer] = {}
        self.bound: list[tuple[str, int]] = []

    def who(self, port: int) -> Peer | None:
        """Called from the server's threads; None for a connection that did not come through here."""
        return self._peers.get(port)

    async def listen(self, address: str, port: int, tls: Callable[[], ssl.SSLContext | None] | None = None) -> None:
        """Raises OSError when the port is taken."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, tls)

        server = await asyncio.start_server(
            serve, address or None, port, backlog=BACKLOG, limit=PIECE, reuse_address=True
        )
        self._servers.append(server)
        self.bound.append(server.sockets[0].getsockname()[:2])

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tls: Callable[[], ssl.SSLContext | None] | None,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        peername = writer.get_extra_info("peername")
        address = str(peername[0]) if peername else ""
        key = client_key(address)
        self._tasks.add(task)
        self._clients[key] += 1
        try:
            if len(self._tasks) <= CONNECTIONS_MAX and self._clients[key] <= CLIENT_MAX and self._networks.has(address):
                await self._welcome(reader, writer, address, tls)
        except (OSError, ssl.SSLError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client's trouble; it may come again
        except asyncio.CancelledError:
            pass  # the page ends
        finally:
            self._tasks.discard(task)
            self._clients[key] -= 1
            if self._clients[key] <= 0:
                del self._clients[key]
            writer.transport.abort()

    async def _welcome(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: str,
        tls: Callable[[], ssl.SSLContext | None] | None,
    ) -> None:
        if tls is not None:
            context = tls()
            if context is None:
                return
            await writer.start_tls(context, ssl_handshake_timeout=HANDSHAKE_S)
        inner_reader, inner_writer = await asyncio.open_connection(*self._inner, limit=PIECE)
        port = inner_writer.get_extra_info("sockname")[1]
        self._peers[port] = Peer(address, tls is not None)
        try:
            await self._both(reader, writer, inner_reader, inner_writer)
        finally:
            inner_writer.transport.abort()
            with contextlib.suppress(OSError):
                await inner_writer.wait_closed()
            self._peers.pop(port, None)

    async def _both(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        inner_reader: asyncio.StreamReader,
        inner_writer: asyncio.StreamWriter,
    ) -> None:
        """Until one side ends or both are silent. An answer that is complete goes out wholly."""
        heard = [asyncio.get_running_loop().time()]
        up = asyncio.create_task(_pass_on(reader, inner_writer, heard))
        down = asyncio.create_task(_pass_on(inner_reader, writer, heard))
        try:
            while not down.done() and not (up.done() and up.exception()):
                left = heard[0] + IDLE_S - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                waiting = {down} if up.done() else {up, down}
                await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if down.done() and not down.exception():
                writer.close()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(writer.wait_closed(), HANDSHAKE_S)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: list[float]) -> None:
    while piece := await reader.read(PIECE):
        heard[0] = asyncio.get_running_loop().time()
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def inner_socket() -> socket.socket:
    """Where the server within listens: loopback, any port."""
    return socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
