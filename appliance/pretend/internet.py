"""The pretend Internet as a whole: one name server, and a mail server for every 127.x address, and ::1, that its zone
names.

`Internet(zones, script)` listens from a thread of its own until `stop`; all mail servers share one port and are told
apart by address. A line of `script` is a server's name (or `*`) and a rule of appliance/pretend/script.py;
`NAME absent` means that nothing listens there. Raises OSError when no port is free on all addresses, ValueError on
bad text.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from appliance.pretend.mailserver import MailServer, Received
from appliance.pretend.nameserver import Nameserver, Zone

_TRIES = 20
_ANSWER_S = 10.0


class Internet:
    """`dns_port` and `mail_port` say where it listens; `taken` is called (in its thread) with each message."""

    def __init__(
        self,
        zones: str,
        script: str = "",
        tls: ssl.SSLContext | None = None,
        taken: Callable[[str, Received], None] = lambda server, received: None,
    ) -> None:
        self.received: list[tuple[str, Received]] = []
        self._zones, self._script, self._tls, self._taken = zones, script.splitlines(), tls, taken
        self.servers: dict[str, MailServer] = {}
        self._dns = Nameserver(zones)
        self.dns_port = self.mail_port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._run(self._start())
        except BaseException:
            self.stop()
            raise

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_S)

    async def _start(self) -> None:
        await self._dns.start()
        self.dns_port = self._dns.port
        hosts = {
            record.data: name
            for name, records in reversed(Zone.parse(self._zones).records.items())
            for record in records
            if (record.data.startswith("127.") if record.type == "A" else record.data == "::1")
            and not self._absent(name)
        }
        for tries_left in reversed(range(_TRIES)):
            try:
                await self._listen(hosts)
                return
            except OSError:
                await self._close_mail()
                if not tries_left:
                    raise

    async def _listen(self, hosts: dict[str, str]) -> None:
        port = 0
        for address, name in hosts.items():
            server = MailServer(self.rules(name), name, self._tls, taken=partial(self._keep, name))
            await server.start(address, port)
            self.servers[name] = server
            self.mail_port = port = server.port

    async def _close_mail(self) -> None:
        for server in self.servers.values():
            await server.stop()
        self.servers = {}

    def _keep(self, name: str, message: Received) -> None:
        self.received.append((name, message))
        self._taken(name, message)

    def _absent(self, name: str) -> bool:
        return f"{name} absent" in self._script

    def rules(self, name: str) -> str:
        """The script's lines for one server."""
        split = [line.partition(" ") for line in self._script if not line.startswith("#")]
        return "\n".join(rule for server, _, rule in split if server in (name, "*") and rule != "absent")

    def change(self, script: str) -> None:
        """All mail servers behave so from now on."""
        self._script = script.splitlines()
        for name, server in self.servers.items():
            server.change(self.rules(name))

    def lines(self, name: str) -> list[str]:
        """What clients said at that server."""
        return list(self.servers[name].lines) if name in self.servers else []

    def dns_off(self) -> None:
        self._run(self._dns.stop())

    def dns_on(self) -> None:
        """On the same port again. Raises OSError."""
        self._run(self._dns.start("127.0.0.1", self.dns_port))

    def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Whether `condition` became true in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self) -> None:
        """Close all; harmless when repeated."""
        if self._loop.is_closed():
            return
        self._run(self._close_mail())
        self._run(self._dns.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ANSWER_S)
        self._loop.close()
