"""When each recipient is due: waits in monotonic seconds, one heap, one timer.

No wait is longer than the longest setting, whatever the wall clock does; what was waited before a restart counts only
as far as the wall clock makes sense. Pure bookkeeping but for the one timer; `ring` is called when something is due.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator

from appliance.core.item import Progress, QueueItem, State
from appliance.core.plan import wait_s
from appliance.delivery.attempt import relays_of, row_of, unknown_domain
from appliance.ports import Clock
from appliance.settings.schema import Settings


class Timetable:
    """`waits[queue_id][number]` is when recipient `number` is due."""

    def __init__(self, settings: Settings, clock: Clock, ring: Callable[[], None]) -> None:
        self._settings, self._clock, self._ring = settings, clock, ring
        self._relays = relays_of(settings)
        self.waits: dict[str, dict[int, float]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._count = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self.stopped = False

    def enter(self, item: QueueItem) -> None:
        """A new item, or one that the spool found."""
        self.waits[item.queue_id] = {
            number: self.due_at(item, row) for number, row in enumerate(item.progress) if row.state is State.PENDING
        }
        self.push(item)

    def hurry(self, item: QueueItem) -> None:
        """All pending recipients are due now."""
        now = self._clock.monotonic()
        self.waits[item.queue_id] = {n: now for n, row in enumerate(item.progress) if row.state is State.PENDING}
        self.push(item)

    def after_attempt(self, item: QueueItem) -> None:
        """Who was tried waits anew; who is no longer pending leaves."""
        now, waits = self._clock.monotonic(), self.waits[item.queue_id]
        for number in list(waits):
            if item.progress[number].state is not State.PENDING:
                del waits[number]
            elif waits[number] <= now:
                waits[number] = max(self.due_at(item, item.progress[number]), now)
        self.push(item)

    def leave(self, item: QueueItem) -> None:
        self.waits.pop(item.queue_id, None)

    def due_in(self, item: QueueItem) -> float | None:
        waits = self.waits.get(item.queue_id)
        return max(0.0, min(waits.values()) - self._clock.monotonic()) if waits else None

    def due_at(self, item: QueueItem, row: Progress) -> float:
        """Monotonic time of the next attempt."""
        if row.reply is None:
            return self._clock.monotonic()
        delay = self._delay_s(item, row)
        waited = min(max(self._clock.wall() - row.at, 0.0), delay) if row.at and self._clock.known() else 0.0
        return self._clock.monotonic() + delay - waited

    def _delay_s(self, item: QueueItem, row: Progress) -> float:
        domain = row_of(self._settings, row)
        if row.unknown_domain_at and row.reply and unknown_domain(row.reply):
            return min(self._settings.delivery.lab_second_look_s, domain.retry_longest_s)
        first = self._relays[row.relay_attempts % len(self._relays)].retry_first_s if self._relays else 0.0
        return wait_s(domain, len(self._relays), row, item.queue_id, first)

    def push(self, item: QueueItem) -> None:
        """Put the item's earliest wait into the order of time."""
        if waits := self.waits.get(item.queue_id):
            heapq.heappush(self._heap, (min(waits.values()), next(self._count), item.queue_id))

    def due(self) -> Iterator[str]:
        """Take out what is due now, earliest first; an id may come more than once."""
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]

    def wind(self) -> None:
        """Set the one timer for the next."""
        self.stop_timer()
        if self._heap and not self.stopped:
            wait = max(self._heap[0][0] - self._clock.monotonic(), 0.001)
            self._timer = asyncio.get_running_loop().call_later(wait, self._ring)

    def stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
