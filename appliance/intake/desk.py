"""What all sessions share: settings, spool, queue, clock, the book of clients, who may relay, queue ids.

Holds no connection and says nothing to anybody; `Intake` makes one and each `Session` asks it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from appliance.core.access import AccessList, Address, Network, address_of, network_of, within
from appliance.core.queueid import BOX_IDS, queue_id
from appliance.core.reply import printable
from appliance.intake.limits import Client, Clients
from appliance.intake.login import Accounts
from appliance.intake.networks import Connected
from appliance.ports import Clock, Queue, Spool
from appliance.settings.schema import Device, Settings

NullMx = Callable[[str], Awaitable[bool]]  # domain -> whether it says that it never takes mail (RFC 7505)
REFUSALS_KEPT: Final = 100
PLAIN_DEVICE: Final = Device(network="", name="")


@dataclass
class Desk:
    """`box` is the random id in queue ids and in our Received; `counters` are totals since the start;
    `refusals` the last ones; `own` the box's addresses; `mark` tells our Received from all others, so that a loop
    through us is known; without a mail name it follows from `identity`, which is to outlive restarts."""

    settings: Settings
    spool: Spool
    queue: Queue
    clock: Clock
    accounts: Accounts
    null_mx: NullMx | None = None
    box: int = field(default_factory=lambda: secrets.randbelow(BOX_IDS))
    identity: str = ""
    clients: Clients = field(default_factory=Clients)
    counters: Counter[str] = field(default_factory=Counter)
    refusals: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REFUSALS_KEPT))
    own: frozenset[Address] = frozenset()
    stopping: bool = False

    def __post_init__(self) -> None:
        self._access = AccessList((row.network, row.action == "allow") for row in self.settings.access)
        self._devices: list[tuple[Network, Device]] = [
            (network_of(row.network), row) for row in self.settings.device if row.network
        ]
        self._connected = Connected()
        self._ids = 0
        self._date = (-1, "")
        self.mark = _mark(self.settings.box.mail_name or self.identity or secrets.token_hex(5))

    def next_id(self) -> str:
        self._ids += 1
        return queue_id(self.clock.wall(), self._ids, self.box)

    def name(self, local: str) -> str:
        """What the box calls itself to a client: its mail name, or the literal of the address that was dialled."""
        return self.settings.box.mail_name or literal(local)

    def device(self, peer: str) -> Device:
        address = address_of(peer)
        if address is not None:
            for network, row in self._devices:
                if within(address, (network,)):
                    return row
        return PLAIN_DEVICE

    def client(self, peer: str) -> Client:
        found = self.clients.of(peer, self.clock.monotonic())
        found.seen_at = self.clock.wall()
        return found

    def allows(self, peer: str) -> bool:
        """Whether the access list lets `peer` relay."""
        return self._access.allows(peer, self._connected.networks(self.clock.monotonic()))

    def date(self) -> str:
        """Now, as a Date field wants it, in the box's time zone."""
        second = int(self.clock.wall())
        if self._date[0] != second:
            offset = time.localtime(second).tm_gmtoff
            here = datetime.fromtimestamp(second, UTC).astimezone() if offset else None
            self._date = (second, format_datetime(here or datetime.fromtimestamp(second, UTC)))
        return self._date[1]

    def refuse(self, client: Client, reply: str) -> str:
        """Count a refusal and remember its words."""
        client.refused += 1
        client.last_refusal = reply
        self.counters["refused"] += 1
        self.refusals.append(
            {"at": self.clock.wall(), "client": client.address, "device": client.name, "reply": printable(reply)}
        )
        return reply


def _mark(identity: str) -> str:
    """The same for the same identity, so that a loop through us is known after a restart, too."""
    return f"Outbox {hashlib.sha256(identity.encode()).hexdigest()[:10]}"


def literal(address: str) -> str:
    """`address` as RFC 5321 4.1.3 writes it, "[192.0.2.1]" or "[IPv6:2001:db8::1]"."""
    found = address_of(address)
    if found is None:
        return "[127.0.0.1]"
    return f"[{found}]" if found.version == 4 else f"[IPv6:{found}]"
