"""The window of P3: how many deliveries the next hosts may have taken that the card does not know of yet.

`async with window:` stands around each attempt and the recording of its result. Attempts under way and results that no
flush has brought to the card are together never more than WINDOW, so a power cut repeats at most that many. Whoever
waits makes the flush begin at once; while the card refuses, nobody gets in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

WINDOW: Final = 32
LAZY_RECORDS: Final = WINDOW // 2  # then a flush is asked for: attempts under way fill the other half meanwhile
LAZY_S: Final = 4.0  # and after this long; P3's 5 s less what a busy machine and a slow card may take


class Window:
    """Belongs to the event loop. `unrecorded` counts results; `flush` is called when somebody waits for room."""

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.unrecorded = 0

    async def __aenter__(self) -> None:
        while self._under_way + self.unrecorded >= WINDOW:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            self._flush()
            await waiter
        self._under_way += 1

    async def __aexit__(self, *why: object) -> None:
        self._under_way -= 1
        self._let_in()

    def recorded(self) -> None:
        """A result waits for its flush."""
        self.unrecorded += 1

    def flushed(self, count: int) -> None:
        """So many results are on the card."""
        self.unrecorded -= count
        self._let_in()

    def _let_in(self) -> None:
        for _ in range(min(len(self._waiting), max(0, WINDOW - self._under_way - self.unrecorded))):
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
