"""The scheduler: the one writer of every queue item; says what is tried when (implements ports.Queue).

Due items are ordered by time with one timer. Waits are monotonic and never longer than the longest setting, whatever
the wall clock does; nothing expires before the clock is known. A bug inside an attempt defers that item only; a
damaged content is quarantined and shown. A failure is reported before the item is removed, and after a start reports
come before attempts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from appliance import maillog
from appliance.core.item import Event, Phase, Progress, QueueItem, State
from appliance.core.plan import GiveUp, Step, Via, next_step, wait_s
from appliance.core.reply import Reply
from appliance.delivery.agenda import Agenda, Ages
from appliance.delivery.attempt import Attempt, exhausted, host_trouble, relays_of, row_of
from appliance.delivery.census import Census
from appliance.delivery.lanes import Job, Lane, Lanes, Pace
from appliance.delivery.outcome import Outcome
from appliance.delivery.reports import Reporter
from appliance.ports import Clock, DamagedContent, History, Spool
from appliance.settings.schema import Settings

BUG: Final = Reply.of("451 4.3.0 trouble inside the box, noted in its log")
BOUNCED: Final = Reply.of("550 5.7.0 bounced by the operator")
STOP_S: Final = 7.0
REPORT_AGAIN_S: Final = 10.0
GIVE_UP_WAIT_S: Final = 10.0  # for an attempt that is just on the wire
LOOK_S: Final = 0.02
BATCH: Final = 200  # due items begun before clients get a turn
BUSY_COUNT: Final = 16
BUSY_S: Final = 0.06
BUSY_OCTETS: Final = 131072  # of a large message count as one more


@dataclass(slots=True)
class Visit:
    """An item's attempts under way: `left` jobs in lanes, `running` of them on the wire."""

    left: int
    running: int = 0


