"""What an operator may try by hand: DNS servers, a domain's MX, a talk with a mail server, the way out at port 25.

Implements ports.Probe. Each trial has a resolver of its own, so that servers that are not in force yet can be tried
and the relay's own memory of DNS stays as it was. Nothing is delivered and no password is sent. Waits are bounded:
ANSWER_S for each answer of a host, TRIES hosts or addresses. Failures are words in the answer, never exceptions.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from appliance.core.cures import cure
from appliance.core.reply import Reply, printable
from appliance.delivery.port25 import Port25
from appliance.delivery.resolver import Resolver
from appliance.delivery.routes import MxRouter
from appliance.delivery.wire import Lost, Wire
from appliance.ports import Clock, Host
from appliance.settings.schema import Settings

ANSWER_S: Final = 8.0
DNS_S: Final = 3.0
TRIES: Final = 6
IMPLICIT: Final = 465
GOES_ON: Final = "The box goes on trying."  # which it does with mail, and not here
LINES_MAX: Final = 40  # of a conversation that are shown


class Probe:
    """`own_names` and `own_addresses` say who the box is; `port25` learns what the trials find."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        own_names: Callable[[], Iterable[str]],
        own_addresses: Callable[[], Iterable[str]],
        port25: Port25,
    ) -> None:
        self._settings, self._clock, self._port25 = settings, clock, port25
        self._own_names, self._own_addresses = own_names, own_addresses

    async def dns(self, servers: Sequence[str], name: str) -> list[dict[str, Any]]:
        """Each server's answer about `name`, in order."""
        return list(await asyncio.gather(*(self._ask(server, name) for server in servers)))

    async def _ask(self, server: str, name: str) -> dict[str, Any]:
        began = time.monotonic()
        answer = await self._resolver([server]).ask(name, "MX")
        row = {"server": server, "ok": not answer.failed, "ms": round((time.monotonic() - began) * 1000)}
        return {**row, "outcome": answer.outcome, "security": answer.security, "why": printable(answer.why, 300)}

    async def mx(self, servers: Sequence[str], domain: str) -> dict[str, Any]:
        """The hosts that mail for `domain` would be brought to, or why there are none."""
        hop = await self._router(servers).route(domain)
        if isinstance(hop, Reply):
            return {"hosts": [], **_trouble(hop)}
        return {"hosts": [{"name": h.name, "port": h.port, "addresses": list(h.addresses)} for h in hop.hosts]}

    async def smtp(self, servers: Sequence[str], host: str, port: int) -> dict[str, Any]:
        """A conversation up to QUIT, line by line, without a message."""
        found = await self._router(servers).resolve(host, port)
        if isinstance(found, Reply):
            return {"lines": [], **_trouble(found)}
        lines: list[str] = []
        last: Reply | None = None
        for address in found.addresses[:TRIES]:
            last = await self._talk(found, address, lines)
            if last is None:
                return {"lines": lines[:LINES_MAX]}
        return {"lines": lines[:LINES_MAX], **(_trouble(last) if last else {})}

    async def port25(self, servers: Sequence[str], domain: str) -> dict[str, Any]:
        """Whether the hosts that take mail for `domain` can be reached."""
        hop = await self._router(servers).route(domain)
        if isinstance(hop, Reply):
            return {"port25": self._port25.state, "lines": [], **_trouble(hop)}
        targets = [(host, address) for host in hop.hosts for address in host.addresses][:TRIES]
        lines = await asyncio.gather(*(self._reach(host, address) for host, address in targets))
        return {"port25": self._port25.state, "lines": list(lines)}

    async def _reach(self, host: Host, address: str) -> str:
        wire = Wire(f"{host.name}[{address}]")
        try:
            await self._connect(wire, host, address)
        except Lost as lost:
            return lost.reply.text
        wire.abort()
        return f"{wire.peer} port {host.port} is open"

    async def _connect(self, wire: Wire, host: Host, address: str) -> None:
        """Raises Lost."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ANSWER_S):
                await loop.create_connection(lambda: wire, address, host.port)
        except (OSError, TimeoutError) as trouble:
            if isinstance(trouble, ConnectionRefusedError | TimeoutError):
                self._port25.failed(address, host.port, loop.time())
            number = getattr(trouble, "errno", None)
            why = os.strerror(number).lower() if number else "no answer"
            raise Lost(Reply(451, "4.4.1", f"no connection to {wire.peer} port {host.port}: {why}")) from None
        self._port25.opened(host.port)

    async def _talk(self, host: Host, address: str, lines: list[str]) -> Reply | None:
        """None when the host was friendly to the end."""
        wire = Wire(f"{host.name}[{address}]")
        lines.append(f"connecting to {wire.peer} port {host.port}")
        try:
            await self._connect(wire, host, address)
            return await self._converse(wire, host, lines)
        except Lost as lost:
            return lost.reply
        except (OSError, ssl.SSLError, ValueError) as trouble:
            return Reply(454, "4.7.5", f"TLS with {wire.peer} failed: {getattr(trouble, 'reason', '') or trouble}")
        finally:
            wire.abort()

    async def _converse(self, wire: Wire, host: Host, lines: list[str]) -> Reply | None:
        name = next(iter(self._own_names()), "") or wire.own_literal()
        if host.port == IMPLICIT:
            await self._encrypt(wire, host, lines)
        trouble = await self._said(wire, lines) or await self._said(wire, lines, f"EHLO {name}")
        if trouble is None and any("STARTTLS" in line for line in lines) and host.port != IMPLICIT:
            trouble = await self._said(wire, lines, "STARTTLS")
            if trouble is None:
                await self._encrypt(wire, host, lines)
        return trouble or await self._said(wire, lines, "QUIT")

    async def _said(self, wire: Wire, lines: list[str], command: str = "") -> Reply | None:
        """None for yes. Raises Lost."""
        if command:
            lines.append(f"> {command}")
            wire.write(command.encode("ascii", "replace") + b"\r\n")
        answer = await wire.answer(ANSWER_S)
        lines += [f"< {answer.code} {printable(text, 300)}" for text in answer.lines]
        return None if answer.positive else answer.reply(wire.peer)

    async def _encrypt(self, wire: Wire, host: Host, lines: list[str]) -> None:
        """Whoever it is: only whether there is TLS counts here."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await wire.start_tls(context, host.name.strip("[]"), ANSWER_S)
        lines.append("TLS is on (the certificate was not verified)")

    def _resolver(self, servers: Sequence[str]) -> Resolver:
        dns = self._settings.dns
        return Resolver(replace(dns, servers=tuple(servers), timeout_s=min(dns.timeout_s, DNS_S)), self._clock)

    def _router(self, servers: Sequence[str]) -> MxRouter:
        resolver, luck = self._resolver(servers), random.Random()
        return MxRouter(self._settings, resolver, self._own_names, self._own_addresses, self._clock, luck)


def _trouble(reply: Reply) -> dict[str, str]:
    return {"reply": str(reply), "cure": cure(reply).removesuffix(GOES_ON).strip()}
