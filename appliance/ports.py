"""Where the rooms meet: the Protocols through which intake, spool, delivery and control know each other.

No room imports another; relay.py hands each one the others behind these faces. All of it runs in one asyncio loop.
Mail failures are values (`Reply`), never exceptions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from appliance.core.envelope import Arrival, Envelope
from appliance.core.item import Progress, QueueItem
from appliance.core.reply import Reply
from appliance.core.tallies import Tallies


class Clock(Protocol):
    """Time for everybody; tests have a fake one."""

    def wall(self) -> float:
        """Seconds since 1970, for ages and what is shown."""

    def monotonic(self) -> float:
        """Seconds for waits."""

    def known(self) -> bool:
        """Whether the wall clock can be right: nothing expires before."""


# -- spool ---------------------------------------------------------------------------------------------------------


class Draft(Protocol):
    """A message on its way in: content streams to the card, nothing is promised before `commit` returned 250."""

    queue_id: str
    size_bytes: int

    async def write(self, octets: bytes) -> Reply | None:
        """Append content. None, or the 4yz that refuses the message (card full, card failing)."""

    async def commit(self, envelope: Envelope, arrival: Arrival, header: bytes = b"") -> Reply:
        """Take responsibility: `header` goes before all that was written. Returns after the flush with
        250 2.0.0 "queued as ID", or with 4yz: then nothing was kept."""

    def abandon(self) -> None:
        """Forget it; also after a 4yz; harmless when repeated."""


class Content(Protocol):
    """The content of a spooled message; CRLF lines, no dot-stuffing."""

    size_bytes: int

    def chunks(self, offset: int = 0) -> AsyncIterator[bytes]:
        """From `offset` on, in pieces of at most 256 KiB. Raises DamagedContent when a checksum fails."""


class DamagedContent(Exception):
    """The card no longer gives back what was written: the item is to be quarantined."""


@dataclass(frozen=True, slots=True)
class SpoolFacts:
    """`fault` is "" or why mail is refused: "full", "failing", "read-only"."""

    segments: int
    used_bytes: int
    ready_bytes: int
    free_bytes: int
    quarantined: int
    fault: str


class Spool(Protocol):
    """The journal on the card. It is the truth; the scheduler's table is a copy. `window` stands (`async with`) around
    each attempt and the recording of its result: entering waits while 32 are under way or not on the card yet (P3)."""

    @property
    def window(self) -> AbstractAsyncContextManager[None]: ...

    def draft(self, queue_id: str, expected_bytes: int = 0) -> Draft | Reply:
        """Room for a message, or the 4yz that refuses it (452 4.3.1 card nearly full, 451 4.3.0 card failing)."""

    def items(self) -> Iterable[QueueItem]:
        """What was found at the start, oldest first; handed over once, to the scheduler."""

    def content(self, queue_id: str) -> Content:
        """Raises KeyError for an unknown id."""

    def record(self, item: QueueItem, changed: Sequence[Progress]) -> None:
        """Remember the new progress of some recipients, or with no `changed` the item's own fields (held). Rides with
        the next commit, at the latest after 5 s or 32 records (P3)."""

    def remove(self, item: QueueItem) -> None:
        """All recipients are final: forget the item. Rides like `record`."""

    async def settled(self) -> Reply:
        """Returns 250 when all that was recorded before is flushed, or the 4yz."""

    def quarantine(self, queue_id: str, reason: str) -> None:
        """Take a damaged item out of the queue; its bytes stay on the card, it is shown."""

    def facts(self) -> SpoolFacts: ...


class Attempts(Protocol):
    """Every attempt for the mail that waits, bounded."""

    def of(self, queue_id: str, row: int | None = None) -> list[dict[str, Any]]:
        """Oldest first; `row`: only those of the recipient at that place of the envelope."""

    def forget(self, queue_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Sought:
    """What an operator looks for in history and queue; empty = any. `address` is part of the reverse-path or of a
    recipient, `device` part of its name or its address; times are when it
    arrived (wall clock), `until` excluded."""

    address: str = ""
    device: str = ""
    queue_id: str = ""
    since: float = 0.0
    until: float = float("inf")

    def matches(self, entry: dict[str, Any]) -> bool:
        """Whether a history entry is meant."""

        def has(part: str, *names: str) -> bool:
            return not part or any(part.lower() in str(entry.get(name, "")).lower() for name in names)

        arrived_at = entry.get("arrived_at", entry.get("at", 0.0))
        if not isinstance(arrived_at, int | float) or not self.since <= arrived_at < self.until:
            return False
        queue_id = not self.queue_id or entry.get("id") == self.queue_id
        return queue_id and has(self.address, "from", "to") and has(self.device, "device", "client")


class History(Protocol):
    """What became of each message, for people: batched, bounded, never in the way of P1."""

    tallies: Tallies

    def add(self, entry: dict[str, Any]) -> None: ...

    def search(self, text: str = "", limit: int = 50, sought: Sought = ...) -> list[dict[str, Any]]:
        """The newest first; `text` is looked for in every field."""

    def attempted(self, queue_id: str, record: dict[str, Any]) -> None:
        """An attempt of mail that still waits: {"at", "outcome", "via", "host", "reply", "rows"}."""

    @property
    def attempts(self) -> Attempts: ...

    def erase(self) -> None: ...


# -- intake -> scheduler ----------------------------------------------------------------------------------------------


class Queue(Protocol):
    """The scheduler as intake and control see it."""

    def accepted(self, item: QueueItem) -> None:
        """A message is in the spool (its flush has returned)."""

    def items(self) -> Iterable[QueueItem]: ...

    def find(self, queue_id: str) -> QueueItem | None: ...

    def due_in(self, item: QueueItem) -> float | None:
        """Seconds until its next attempt, None when held or done."""

    def hold(self, queue_id: str, reason: str) -> bool: ...

    def release(self, queue_id: str) -> bool: ...

    def retry(self, queue_id: str) -> bool:
        """Due now."""

    async def give_up(self, queue_id: str, report: bool) -> bool:
        """Bounce (`report`) or delete (recorded in the history, no DSN) what is pending."""

    def flush(self) -> int:
        """All due now; how many."""


# -- delivery ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Host:
    """One next hop to dial. `addresses` in the order to try, each already checked against the networks that may not be
    delivered to; the checked address is the one dialled. `name` is what its certificate is verified for."""

    name: str
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """`mode` none | opportunistic | starttls | implicit; `verify` = chain and name must be right."""

    mode: str = "opportunistic"
    verify: bool = False
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """Everything that a connection depends on: the key under which connections are pooled and recipients grouped.
    `name` is the domain of a route or "relay NAME"; `hosts` in the order to try."""

    name: str
    hosts: tuple[Host, ...]
    tls: TlsPolicy = TlsPolicy()
    auth: str = ""
    user: str = ""
    credential: str = ""  # name under which the password is looked up, never the password
    source_address: str = ""


class Router(Protocol):
    """Domain -> next hop, by DNS."""

    async def route(self, domain: str) -> Hop | Reply:
        """The MX hosts of `domain` (RFC 5321 5.1), or why there are none. NXDOMAIN is a Reply with enhanced "5.1.2",
        null MX "5.1.10", a loop "5.4.6", DNS trouble 4yz "4.4.3"."""

    async def resolve(self, host: str, port: int) -> Host | Reply:
        """A configured relay's addresses."""


