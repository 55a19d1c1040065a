"""The scheduler: the one writer of every queue item; says what is tried when (implements ports.Queue).

Due items are ordered by time with one timer; nothing expires before the clock is known. A failure is reported before
the item is removed, and after a start reports come before attempts. Attempts themselves: `visits`; their times:
`timetable`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from appliance import maillog
from appliance.core.item import Phase, QueueItem, State
from appliance.core.reply import Reply
from appliance.delivery.agenda import Agenda, Ages
from appliance.delivery.attempt import Attempt
from appliance.delivery.census import Census
from appliance.delivery.outcome import Outcome
from appliance.delivery.reports import Reporter
from appliance.delivery.rush import Rush
from appliance.delivery.timetable import Timetable
from appliance.delivery.visits import Visits
from appliance.ports import Clock, History, Spool
from appliance.settings.schema import Settings

BOUNCED: Final = Reply.of("550 5.7.0 bounced by the operator")
STOP_S: Final = 7.0
REPORT_AGAIN_S: Final = 10.0
GIVE_UP_WAIT_S: Final = 10.0  # for an attempt that is just on the wire
LOOK_S: Final = 0.02
BATCH: Final = 200  # due items begun before clients get a turn


class Scheduler:
    """Tasks that end with an exception are bugs; `crashed` is told."""

    def __init__(
        self, settings: Settings, spool: Spool, history: History, attempt: Attempt, reporter: Reporter, clock: Clock,
        crashed: Callable[[BaseException], None],
    ) -> None:  # fmt: skip
        self._spool, self._clock, self._crashed = spool, clock, crashed
        self._items: dict[str, QueueItem] = {}
        self._settling: set[str] = set()
        self._agenda, self._ages = Agenda(), Ages(clock)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self.census, self._timetable, self._rush = Census(), Timetable(settings, clock), Rush(clock)
        self._outcome = Outcome(settings, spool, history, reporter, clock, self._ages, self._known, self.accepted)
        self._visits = Visits(
            settings.delivery.sessions_max, self._timetable, self._agenda, attempt, self._outcome, self.census, spool,
            clock, self._known, self._after, self._rush.on,
        )  # fmt: skip
        self.lanes = self._visits.lanes
        self.accepted_count = 0
        self.accepted_at: float | None = None

    @property
    def delivered_count(self) -> int:
        return self._outcome.delivered

    @property
    def failed_count(self) -> int:
        return self._outcome.failed

    @property
    def overdue_s(self) -> float:
        """Since when the item that is due first has not been begun: more than moments is a bug."""
        at = self._agenda.next_at()
        return 0.0 if at is None else self._clock.monotonic() - at

    @property
    def moved_at(self) -> float | None:
        """When the last message was accepted or delivered, monotonic."""
        return max((at for at in (self.accepted_at, self._outcome.delivered_at) if at is not None), default=None)

    @property
    def oldest_age_s(self) -> float | None:
        """Of the item that came first; None with an empty queue."""
        first = next(iter(self._items.values()), None)
        return None if first is None else self._ages.of(first)

    @property
    def next_attempt_s(self) -> float | None:
        """Until the next attempt; None when nothing waits for its time. What is held waits for the operator."""
        while (first := self._agenda.first()) is not None and (item := self._items.get(first)) and item.held:
            self._agenda.skip()
        at = self._agenda.next_at()
        return None if at is None else max(0.0, at - self._clock.monotonic())

    def start(self) -> None:
        """Take over what the spool found."""
        for item in self._spool.items():
            self._items[item.queue_id] = item
        for item in list(self._items.values()):
            self._after(item)
        self.tick()

    async def stop(self) -> None:
        """Attempts under way may end; what does not returns to the queue."""
        if self._timer:
            self._timer.cancel()
        await self.lanes.stop(STOP_S)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)

    # -- ports.Queue ----------------------------------------------------------------------------------------------

    def accepted(self, item: QueueItem) -> None:
        self.accepted_count += 1
        self.accepted_at = self._clock.monotonic()
        self._rush.note(item.size_bytes)
        self._ages.arrives(item.queue_id)
        self._items[item.queue_id] = item
        maillog.queued(item)
        self._schedule(item)
        if not item.held and not self.lanes.stopped:
            self._visits.begin(item)

    def items(self) -> Iterable[QueueItem]:
        return self._items.values()

    def find(self, queue_id: str) -> QueueItem | None:
        return self._items.get(queue_id)

    def _known(self, queue_id: str) -> bool:
        return queue_id in self._items

    def due_in(self, item: QueueItem) -> float | None:
        if item.held or item.phase is Phase.DONE:
            return None
        at = self._agenda.next_of(item.queue_id)
        return 0.0 if at is None or item.queue_id in self._visits else max(0.0, at - self._clock.monotonic())

    def hold(self, queue_id: str, reason: str) -> bool:
        if (item := self._items.get(queue_id)) is None:
            return False
        item.held = reason or "held by the operator"
        self.census.note(item)
        self._spool.record(item, [])
        return True

    def release(self, queue_id: str) -> bool:
        if (item := self._items.get(queue_id)) is None or not item.held:
            return False
        item.held = ""
        self.census.note(item)
        self._spool.record(item, [])
        return self.retry(queue_id)

    def retry(self, queue_id: str) -> bool:
        ready = self._make_due(queue_id)
        self.tick()
        return ready

    def flush(self) -> int:
        count = sum(self._make_due(queue_id) for queue_id in list(self._items))
        self.tick()
        return count

    def _make_due(self, queue_id: str) -> bool:
        item = self._items.get(queue_id)
        if item is None or item.held:
            return False
        if queue_id not in self._visits:
            now = self._clock.monotonic()
            rows = {number: row for number, row in enumerate(item.progress) if row.state is State.PENDING}
            for row in rows.values():
                self._visits.open_lane(row)
            self._agenda.put(queue_id, dict.fromkeys(rows, now))
        return True

    async def give_up(self, queue_id: str, report: bool) -> bool:
        item = self._items.get(queue_id)
        until = self._clock.monotonic() + GIVE_UP_WAIT_S
        while item and (item.active or queue_id in self._settling) and self._clock.monotonic() < until:
            await asyncio.sleep(LOOK_S)
        if item is None or item.active or queue_id in self._settling or queue_id not in self._items:
            return False
        if report:
            self._outcome.fail(item, item.in_state(State.PENDING), BOUNCED)
        else:
            self._outcome.delete(item)
        self._settling.add(queue_id)
        await self._settle(item)
        return True

    # -- time -----------------------------------------------------------------------------------------------------

    def _schedule(self, item: QueueItem) -> None:
        """Put what is pending on the agenda."""
        self.census.note(item)
        dues: dict[int, float] = {}
        for number, row in enumerate(item.progress):
            if row.state is not State.PENDING:
                self._agenda.drop(item.queue_id, number)
            elif not self._agenda.has(item.queue_id, number):
                dues[number] = self._timetable.due_at(item.queue_id, row)
        self._agenda.put(item.queue_id, dues)
        self._arm()

    def _arm(self) -> None:
        at = self._agenda.next_at()
        if at is None or self.lanes.stopped or (self._timer and self._timer_at <= at):
            return
        if self._timer:
            self._timer.cancel()
        self._timer_at = at
        wait = max(at - self._clock.monotonic(), 0.001)
        self._timer = asyncio.get_running_loop().call_later(wait, self.tick)

    def tick(self) -> None:
        """Begin what is due; the timer goes on with the rest."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self.lanes.stopped:
            return
        for queue_id in self._agenda.due(self._clock.monotonic(), BATCH):
            item = self._items.get(queue_id)
            if item and not item.held and queue_id not in self._visits and queue_id not in self._settling:
                self._visits.begin(item)
        self._arm()

    # -- the end --------------------------------------------------------------------------------------------------

    def _after(self, item: QueueItem) -> None:
        """No attempt is under way: tell who must be told, then wait or forget."""
        if item.queue_id not in self._items or item.queue_id in self._settling:
            return
        self.census.note(item)
        if self._outcome.unsettled(item):
            self._settling.add(item.queue_id)
            self._spawn(self._settle(item))
        elif item.phase is Phase.DONE:
            self._agenda.forget(item.queue_id)
            del self._items[item.queue_id]
            self.census.forget(item.queue_id)
            self._outcome.remove(item)
        else:
            self._schedule(item)

    async def _settle(self, item: QueueItem) -> None:
        try:
            settled = await self._outcome.settle(item)
        finally:
            self._settling.discard(item.queue_id)
        if settled:
            self._after(item)
        else:
            self._schedule(item)
            asyncio.get_running_loop().call_later(REPORT_AGAIN_S, self._report_again, item)

    def _report_again(self, item: QueueItem) -> None:
        if item.queue_id not in self._visits and not self.lanes.stopped:
            self._after(item)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logging.getLogger(__name__).error("a bug ends the relay", exc_info=error)
            self._crashed(error)
