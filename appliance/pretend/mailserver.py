"""A pretend mail server on loopback: speaks SMTP as its script says and keeps what it received.

`messages` has each message it took, `connections` how many came, `lines` every command line. Nothing a client does
raises out of here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable

from appliance.pretend.dialogue import Dialogue, Gone, Received
from appliance.pretend.script import Script

__all__ = ["MailServer", "Received"]

LINE_MAX = 1 << 20


class MailServer:
    """`taken` is called with each message received."""

    def __init__(
        self,
        script: str = "",
        name: str = "mx.pretend.example",
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        taken: Callable[[Received], None] | None = None,
    ) -> None:
        self.script, self.name, self.tls, self.implicit, self._taken = Script.parse(script), name, tls, implicit, taken
        self.messages: list[Received] = []
        self.lines: list[str] = []
        self.connections = 0
        self.host, self.port = "", 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def change(self, script: str) -> None:
        """Behave so from now on."""
        self.script = Script.parse(script)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 = a free one. Raises OSError."""
        context = self.tls if self.implicit else None
        self._server = await asyncio.start_server(self._accept, host, port, limit=LINE_MAX, ssl=context)
        self.host, self.port = host, self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        session = Dialogue(self, reader, writer, self.connections)
        try:
            await session.run()
        except (Gone, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError, ValueError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            with contextlib.suppress(Exception):
                writer.close()

    def keep(self, message: Received) -> None:
        self.messages.append(message)
        if self._taken:
            self._taken(message)