class Scheduler:
    """Tasks that end with an exception are bugs; `crashed` is told."""

    def __init__(
        self, settings: Settings, spool: Spool, history: History, attempt: Attempt, reporter: Reporter, clock: Clock,
        crashed: Callable[[BaseException], None],
    ) -> None:  # fmt: skip
        self._settings, self._spool, self._attempt = settings, spool, attempt
        self._clock, self._crashed = clock, crashed
        self._relays = relays_of(settings)
        self._items: dict[str, QueueItem] = {}
        self._visits: dict[str, Visit] = {}
        self._settling: set[str] = set()
        self._agenda, self._ages = Agenda(), Ages(clock)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepted_at = deque([float("-inf")] * BUSY_COUNT, maxlen=BUSY_COUNT)
        self.lanes = Lanes(settings.delivery.sessions_max, clock, self._job, self._busy)
        self._outcome = Outcome(
            settings, spool, history, reporter, clock, self._ages, lambda queue_id: queue_id in self._items,
            self.accepted,
        )  # fmt: skip
        self.accepted_count = 0
        self.accepted_at: float | None = None
        self.census = Census()

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
        for _ in range(min(1 + item.size_bytes // BUSY_OCTETS, BUSY_COUNT)):
            self._accepted_at.append(self._clock.monotonic())
        self._ages.arrives(item.queue_id)
        self._items[item.queue_id] = item
        maillog.queued(item)
        self._schedule(item)
        if not item.held and not self.lanes.stopped:
            self._begin(item)

    def items(self) -> Iterable[QueueItem]:
        return self._items.values()

    def find(self, queue_id: str) -> QueueItem | None:
        return self._items.get(queue_id)

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
                self._lane(row, self._step(row)).shut_until = 0.0
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
                dues[number] = self._due_at(item, row)
        self._agenda.put(item.queue_id, dues)
        self._arm()

    def _due_at(self, item: QueueItem, row: Progress) -> float:
        """Monotonic. The time already waited counts only as far as the wall clock makes sense."""
        if row.reply is None:
            return self._clock.monotonic()
        delay = self._delay_s(item, row)
        waited = min(max(self._clock.wall() - row.at, 0.0), delay) if row.at and self._clock.known() else 0.0
        return self._clock.monotonic() + delay - waited

    def _delay_s(self, item: QueueItem, row: Progress) -> float:
        domain = row_of(self._settings, row)
        if row.unknown_domain_at:
            return min(self._settings.delivery.lab_second_look_s, domain.retry_longest_s)
        first = self._relays[row.relay_attempts % len(self._relays)].retry_first_s if self._relays else 0.0
        return wait_s(domain, len(self._relays), row, item.queue_id, first)

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
                self._begin(item)
        self._arm()

    def _busy(self) -> bool:
        """Whether clients hand in mail so fast that they come first."""
        return self._clock.monotonic() - self._accepted_at[0] < BUSY_S

    # -- attempts -----------------------------------------------------------------------------------------------

    def _begin(self, item: QueueItem) -> None:
        """Hand the recipients that are due to their lanes, one job for each next hop."""
        now = self._clock.monotonic()
        jobs: dict[str, tuple[Lane, Job]] = {}
        for number in self._agenda.take(item.queue_id, now):
            row = item.progress[number]
            step = self._step(row)
            lane = self._lane(row, step)
            if isinstance(step, GiveUp):
                self._outcome.fail(item, [row], exhausted(step.reply))
            elif lane.is_shut(now):
                self._postpone(item, row, lane)
            elif lane.name in jobs:
                jobs[lane.name][1].rows.append(row)
            else:
                jobs[lane.name] = lane, Job(item, [row], step, row.recipient.mailbox.domain, lambda: self._leave(item))
        if not jobs:
            self._after(item)
            return
        self._visits[item.queue_id] = Visit(len(jobs))
        for lane, job in jobs.values():
            self.lanes.put(lane, job)

    def _leave(self, item: QueueItem) -> None:
        visit = self._visits[item.queue_id]
        visit.left -= 1
        if visit.left == 0:
            del self._visits[item.queue_id]
            self._after(item)

    def _step(self, row: Progress) -> Step:
        return next_step(row_of(self._settings, row), len(self._relays), row)

    def _lane(self, row: Progress, step: Step) -> Lane:
        domain = row_of(self._settings, row)
        hop = self._relays[step.relay] if isinstance(step, Via) else domain
        name = f"relay {hop.name}" if isinstance(step, Via) else row.recipient.mailbox.domain
        pace = Pace(
            hop.connections_max, hop.messages_in_a_row, hop.pause_s, hop.retry_first_s, domain.retry_longest_s
        )  # fmt: skip
        return self.lanes.lane(name, pace)

    def _postpone(self, item: QueueItem, row: Progress, lane: Lane) -> None:
        """The host was found dead while this one waited for its turn; that is no attempt of its own."""
        if row.reply is None and lane.last is not None:
            row.step(Event.DEFER, lane.last, self._clock.wall())
            self.census.note(item)
        number = next(number for number, each in enumerate(item.progress) if each is row)
        self._agenda.put(item.queue_id, {number: lane.shut_until})
        self._outcome.expire(item, row)

    async def _job(self, lane: Lane, job: Job) -> None:
        """One attempt and its consequences; never raises but when cancelled."""
        try:
            async with self._spool.window:
                await self._try(lane, job)
                self._end(job)
        except asyncio.CancelledError:
            self._end(job)
            raise

    def _end(self, job: Job) -> None:
        job.finish()
        if job.item.queue_id in self._items:
            self.census.note(job.item)

    async def _try(self, lane: Lane, job: Job) -> None:
        item = job.item
        rows = [row for row in job.rows if row.state is State.PENDING]
        try:
            if not rows or item.held or item.queue_id not in self._items:
                return
            if lane.is_shut(self._clock.monotonic()):
                for row in rows:
                    self._postpone(item, row, lane)
                return
            replies = await self._run(job, rows)
            self._heed(lane, replies)
            self._outcome.take(item, rows, job.step, replies)
        except DamagedContent as damage:
            self._outcome.damaged(item, str(damage))
        except Exception:
            maillog.bug(item.queue_id)
            left = [row for row in rows if row.state is State.PENDING]
            self._outcome.take(item, left, job.step, [BUG] * len(left))

    async def _run(self, job: Job, rows: list[Progress]) -> list[Reply]:
        item, visit = job.item, self._visits[job.item.queue_id]
        visit.running += 1
        item.active = True
        self.census.note(item)
        try:
            return await self._attempt.run(job.step, job.domain, item, rows)
        finally:
            visit.running -= 1
            item.active = visit.running > 0

    def _heed(self, lane: Lane, replies: list[Reply]) -> None:
        """Shut the lane of a host that does not answer; its mail then waits together."""
        if replies and all(host_trouble(reply) for reply in replies):
            lane.shut(self._clock.monotonic(), replies[0])
        else:
            lane.open()

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
