"""Content and recipients -> a Reply each: the SMTP client (implements ports.Transport).

Tries the addresses of a hop in their order until one opens a session; uses a pooled connection when one is idle. The
connection pool is keyed by everything that a connection depends on but the order of hosts. Bounds: recipients in a
transaction, messages on a connection (the domain's or the relay's row), idle connections and their time
(delivery.sessions_max, delivery.idle_s).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from appliance.core.commands import ascii_domain
from appliance.core.item import Progress, QueueItem
from appliance.core.plan import row_for
from appliance.core.reply import Reply
from appliance.delivery.port25 import Port25
from appliance.delivery.session import Opener, Passwords, Session, TlsFailed, Unready
from appliance.delivery.transaction import Stale, Transaction
from appliance.ports import Clock, Content, Hop, Host
from appliance.settings.schema import Settings

ROUNDS_MAX: Final = 1000  # transactions for one item in one attempt


class SmtpTransport:
    """`password` looks a credential up by name. `clock` is for what later needs the time of a connection."""

    def __init__(self, settings: Settings, password: Passwords, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self.port25 = Port25(settings.delivery.lab_port)
        self._opener = Opener(
            ascii_domain(settings.box.mail_name) or "",
            settings.delivery.lab_timeout_factor,
            self._context,
            password,
            self.port25,
        )
        self._contexts: dict[tuple[bool, str], ssl.SSLContext] = {}
        self._idle: dict[Hop, list[tuple[Session, asyncio.TimerHandle]]] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._closed = False

    async def deliver(self, hop: Hop, item: QueueItem, recipients: Sequence[Progress], content: Content) -> list[Reply]:
        """One attempt; see ports.Transport."""
        replies: list[Reply | None] = [None] * len(recipients)
        waiting = list(range(len(recipients)))
        session: Session | None = None
        for _ in range(ROUNDS_MAX if waiting else 0):
            if session is None:
                opened = await self._session(hop)
                if isinstance(opened, Reply):
                    return [each or opened for each in replies]
                session = opened
            batch = waiting[: session.capable.recipients_max]
            try:
                answers = await Transaction(session, item, [recipients[at] for at in batch]).run(content)
            except Stale:
                session = None
                continue
            for at, reply in zip(batch, answers, strict=True):
                replies[at] = reply
            again = _crowded(batch, answers)
            waiting = again + waiting[len(batch) :]
            session = self._after(session)
            if not waiting:
                break
        if session is not None:
            self._keep(session)
        return [each or Reply(451, "4.5.3", "too many recipients for one attempt") for each in replies]

    def close(self) -> None:
        """Drop every idle connection and every goodbye under way."""
        self._closed = True
        for task in self._farewells:
            task.cancel()
        for rows in self._idle.values():
            for session, timer in rows:
                timer.cancel()
                session.wire.abort()
        self._idle.clear()

    async def _session(self, hop: Hop) -> Session | Reply:
        """An idle connection, or a new one to the first address that takes us."""
        if (idle := self._take(hop)) is not None:
            return idle
        last = Reply(451, "4.4.4", f"{hop.name} has no address to try")
        for host in hop.hosts:
            for address in host.addresses:
                opened = await self._open(hop, host, address)
                if isinstance(opened, Session):
                    return opened
                if not opened.elsewhere:
                    return opened.reply
                last = opened.reply
        return last

    async def _open(self, hop: Hop, host: Host, address: str) -> Session | Unready:
        try:
            return await self._opener.open_session(hop, host, address, clear=False)
        except TlsFailed as failed:
            if hop.tls.mode != "opportunistic":
                return Unready(failed.reply)
        try:
            return await self._opener.open_session(hop, host, address, clear=True)
        except TlsFailed as failed:
            return Unready(failed.reply)

    def _after(self, session: Session) -> Session | None:
        """The session when another transaction may follow on it, else None."""
        if not session.wire.alive:
            session.wire.abort()
            return None
        limit = session.capable.mails_max
        if limit and session.messages >= limit:
            self._say_goodbye(session)
            return None
        session.reused = True
        return session

    def _keep(self, session: Session) -> None:
        row_limit = messages_in_a_row(self._settings, session.hop)
        wait_s = self._settings.delivery.idle_s
        if self._closed or not wait_s or (row_limit and session.messages >= row_limit):
            self._say_goodbye(session)
            return
        self._make_room()
        key = _key(session.hop)
        timer = asyncio.get_running_loop().call_later(wait_s, self._expire, key, session)
        self._idle.setdefault(key, []).append((session, timer))

    def _make_room(self) -> None:
        """No more idle connections than may be in use at all; the hop that came first goes first."""
        if sum(len(rows) for rows in self._idle.values()) >= self._settings.delivery.sessions_max:
            key = next(iter(self._idle))
            session, timer = self._idle[key][0]
            timer.cancel()
            self._expire(key, session)

    def _take(self, hop: Hop) -> Session | None:
        """An idle connection to one of the hop's present hosts and addresses; the newest first."""
        rows = self._idle.get(_key(hop), [])
        places = {(host.name, host.port, address) for host in hop.hosts for address in host.addresses}
        while rows:
            session, timer = rows.pop()
            timer.cancel()
            if not rows:
                self._idle.pop(_key(hop), None)
            if session.wire.alive and session.place in places:
                return session
            session.wire.abort()
        return None

    def _expire(self, key: Hop, session: Session) -> None:
        rows = [row for row in self._idle.get(key, []) if row[0] is not session]
        if rows:
            self._idle[key] = rows
        else:
            self._idle.pop(key, None)
        self._say_goodbye(session)

    def _say_goodbye(self, session: Session) -> None:
        task = asyncio.get_running_loop().create_task(session.quit())
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    def _context(self, verify: bool, ca_file: str) -> ssl.SSLContext:
        """Unverified TLS is better than none (RFC 7435 3). Raises OSError when the authorities cannot be read."""
        context = self._contexts.get((verify, ca_file))
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if not verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            elif ca_file:
                context.load_verify_locations(ca_file)
            else:
                context.load_default_certs()
            self._contexts[verify, ca_file] = context
        return context


def messages_in_a_row(settings: Settings, hop: Hop) -> int:
    """Of the row that governs this hop; 0 = no limit."""
    for relay in settings.relay:
        if hop.name == f"relay {relay.name}":
            return relay.messages_in_a_row
    return row_for(hop.name, settings.domain).messages_in_a_row


def _key(hop: Hop) -> Hop:
    return replace(hop, hosts=())


def _crowded(batch: list[int], answers: list[Reply]) -> list[int]:
    """Recipients that only came too late in a transaction that was taken: their turn is now (RFC 5321 4.5.3.1.10)."""
    if not any(reply.positive for reply in answers):
        return []
    return [
        at for at, reply in zip(batch, answers, strict=True) if reply.code == 452 and reply.enhanced in ("", "4.5.3")
    ]
