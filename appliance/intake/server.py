"""The intake: listens, takes connections within bounds, and stops in good order.

`Intake` is what the relay starts and stops. Every client waits for at most its time; once a second all waits are
looked at. When all places are taken the client that has been silent longest makes room, so that a newcomer is served
at once. `start` raises OSError when no listener at all can be opened; a single one that fails is a complaint in
`facts`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from appliance.core.access import address_of, client_key
from appliance.intake.certificate import Certificates
from appliance.intake.desk import Desk, NullMx
from appliance.intake.door import NEVER, Connection, Talk
from appliance.intake.limits import Client
from appliance.intake.login import Accounts, Guesses
from appliance.intake.memory import Memory
from appliance.intake.session import SHUTTING_DOWN, Session
from appliance.intake.sockets import BACKLOG, handed_over, sockets_of
from appliance.ports import Clock, Queue, Spool
from appliance.settings.schema import Listener, Settings

LOOK_S: Final = 1.0  # between looks at who is silent
RATE_WINDOW_S: Final = 60.0
STRESS: Final = 0.8  # part of the places taken from which silence is cut short
SILENT_S: Final = 1.0  # who was silent for less is not asked to make room
BUSY_S: Final = 10.0  # so that a lamp can tell it
STOP_S: Final = 8.0  # for messages under way when the relay stops
CERTIFICATE_S: Final = 300.0  # a certificate that came through the page counts within that
SILENCE: Final = "421 4.4.2 Nothing came for too long; closing"
TOO_SLOW: Final = "421 4.4.2 Content comes too slowly; closing"
FULL: Final = "421 4.3.2 Too busy; try again later"
TOO_MANY: Final = "421 4.7.0 Too many connections from your address"
ROOM: Final = "421 4.3.2 Idle, and the place is needed; try again later"

log = logging.getLogger(__name__)


class Intake:
    """`null_mx`: whether a sender's domain says that it takes no mail. `own_addresses`: as the relay knows them.
    `identity` tells this box from others, over restarts. `memory` is the file that keeps the clients' usual rates."""

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        queue: Queue,
        clock: Clock,
        null_mx: NullMx | None = None,
        own_addresses: Iterable[str] = (),
        identity: str = "",
        memory: Path | None = None,
    ) -> None:
        self._settings, self._clock = settings, clock
        own = frozenset(found for each in own_addresses if (found := address_of(each)) is not None)
        accounts = Accounts(settings.paths.accounts)
        self._desk = Desk(settings, spool, queue, clock, accounts, null_mx, identity=identity, own=own)
        self._memory = Memory(memory, self._desk.clients, clock)
        self._guesses = Guesses()
        self._certificates = Certificates(
            settings.paths.tls,
            settings.box.mail_name,
            settings.tls.certificate,
            settings.tls.private_key,
            (f"{settings.network.host_name}.local", settings.network.host_name),
        )
        self._certificate_at = float("-inf")
        self._servers: list[tuple[str, asyncio.Server]] = []
        self._open: dict[Connection, Session] = {}
        self._rates: dict[Connection, tuple[float, int]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._complaints: list[str] = []
        self._full_at = float("-inf")

    @property
    def busy(self) -> bool:
        """Whether newcomers are, or were a moment ago, sent away because all places are taken."""
        taken = len(self._open) >= self._settings.intake.connections_max
        return taken or self._clock.monotonic() - self._full_at < BUSY_S

    @property
    def certificate(self) -> Certificates:
        return self._certificates

    @property
    def bound(self) -> list[tuple[str, str, int]]:
        """(listener, address, port) of every socket that listens."""
        return [(name, *each.getsockname()[:2]) for name, server in self._servers for each in server.sockets]

    async def start(self) -> None:
        """Raises OSError when nothing listens afterwards."""
        self._memory.load()
        page = self._settings.page
        if any(listener.tls != "none" for listener in self._settings.listener) or (page.enabled and page.tls_port):
            self._refresh_certificate()
        ready = handed_over(os.environ)
        loop = asyncio.get_running_loop()
        for listener in self._settings.listener:
            try:
                for each in sockets_of(listener, ready):
                    server = await loop.create_server(self._factory(listener), sock=each, backlog=BACKLOG)
                    self._servers.append((listener.name, server))
            except OSError as error:
                complaint = f"listener {listener.name} cannot listen on port {listener.port}: {error.strerror}"
                log.error("%s", complaint)
                self._complaints.append(complaint)
        if not self._servers:
            raise OSError("; ".join(self._complaints) or "no listener is set")
        self._watch = loop.create_task(self._look_around())

    async def stop(self) -> None:
        """No new clients; 421 to those who wait, at most STOP_S for those whose message is under way."""
        self._desk.stopping = True
        for _, server in self._servers:
            server.close()
        if self._watch is not None:
            self._watch.cancel()
        for connection, session in list(self._open.items()):
            if not session.busy:
                connection.hang_up(SHUTTING_DOWN)
        until = self._clock.monotonic() + STOP_S
        while any(not each.leaving for each in self._open) and self._clock.monotonic() < until:
            await asyncio.sleep(0.02)
        for connection in list(self._open):
            connection.hang_up(SHUTTING_DOWN)
        await asyncio.sleep(0.05)
        for connection in list(self._open):
            connection.abort()
        self._servers.clear()
        await asyncio.get_running_loop().run_in_executor(None, self._memory.write, self._memory.octets())

    # -- connections -----------------------------------------------------------------------------------------------

    def _factory(self, listener: Listener) -> Any:
        def begin(connection: Connection) -> Talk | None:
            return self._begin(connection, listener)

        def make() -> Connection:
            return Connection(begin, self._lost, self._clock.monotonic)

        return make

    def _begin(self, connection: Connection, listener: Listener) -> Talk | None:
        """What to talk with the newcomer, or None when it may not stay: it has been told."""
        limits = self._settings.intake
        client = self._desk.clients.of(connection.peer, self._clock.monotonic())
        if self._desk.stopping:
            connection.hang_up(SHUTTING_DOWN)
            return None
        full = client.connections >= limits.connections_per_client and not self._make_room(client)
        if full or (len(self._open) >= limits.connections_max and not self._make_room(None)):
            if not full:
                self._full_at = self._clock.monotonic()
            connection.hang_up(self._desk.refuse(client, TOO_MANY if full else FULL))
            return None
        client.connections += 1
        connection.patience = limits.command_timeout_s
        session = Session(self._desk, listener, self._certificates.context, self._guesses, connection)
        self._open[connection] = session
        self._set_patience()
        return session.talk

    def _make_room(self, client: Client | None) -> bool:
        """Send away whoever has been silent longest between messages, of `client` or of those with most places."""
        now = self._clock.monotonic()
        silent = [
            each
            for each, session in self._open.items()
            if not session.busy
            and now - each.waiting_since >= SILENT_S
            and (client is None or client_key(each.peer) == client.address)
        ]
        if not silent:
            return False
        self._send_away(min(silent, key=lambda each: each.waiting_since), ROOM)
        return True

    def _send_away(self, connection: Connection, reply: str) -> None:
        """Its place is free at once, though the client may take a moment to leave."""
        self._lost(connection)
        connection.hang_up(reply)

    def _lost(self, connection: Connection) -> None:
        if self._open.pop(connection, None) is not None:
            client = self._desk.clients.of(connection.peer, self._clock.monotonic())
            client.connections = max(0, client.connections - 1)
            self._rates.pop(connection, None)
            self._set_patience()

    def _set_patience(self) -> None:
        """Silence is cut short while most places are taken."""
        limits = self._settings.intake
        stressed = len(self._open) > limits.connections_max * STRESS
        self._patience = limits.stress_timeout_s if stressed else limits.command_timeout_s

    # -- once a second ---------------------------------------------------------------------------------------------

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self.look(self._clock.monotonic())
                if 0 < CERTIFICATE_S < self._clock.monotonic() - self._certificate_at < NEVER:
                    self._refresh_certificate()
                if (octets := self._memory.due()) is not None:
                    await asyncio.get_running_loop().run_in_executor(None, self._memory.write, octets)
            except Exception:
                log.exception("looking after connections")

    def look(self, now: float) -> None:
        """Send away who has been silent for too long or sends too slowly."""
        floor = self._settings.intake.data_rate_min_bytes
        for connection, session in list(self._open.items()):
            if now - connection.waiting_since > self._patience or now > connection.deadline:
                self._send_away(connection, self._desk.refuse(session.client, SILENCE))
            elif session.busy and connection.waiting_since <= now:
                began, count = self._rates.setdefault(connection, (now, connection.received))
                if now - began >= RATE_WINDOW_S:
                    del self._rates[connection]
                    if connection.received - count < floor * RATE_WINDOW_S:
                        self._send_away(connection, self._desk.refuse(session.client, TOO_SLOW))
            else:
                self._rates.pop(connection, None)

    def _refresh_certificate(self) -> None:
        self._certificate_at = self._clock.monotonic()
        try:
            self._certificates.refresh(self._clock.wall())
        except OSError as error:
            log.error("no certificate can be made: %s", error)
            self._certificates.warning = "no certificate can be made: TLS is not offered"

    # -- status ----------------------------------------------------------------------------------------------------

    def clients(self) -> list[dict[str, Any]]:
        """Every client heard of since the start, as plain JSON types."""
        return [_device_facts(each) for each in self._desk.clients.all()]

    def facts(self) -> dict[str, Any]:
        """Facts for the status, as plain JSON types."""
        certificates = self._certificates
        return {
            "listeners": [{"name": name, "address": address, "port": port} for name, address, port in self.bound],
            "connections": len(self._open),
            "complaints": list(self._complaints),
            "certificate": {
                "own": certificates.own,
                "ends_at": certificates.ends_at,
                "warning": certificates.warning,
                "fingerprint": certificates.fingerprint,
            },
            "totals": dict(self._desk.counters),
            "refusals": list(self._desk.refusals),
            "devices": [_device_facts(each) for each in self._desk.clients.all()],
        }


def _device_facts(client: Client) -> dict[str, Any]:
    return {
        "address": client.address,
        "name": client.name,
        "seen_at": client.seen_at,
        "connections": client.connections,
        "accepted": client.accepted,
        "refused": client.refused,
        "last_refusal": client.last_refusal,
        "note": client.note,
        "repairs": dict(client.repairs),
        "held": client.held,
    }
