"""Attempts under way: hands the recipients that are due to their lanes and applies what comes back.

At most one visit of an item at a time, with one job for each next hop; `after` is told when the last job is over. A
bug inside an attempt defers that item only; a damaged content is quarantined and shown. P3's window stands around each
attempt and the recording of its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance import maillog
from appliance.core.item import Event, Progress, QueueItem, State
from appliance.core.plan import GiveUp
from appliance.core.reply import Reply
from appliance.delivery.agenda import Agenda
from appliance.delivery.attempt import Attempt, exhausted, host_trouble
from appliance.delivery.census import Census
from appliance.delivery.lanes import Job, Lane, Lanes
from appliance.delivery.outcome import Outcome
from appliance.delivery.timetable import Timetable
from appliance.ports import Clock, DamagedContent, Spool

BUG: Final = Reply.of("451 4.3.0 trouble inside the box, noted in its log")


@dataclass(slots=True)
class Visit:
    """`left` jobs in lanes, `running` of them on the wire."""

    left: int
    running: int = 0


class Visits:
    """`known` says whether an item is still in the queue; `busy` that clients come first."""

    def __init__(
        self, sessions_max: int, timetable: Timetable, agenda: Agenda, attempt: Attempt, outcome: Outcome,
        census: Census, spool: Spool, clock: Clock, known: Callable[[str], bool], after: Callable[[QueueItem], None],
        busy: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._timetable, self._agenda, self._attempt, self._outcome = timetable, agenda, attempt, outcome
        self._census, self._spool, self._clock, self._known, self._after = census, spool, clock, known, after
        self._under_way: dict[str, Visit] = {}
        self.lanes = Lanes(sessions_max, clock, self._job, busy)

    def __contains__(self, queue_id: str) -> bool:
        return queue_id in self._under_way

    def begin(self, item: QueueItem) -> None:
        """Hand the recipients that are due to their lanes."""
        now = self._clock.monotonic()
        jobs: dict[str, tuple[Lane, Job]] = {}
        for number in self._agenda.take(item.queue_id, now):
            row = item.progress[number]
            step = self._timetable.step(row)
            lane = self.lanes.lane(*self._timetable.lane(row, step))
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
        self._under_way[item.queue_id] = Visit(len(jobs))
        for lane, job in jobs.values():
            self.lanes.put(lane, job)

    def open_lane(self, row: Progress) -> None:
        """Its next hop is tried again, though it did not answer."""
        self.lanes.lane(*self._timetable.lane(row, self._timetable.step(row))).shut_until = 0.0

    def _leave(self, item: QueueItem) -> None:
        visit = self._under_way[item.queue_id]
        visit.left -= 1
        if visit.left == 0:
            del self._under_way[item.queue_id]
            self._after(item)

    def _postpone(self, item: QueueItem, row: Progress, lane: Lane) -> None:
        """The host was found dead while this one waited for its turn; that is no attempt of its own."""
        if row.reply is None and lane.last is not None:
            row.step(Event.DEFER, lane.last, self._clock.wall())
            self._census.note(item)
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
        if self._known(job.item.queue_id):
            self._census.note(job.item)

    async def _try(self, lane: Lane, job: Job) -> None:
        item = job.item
        rows = [row for row in job.rows if row.state is State.PENDING]
        try:
            if not rows or item.held or not self._known(item.queue_id):
                return
            if lane.is_shut(self._clock.monotonic()):
                for row in rows:
                    self._postpone(item, row, lane)
                return
            replies = await self._run(job, rows)
            _heed(lane, replies, self._clock.monotonic())
            self._outcome.take(item, rows, job.step, replies)
        except DamagedContent as damage:
            self._outcome.damaged(item, str(damage))
        except Exception:
            maillog.bug(item.queue_id)
            left = [row for row in rows if row.state is State.PENDING]
            self._outcome.take(item, left, job.step, [BUG] * len(left))

    async def _run(self, job: Job, rows: list[Progress]) -> list[Reply]:
        item, visit = job.item, self._under_way[job.item.queue_id]
        visit.running += 1
        item.active = True
        self._census.note(item)
        try:
            return await self._attempt.run(job.step, job.domain, item, rows)
        finally:
            visit.running -= 1
            item.active = visit.running > 0


def _heed(lane: Lane, replies: list[Reply], now: float) -> None:
    """Shut the lane of a host that does not answer; its mail then waits together."""
    if replies and all(host_trouble(reply) for reply in replies):
        lane.shut(now, replies[0])
    else:
        lane.open()
