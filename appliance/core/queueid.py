"""Queue ids: short, unique, sortable names of queue items.

Fourteen characters of Crockford's base 32 (no I, L, O, U): nine of time, two of a counter, three of a random box id.
Ids made later sort later as long as the clock does not go back. A pure function; nothing here fails.
"""

from __future__ import annotations

from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = [a + b for a in _DIGITS for b in _DIGITS]
BOX_IDS: Final = 32768  # how many different box ids there are


def queue_id(wall_s: float, counter: int, box: int) -> str:
    """The id of the `counter`-th message at `wall_s` (seconds since 1970) on the box whose random id is `box`."""
    time = max(0, int(wall_s * 1000))
    box %= BOX_IDS
    return (
        _DIGITS[time >> 40 & 31]
        + _PAIRS[time >> 30 & 1023]
        + _PAIRS[time >> 20 & 1023]
        + _PAIRS[time >> 10 & 1023]
        + _PAIRS[time & 1023]
        + _PAIRS[counter & 1023]
        + _DIGITS[box >> 10]
        + _PAIRS[box & 1023]
    )
