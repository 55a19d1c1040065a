"""When which recipient is due, and how old an item is.

Agenda: a heap ordered by time (monotonic seconds) with one live entry for each item; old entries are skipped.
Ages: how long mail has been here, for expiry. Counted with the monotonic clock once an item is known to this process,
so that a jump of the wall clock ages nothing; the wall clock only tells the age of what was found at the start. While
the clock is not known to be right everything is new.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping
from typing import Final

from appliance.core.item import QueueItem
from appliance.ports import Clock

EARLIEST: Final = 1_767_225_600.0  # 2026-01-01: an arrival before that was stamped by a clock that was wrong


class Agenda:
    """Item -> {number of the recipient: when it is due}."""

    def __init__(self) -> None:
        self._due: dict[str, dict[int, float]] = {}
        self._next: dict[str, float] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._count = itertools.count()

    def put(self, queue_id: str, dues: Mapping[int, float]) -> None:
        """These recipients are due then; others of the item keep their times."""
        waits = self._due.setdefault(queue_id, {})
        waits.update(dues)
        at = min(waits.values(), default=None)
        if at is None:
            self.forget(queue_id)
        elif self._next.get(queue_id) != at:
            self._next[queue_id] = at
            heapq.heappush(self._heap, (at, next(self._count), queue_id))

    def has(self, queue_id: str, number: int) -> bool:
        return number in self._due.get(queue_id, ())

    def next_of(self, queue_id: str) -> float | None:
        return min(self._due.get(queue_id, {}).values(), default=None)

    def next_at(self) -> float | None:
        """When the earliest of all is due."""
        while self._heap and self._next.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def first(self) -> str | None:
        """The item that is due first."""
        return self._heap[0][2] if self.next_at() is not None else None

    def skip(self) -> None:
        """Take the first out of the heap until its next `put`."""
        del self._next[heapq.heappop(self._heap)[2]]

    def due(self, now: float, limit: int) -> Iterator[str]:
        """Items that are due, the earliest first, at most `limit`; each is out of the heap until the next `put`."""
        for _ in range(limit):
            at = self.next_at()
            if at is None or at > now:
                return
            queue_id = self._heap[0][2]
            self.skip()
            yield queue_id

    def take(self, queue_id: str, now: float) -> list[int]:
        """The recipients of an item that are due; they are no longer on the agenda."""
        waits = self._due.get(queue_id, {})
        taken = [number for number, at in waits.items() if at <= now]
        for number in taken:
            del waits[number]
        return taken

    def drop(self, queue_id: str, number: int) -> None:
        self._due.get(queue_id, {}).pop(number, None)

    def forget(self, queue_id: str) -> None:
        self._due.pop(queue_id, None)
        self._next.pop(queue_id, None)


class Ages:
    """Seconds since an item's arrival."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._started = clock, clock.monotonic()
        self._born: dict[str, float] = {}

    def arrives(self, queue_id: str) -> None:
        """It came in just now."""
        self._born[queue_id] = self._clock.monotonic()

    def of(self, item: QueueItem) -> float:
        if not self._clock.known():
            return 0.0
        now = self._clock.monotonic()
        born = self._born.get(item.queue_id)
        if born is None:
            stamped = item.arrival.at >= EARLIEST
            born = now - max(0.0, self._clock.wall() - item.arrival.at) if stamped else self._started
            self._born[item.queue_id] = born
        return now - born

    def forget(self, queue_id: str) -> None:
        self._born.pop(queue_id, None)
