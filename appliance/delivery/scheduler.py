"""The scheduler: the one writer of every queue item; says what is tried when (implements ports.Queue).

Due items are ordered by time with one timer. Waits are monotonic and never longer than the longest setting, whatever
the wall clock does; age is wall clock, and nothing expires before the clock is known. A bug inside an attempt defers
that item only; a damaged content is quarantined and shown. Results are recorded in the spool; a failure is reported
before the item is removed, and after a start reports come before attempts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from appliance import maillog
from appliance.core.item import Event, Phase, Progress, QueueItem, State
from appliance.core.plan import GiveUp, Step, Via, next_step
from appliance.core.reply import Reply
from appliance.delivery.attempt import HOST_TROUBLE, Attempt, apply, exhausted, relays_of, row_of
from appliance.delivery.lanes import Job, Lane, Lanes, Pace
from appliance.delivery.outcome import entry
from appliance.delivery.reports import Reporter
from appliance.delivery.settling import Settler
from appliance.delivery.timetable import Timetable
from appliance.ports import Clock, DamagedContent, History, Spool
from appliance.settings.schema import Settings

BUG = Reply.of("451 4.3.0 trouble inside the box, noted in its log")
STOP_S = 8.0
REPORT_AGAIN_S = 10.0


class Scheduler:
    """`tasks` that end with an exception are bugs; `crashed` is told."""

    def __init__(
        self, settings: Settings, spool: Spool, history: History, attempt: Attempt, reporter: Reporter, clock: Clock,
        crashed: Callable[[BaseException], None],
    ) -> None:  # fmt: skip
        self._settings, self._spool, self._history, self._attempt = settings, spool, history, attempt
        self._clock, self._crashed = clock, crashed
        self._relays = relays_of(settings)
        self._items: dict[str, QueueItem] = {}
        self._times = Timetable(settings, clock, self.tick)
        self._settler = Settler(settings, spool, reporter, clock, self.accepted, self._items.__contains__)
        self._tasks: set[asyncio.Task[None]] = set()
        self._damage: dict[str, str] = {}
        self._accepted_at = [float("-inf")] * 16
        self.lanes = Lanes(settings.delivery.sessions_max, clock, self._job, self._busy)
        self.accepted_count = self.delivered_count = self.failed_count = 0

    def start(self) -> None:
        """Take over what the spool found."""
        for item in self._spool.items():
            self._adopt(item)
            if item.in_state(State.FAILED) or item.phase is Phase.DONE:
                self._spawn(self._settle(item))
        self.tick()

    async def stop(self) -> None:
        """Attempts under way may end; what does not returns to the queue."""
        self._times.stopped = True
        self._times.stop_timer()
        await self.lanes.stop(STOP_S)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)

    # -- ports.Queue ----------------------------------------------------------------------------------------------

    def accepted(self, item: QueueItem) -> None:
        self.accepted_count += 1
        self._accepted_at[self.accepted_count % 16] = self._clock.monotonic()
        maillog.queued(item)
        self._adopt(item)
        self.tick()

    def items(self) -> Iterable[QueueItem]:
        return self._items.values()

    def find(self, queue_id: str) -> QueueItem | None:
        return self._items.get(queue_id)

    def due_in(self, item: QueueItem) -> float | None:
        return None if item.held else self._times.due_in(item)

    def hold(self, queue_id: str, reason: str) -> bool:
        if (item := self._items.get(queue_id)) is None:
            return False
        item.held = reason or "held by the operator"
        self._spool.record(item, [])
        return True

    def release(self, queue_id: str) -> bool:
        if (item := self._items.get(queue_id)) is None or not item.held:
            return False
        item.held = ""
        self._spool.record(item, [])
        return self.retry(queue_id)

    def retry(self, queue_id: str) -> bool:
        if (item := self._items.get(queue_id)) is None or item.held:
            return False
        for row in item.in_state(State.PENDING):
            self._lane(row, self._step(row)).shut_until = 0.0
        self._times.hurry(item)
        self.tick()
        return True

    async def give_up(self, queue_id: str, report: bool) -> bool:
        item = self._items.get(queue_id)
        if item is None or item.active:
            return False
        rows = item.in_state(State.PENDING)
        word = "bounced" if report else "deleted"
        reply = Reply(550, "5.7.0", f"{word} by the operator")
        for row in rows:
            row.step(Event.FAIL, reply, self._clock.wall())
            if not report:
                row.step(Event.REPORT)
            self._remember(item, row, "failed" if report else "deleted")
        self._spool.record(item, rows)
        await self._settle(item)
        return True

    def flush(self) -> int:
        return sum(self.retry(queue_id) for queue_id in list(self._items))

    # -- attempts -----------------------------------------------------------------------------------------------

    def _adopt(self, item: QueueItem) -> None:
        self._items[item.queue_id] = item
        self._times.enter(item)

    def tick(self) -> None:
        """Start what is due, set the one timer for the next."""
        for queue_id in self._times.due():
            item = self._items.get(queue_id)
            if item and not item.active and not item.held:
                self._begin(item, self._clock.monotonic())
        self._times.wind()

    def _busy(self) -> bool:
        """Whether clients hand in mail so fast that they come first: 16 within 60 ms."""
        return self._clock.monotonic() - min(self._accepted_at) < 0.06

    def _begin(self, item: QueueItem, now: float) -> None:
        """Hand the recipients that are due to their lanes, one job for each next hop."""
        waits = self._times.waits[item.queue_id]
        groups: dict[str, tuple[Lane, Step, str, list[Progress]]] = {}
        for number, at in list(waits.items()):
            row = item.progress[number]
            if at > now or row.state is not State.PENDING:
                continue
            step = self._step(row)
            lane = self._lane(row, step)
            if now < lane.shut_until and row.reply is None and lane.last is not None:
                row.step(Event.DEFER, lane.last, self._clock.wall())
            if now < lane.shut_until:
                waits[number] = lane.shut_until
                continue
            groups.setdefault(lane.name, (lane, step, row.recipient.mailbox.domain, []))[3].append(row)
        if not groups:
            self._times.push(item)
            return
        item.active = True
        left = len(groups)

        def finish() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                item.active = False
                self._ended(item)

        for lane, step, domain, rows in groups.values():
            self.lanes.put(lane, Job(item, rows, step, domain, finish))

    def _step(self, row: Progress) -> Step:
        return next_step(row_of(self._settings, row), len(self._relays), row)

    def _lane(self, row: Progress, step: Step) -> Lane:
        if isinstance(step, Via):
            relay = self._relays[step.relay]
            return self.lanes.lane(
                f"relay {relay.name}", Pace(relay.connections_max, relay.messages_in_a_row, relay.pause_s)
            )
        domain = row_of(self._settings, row)
        pace = Pace(domain.connections_max, domain.messages_in_a_row, domain.pause_s)
        return self.lanes.lane(row.recipient.mailbox.domain, pace)

    async def _job(self, lane: Lane, job: Job) -> None:
        """One attempt and its consequences; never raises but when cancelled."""
        item, rows = job.item, job.rows
        try:
            if self._clock.monotonic() < lane.shut_until and lane.last is not None:
                self._postpone(item, rows, lane)
                return
            self._apply(lane, job, await self._replies(job))
        except DamagedContent as damage:
            self._damaged(item, str(damage))
        except asyncio.CancelledError:
            raise
        except Exception:
            maillog.bug(item.queue_id)
            self._apply(lane, job, [BUG] * len(rows))
        finally:
            job.finish()

    async def _replies(self, job: Job) -> list[Reply]:
        if isinstance(job.step, GiveUp):
            return [exhausted(job.step.reply)] * len(job.rows)
        return await self._attempt.run(job.step, job.domain, job.item, job.rows)

    def _postpone(self, item: QueueItem, rows: list[Progress], lane: Lane) -> None:
        """The host was found dead while these waited for their turn."""
        for row in rows:
            if row.reply is None and lane.last is not None:
                row.step(Event.DEFER, lane.last, self._clock.wall())
            self._times.waits[item.queue_id][item.progress.index(row)] = lane.shut_until

    def _apply(self, lane: Lane, job: Job, replies: list[Reply]) -> None:
        now, item = self._clock.wall(), job.item
        self._judge_lane(lane, replies)
        for row, reply in zip(job.rows, replies, strict=True):
            if isinstance(job.step, GiveUp):
                row.step(Event.FAIL, reply, now)
                word = "failed"
            else:
                word = apply(self._settings, row, job.step, reply, now)
            if row.state is State.PENDING and self._too_old(item):
                row.step(Event.FAIL, exhausted(row.reply), now)
                word = "failed"
            maillog.attempted(item, row, word, reply, now - item.arrival.at)
            if row.state is not State.PENDING:
                self._remember(item, row, word)
        if item.phase is not Phase.DONE and any(row.state is not State.DELIVERED for row in item.progress):
            self._spool.record(item, job.rows)

    def _judge_lane(self, lane: Lane, replies: list[Reply]) -> None:
        """Shut the lane of a host that does not answer; its mail then waits together."""
        if replies and all(reply.transient and reply.enhanced in HOST_TROUBLE for reply in replies):
            lane.failures += 1
            lane.last = replies[0]
            first = min((row.retry_first_s for row in self._settings.domain if row.name == lane.name), default=None)
            first = self._settings.domain[-1].retry_first_s if first is None else first
            lane.shut_until = self._clock.monotonic() + min(first, 60.0) * 0.5
        else:
            lane.failures, lane.last, lane.shut_until = 0, None, 0.0

    def _too_old(self, item: QueueItem) -> bool:
        age = self._clock.wall() - item.arrival.at
        return self._clock.known() and age > self._settings.delivery.expire_after_s

    def _damaged(self, item: QueueItem, reason: str) -> None:
        maillog.quarantined(item.queue_id, reason)
        for row in item.progress:
            if row.state is State.PENDING:
                row.step(Event.FAIL, Reply(554, "5.3.0", "damaged on the card, quarantined"), self._clock.wall())
        self._damage[item.queue_id] = reason

    # -- the end --------------------------------------------------------------------------------------------------

    def _ended(self, item: QueueItem) -> None:
        """All lanes are through with this item for now."""
        if item.queue_id not in self._items:
            return
        if self._settler.needed(item):
            self._spawn(self._settle(item))
        else:
            self._wait_or_forget(item)

    async def _settle(self, item: QueueItem) -> None:
        item.active = True
        try:
            ok = await self._settler.settle(item)
        finally:
            item.active = False
        if ok:
            self._wait_or_forget(item)
        else:
            asyncio.get_running_loop().call_later(REPORT_AGAIN_S, lambda: self._spawn(self._settle(item)))

    def _wait_or_forget(self, item: QueueItem) -> None:
        if item.phase is Phase.DONE:
            self._finish(item)
        elif item.queue_id in self._items:
            self._times.after_attempt(item)
            self.tick()

    def _finish(self, item: QueueItem) -> None:
        if reason := self._damage.pop(item.queue_id, ""):
            self._spool.quarantine(item.queue_id, reason)
        else:
            self._spool.remove(item)
        maillog.removed(item.queue_id)
        self._drop(item)

    def _drop(self, item: QueueItem) -> None:
        self._items.pop(item.queue_id, None)
        self._times.leave(item)

    def _remember(self, item: QueueItem, row: Progress, word: str) -> None:
        if word == "sent":
            self.delivered_count += 1
        elif word == "failed":
            self.failed_count += 1
        self._history.add(entry(item, row, word))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logging.getLogger(__name__).error("a bug ends the relay", exc_info=error)
            self._crashed(error)
