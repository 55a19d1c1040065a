"""Whether clients hand in mail so fast that they come first (docs/decisions/0003)."""

from __future__ import annotations

from collections import deque
from typing import Final

from appliance.ports import Clock

COUNT: Final = 16
SPAN_S: Final = 0.06
OCTETS: Final = 131072  # of a large message count as one more


class Rush:
    """COUNT messages within SPAN_S are a rush."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times = deque([float("-inf")] * COUNT, maxlen=COUNT)

    def note(self, size_bytes: int) -> None:
        """A message was accepted."""
        now = self._clock.monotonic()
        for _ in range(min(1 + size_bytes // OCTETS, COUNT)):
            self._times.append(now)

    def on(self) -> bool:
        return self._clock.monotonic() - self._times[0] < SPAN_S
