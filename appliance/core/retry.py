"""When to try again: a delay that doubles up to a longest one, with jitter that needs no memory.

The jitter follows from the queue id and the attempt's number, so it is the same after a restart.
"""

from __future__ import annotations

import hashlib
from typing import Final

JITTER: Final = 0.14  # of the delay, either way


def delay_s(first_s: float, longest_s: float, attempt: int, seed: str) -> float:
    """Seconds to wait after the `attempt`-th failure (from 1); never more than `longest_s` (RFC 5321 4.5.4.1)."""
    base = min(first_s * 2.0 ** min(max(attempt - 1, 0), 40), longest_s)
    digest = hashlib.blake2b(f"{seed}/{attempt}".encode(), digest_size=4).digest()
    share = int.from_bytes(digest) / 0xFFFFFFFF * 2 - 1
    return float(min(base * (1 + JITTER * share), longest_s))