class Transport(Protocol):
    """Content and recipients -> a Reply each."""

    async def deliver(self, hop: Hop, item: QueueItem, recipients: Sequence[Progress], content: Content) -> list[Reply]:
        """One attempt at `hop` for these recipients, in order: what the last host said to each, or a Reply of ours
        (4yz "4.4.1" no answer, "4.4.2" connection lost, …). A bug raises; DamagedContent passes through."""

    def close(self) -> None: ...


# -- control -------------------------------------------------------------------------------------------------------


class Probe(Protocol):
    """What an operator may try by hand; nothing is delivered. `servers` are the DNS servers to ask. Failures are words
    in the answer: "reply" and "cure"."""

    async def dns(self, servers: Sequence[str], name: str) -> list[dict[str, Any]]:
        """A row for each server: server, ok, ms, outcome, security, why."""

    async def mx(self, servers: Sequence[str], domain: str) -> dict[str, Any]:
        """Has "hosts": name, port, addresses of each."""

    async def smtp(self, servers: Sequence[str], host: str, port: int) -> dict[str, Any]:
        """Has "lines" of a conversation without a message."""

    async def port25(self, servers: Sequence[str], domain: str) -> dict[str, Any]:
        """Has "port25" open, blocked or unknown, and "lines" that say why."""


Verb = Callable[[dict[str, Any]], Any]  # arguments -> JSON-able answer, or an awaitable of it


class Refused(Exception):
    """What a verb raises when the operator asked for what cannot be: one plain sentence, shown as it is."""
