"""What the storm knows: which messages were accepted, which arrived when, and when the plug was pulled.

`verdict` is pure arithmetic on that: nothing accepted may be lost, and a second copy is lawful only when the first one
arrived at most WINDOW_S seconds before a kill (P3). What a kill left unrecorded comes again, whether its answer had
been read or was still under way on a connection: at most WINDOW deliveries for each kill.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
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
    """`unlawful` names each second copy outside the window; `worst_s` is the widest window seen, `worst` the
    most deliveries that one kill repeated."""

    lost: tuple[str, ...]
    damaged: tuple[str, ...]
    duplicates: int
    unlawful: tuple[str, ...]
    worst_s: float
    worst: int

    @property
    def right(self) -> bool:
        return not (self.lost or self.damaged or self.unlawful)


def verdict(ledger: Ledger) -> Verdict:
    order = sorted(ledger.arrived)
    kills = sorted(ledger.kills)
    last: dict[str, float] = {}
    again: Counter[float] = Counter()
    worst_s = 0.0
    unlawful: list[str] = []
    for at, name in order:
        if name in last:
            first = last[name]
            between = bisect_right(kills, first)
            kill = kills[between] if between < len(kills) and kills[between] < at else math.inf
            again[kill] += 1
            if kill == math.inf:
                unlawful.append(f"{name}: two copies and no kill between")
            else:
                worst_s = max(worst_s, kill - first)
                if kill - first > WINDOW_S:
                    unlawful.append(f"{name}: {kill - first:.1f} s before the kill")
        last[name] = at
    unlawful += [f"{count} deliveries not recorded at one kill" for kill, count in again.items() if count > WINDOW]
    lost = tuple(sorted(ledger.missing()))
    return Verdict(lost, tuple(ledger.damaged), again.total(), tuple(unlawful), worst_s, max(again.values(), default=0))
