"""What the storm knows: which messages were accepted, which arrived when, and when the plug was pulled.

`verdict` is pure arithmetic on that: nothing accepted may be lost, and a second copy is lawful only when the first one
arrived so shortly before a kill that it could not be recorded: at most WINDOW_S seconds and WINDOW deliveries (P3),
beside those that were under way on a connection.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

WINDOW_S: Final = 5.0
WINDOW: Final = 32


@dataclass(slots=True)
class Ledger:
    """Times are monotonic seconds. Threads append only."""

    accepted: dict[str, float] = field(default_factory=dict)
    arrived: list[tuple[float, str]] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def missing(self) -> set[str]:
        return set(self.accepted) - {name for _, name in self.arrived}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`unlawful` names each second copy outside the window; `worst_s` and `worst` are the widest window seen."""

    lost: tuple[str, ...]
    damaged: tuple[str, ...]
    duplicates: int
    unlawful: tuple[str, ...]
    worst_s: float
    worst: int

    @property
    def right(self) -> bool:
        return not (self.lost or self.damaged or self.unlawful)


def verdict(ledger: Ledger, under_way: int, slack_s: float = 1.0) -> Verdict:
    """`under_way` is the number of connections, `slack_s` what a busy machine adds to a flush."""
    order = sorted(ledger.arrived)
    times = [at for at, _ in order]
    kills = sorted(ledger.kills)
    last: dict[str, float] = {}
    duplicates, worst, worst_s = 0, 0, 0.0
    unlawful: list[str] = []
    for at, name in order:
        if name in last:
            duplicates += 1
            first = last[name]
            next_kill = bisect_right(kills, first)
            kill = kills[next_kill] if next_kill < len(kills) and kills[next_kill] < at else None
            if kill is None:
                unlawful.append(f"{name}: two copies and no kill between")
            else:
                age, since = kill - first, bisect_right(times, kill) - bisect_right(times, first)
                worst_s, worst = max(worst_s, age), max(worst, since + 1)
                if age > WINDOW_S + slack_s or since + 1 > WINDOW + under_way:
                    unlawful.append(f"{name}: {age:.1f} s and {since} deliveries before the kill")
        last[name] = at
    lost = tuple(sorted(ledger.missing()))
    return Verdict(lost, tuple(ledger.damaged), duplicates, tuple(unlawful), worst_s, worst)
