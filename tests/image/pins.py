"""What a lamp does, from its pin alone: samples over some seconds -> the name of a pattern of core/pattern.py.

The guest may be late by some tenths of a second, so only counts and clear lengths decide: a flash is lit for less than
0.6 s, a slow blink for about a second, a pause between the groups of a code is dark for more than 1 s.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

from appliance import pins

SPAN_S = 9.0
EVERY_S = 0.04
Sample = tuple[float, bool]


def look(levels: Callable[[], int], span_s: float = SPAN_S) -> dict[str, str]:
    """Lamp -> pattern name, over `span_s`."""
    rows: list[tuple[float, int]] = []
    began = time.monotonic()
    while (now := time.monotonic() - began) < span_s:
        rows.append((now, levels()))
        time.sleep(EVERY_S)
    return {lamp.signal: name_of([(at, bool(word >> lamp.bcm & 1)) for at, word in rows]) for lamp in pins.LAMPS}


def name_of(samples: Sequence[Sample]) -> str:
    """ "off", "steady", "slow blink", "short flashes" or "N flashes, pause"."""
    runs = spans(samples)
    if len(runs) == 1:
        return "steady" if runs[0][1] else "off"
    lit = [length for length, on in runs[1:-1] if on]
    if lit and min(lit) > 0.6:
        return "slow blink"
    groups = [len(list(group)) for dark, group in itertools.groupby(_gaps(runs)) if not dark]
    whole = groups[1:-1] or groups
    number = max(set(whole), key=whole.count) if whole else 0
    if number == 0:
        return "short flashes"
    return "1 flash, pause" if number == 1 else f"{number} flashes, pause"


def _gaps(runs: Sequence[Sample]) -> list[bool]:
    """True for a long dark, False for each flash; short darks are within a code."""
    return [not on for length, on in runs if on or length > 1.0]


def spans(samples: Sequence[Sample]) -> list[Sample]:
    """Runs of the same level: (seconds, level)."""
    found: list[Sample] = []
    for on, group in itertools.groupby(samples, key=lambda sample: sample[1]):
        rows = list(group)
        found.append((rows[-1][0] - rows[0][0], on))
    return found
