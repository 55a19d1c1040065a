"""The sending rule: what to do next for one recipient, and when.

Direct attempts first, as many as the domain's row allows; when they are used up (or over because of who we are), the
relays in their order, up to the row's relay attempts; then give up. Pure: settings rows and progress in, a step out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from appliance.core.item import Progress
from appliance.core.reply import Reply
from appliance.core.retry import delay_s


class Row(Protocol):
    """What the rule needs of a domain's row."""

    @property
    def name(self) -> str: ...
    @property
    def direct_attempts(self) -> int: ...
    @property
    def relay_attempts(self) -> int: ...
    @property
    def retry_first_s(self) -> float: ...
    @property
    def retry_longest_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Direct:
    """To the MX hosts of the recipient's domain."""


@dataclass(frozen=True, slots=True)
class Via:
    """Through the relay of this index."""

    relay: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing is left; `reply` is the reason."""

    reply: Reply


Step = Direct | Via | GiveUp
NO_WAY = Reply.of("550 5.4.4 the settings allow neither direct delivery nor a relay for this domain")


R = TypeVar("R", bound=Row)


def row_for(domain: str, rows: Sequence[R]) -> R:
    """The row of `domain`: its own name, else ".parent" (the longest), else default. Raises StopIteration when there
    is no default row, which the settings do not allow."""
    named = {row.name.lower(): row for row in rows}
    if domain in named and domain != "default":
        return named[domain]
    labels = domain.split(".")
    for start in range(1, len(labels)):
        if (found := named.get("." + ".".join(labels[start:]))) is not None:
            return found
    return next(row for row in rows if row.name == "default")


def next_step(row: Row, relays: int, progress: Progress) -> Step:
    """`relays` = how many relays are enabled."""
    if not progress.direct_over and progress.direct_attempts < row.direct_attempts:
        return Direct()
    if relays and progress.relay_attempts < row.relay_attempts:
        return Via(progress.relay_attempts % relays)
    return GiveUp(progress.reply or NO_WAY)


def wait_s(row: Row, relays: int, progress: Progress, seed: str, relay_first_s: float = 0.0) -> float:
    """Seconds from the last attempt to the next. The first turn of each relay comes at once; delays double within
    the direct attempts, and again with each full round of the relays."""
    if progress.relay_attempts == 0 and isinstance(next_step(row, relays, progress), Via):
        return 0.0
    if progress.relay_attempts:
        rounds, place = divmod(progress.relay_attempts, max(relays, 1))
        first = relay_first_s or row.retry_first_s
        return 0.0 if place else delay_s(first, row.retry_longest_s, rounds, f"{seed}/relay")
    return delay_s(row.retry_first_s, row.retry_longest_s, max(progress.direct_attempts, 1), seed)
