"""Records that nobody waits for: they ride with the next commit, at the latest after LAZY_S or LAZY_RECORDS (P3)."""

from __future__ import annotations

import asyncio

from appliance.spool.committer import Committer, Entry
from appliance.spool.window import LAZY_RECORDS, LAZY_S, Window


class Later:
    """Belongs to the event loop. `window` counts them until they are flushed."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.window = Window(committer.wake)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def put(self, entry: Entry) -> None:
        entry.lazy = True
        self._count += 1
        self.window.recorded()
        due = self._count >= LAZY_RECORDS
        if due:
            self._count = 0
        self._committer.put(entry, wake=due)
        self.arm()

    def arm(self) -> None:
        """What waits, or is to be written again, is written in LAZY_S at the latest."""
        if self._loop and self._timer is None:
            self._timer = self._loop.call_later(LAZY_S, self._ring)

    def _ring(self) -> None:
        self._timer, self._count = None, 0
        self._committer.wake()
