"""The states of a recipient and of a queue item, and every lawful step between them.

One table, TRANSITIONS; a step that is not in it raises IllegalTransition and changes nothing. The item's phase is
derived from its recipients, never stored. A QueueItem is changed by its one writer, the scheduler, through `step`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from appliance.core.envelope import Arrival, Body, Envelope, Recipient, Ret
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply


class State(StrEnum):
    """Of one recipient."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    REPORTED = "reported"


class Event(StrEnum):
    """What may happen to a recipient."""

    DEFER = "defer"  # 4yz, no answer, DNS trouble
    DELIVER = "deliver"  # a next hop took responsibility
    FAIL = "fail"  # final failure
    REPORT = "report"  # the DSN is in the spool, or the bounce record where no DSN may be sent


class Phase(StrEnum):
    """Of the item: derived, see `QueueItem.phase`."""

    QUEUED = "queued"
    ACTIVE = "active"
    DEFERRED = "deferred"
    HELD = "held"
    BOUNCING = "bouncing"
    DONE = "done"


TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.PENDING, Event.DEFER): State.PENDING,
    (State.PENDING, Event.DELIVER): State.DELIVERED,
    (State.PENDING, Event.FAIL): State.FAILED,
    (State.FAILED, Event.REPORT): State.REPORTED,
}
FINAL: Final = frozenset({State.DELIVERED, State.REPORTED})


class IllegalTransition(Exception):
    """A step that TRANSITIONS does not have: a bug."""


def after(state: State, event: Event) -> State:
    """The state that follows. Raises IllegalTransition."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} in state {state}") from None


@dataclass(slots=True)
class Progress:
    """How far one recipient is. Counts are attempts made; `relay` is the index of the relay that is next in turn;
    `direct_over` is set when a reply about us ended the direct attempts early; `delayed` when the delay DSN was sent,
    `told` when the success DSN was; `unknown_domain_at` is when NXDOMAIN was first seen (wall clock, 0 = not seen):
    final on a second look only."""

    recipient: Recipient
    state: State = State.PENDING
    direct_attempts: int = 0
    relay_attempts: int = 0
    relay: int = 0
    direct_over: bool = False
    delayed: bool = False
    unknown_domain_at: float = 0.0
    reply: Reply | None = None
    at: float = 0.0
    told: bool = False

    def step(self, event: Event, reply: Reply | None = None, at: float = 0.0) -> None:
        """Move on, keeping the reply that caused it. Raises IllegalTransition."""
        self.state = after(self.state, event)
        if reply is not None:
            self.reply, self.at = reply, at


@dataclass(slots=True)
class QueueItem:
    """One message in the queue: its envelope with the progress of each recipient. `size_bytes` is the content's.
    `active` lives in memory only; when a recipient is due follows from its progress (core/retry.py)."""

    queue_id: str
    reverse_path: Mailbox | None
    progress: list[Progress]
    arrival: Arrival
    size_bytes: int
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: Ret | None = None
    envid: str = ""
    held: str = ""
    active: bool = field(default=False, compare=False)

    @classmethod
    def new(cls, queue_id: str, envelope: Envelope, arrival: Arrival, size_bytes: int) -> QueueItem:
        return cls(
            queue_id,
            envelope.reverse_path,
            [Progress(recipient) for recipient in envelope.recipients],
            arrival,
            size_bytes,
            envelope.body,
            envelope.smtputf8,
            envelope.ret,
            envelope.envid,
            held=arrival.held,
        )

    @property
    def phase(self) -> Phase:
        states = {each.state for each in self.progress}
        if states <= FINAL:
            return Phase.DONE
        if self.active:
            return Phase.ACTIVE
        if State.FAILED in states:
            return Phase.BOUNCING
        if self.held:
            return Phase.HELD
        tried = any(each.direct_attempts + each.relay_attempts or each.reply for each in self.progress)
        return Phase.DEFERRED if tried else Phase.QUEUED

    def in_state(self, state: State) -> list[Progress]:
        return [each for each in self.progress if each.state is state]
