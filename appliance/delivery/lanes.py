"""Lanes: the mail for one next hop (a recipient domain, or a relay) and how fast it may go.

Each lane has its row's throttles: connections at once, messages in a row before a pause. All lanes together share
`sessions_max`, and take turns. A lane whose host did not answer is shut for a while: its mail waits for one probe and
is not tried message by message (RFC 5321 4.5.4.1).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from appliance.core.item import Progress, QueueItem
from appliance.core.plan import Step
from appliance.core.reply import Reply
from appliance.ports import Clock


@dataclass(slots=True, eq=False)
class Job:
    """One attempt for these recipients of an item; `finish` is called when it is over."""

    item: QueueItem
    rows: list[Progress]
    step: Step
    domain: str
    finish: Callable[[], None]


@dataclass(slots=True)
class Pace:
    """A row's throttles."""

    connections_max: int
    messages_in_a_row: int
    pause_s: float


@dataclass(slots=True)
class Lane:
    """`shut_until` is monotonic; `failures` counts connects that failed in a row; `last` is the reply of the last."""

    name: str
    pace: Pace
    waiting: deque[Job] = field(default_factory=deque)
    working: int = 0
    shut_until: float = 0.0
    failures: int = 0
    last: Reply | None = None


class Lanes:
    """`run` makes one attempt; `busy` says that clients wait for the box, which goes first."""

    def __init__(
        self, sessions_max: int, clock: Clock, run: Callable[[Lane, Job], Awaitable[None]], busy: Callable[[], bool]
    ) -> None:
        self._sessions_max, self._clock, self._run, self._busy = sessions_max, clock, run, busy
        self._lanes: dict[str, Lane] = {}
        self._turn: deque[Lane] = deque()
        self._working = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None
        self.stopped = False

    def lane(self, name: str, pace: Pace) -> Lane:
        if name not in self._lanes:
            if len(self._lanes) > 10_000:
                self._forget()
            self._lanes[name] = Lane(name, pace)
        return self._lanes[name]

    def put(self, lane: Lane, job: Job) -> None:
        lane.waiting.append(job)
        if lane not in self._turn:
            self._turn.append(lane)
        self.go()

    def go(self) -> None:
        """Start as many workers as the limits allow, lane by lane in turn."""
        limit = min(self._sessions_max, 2) if self._busy() else self._sessions_max
        for _ in range(len(self._turn)):
            if self._working >= limit or self.stopped:
                break
            lane = self._turn.popleft()
            if lane.waiting and lane.working < lane.pace.connections_max:
                self._work(lane)
            if lane.waiting:
                self._turn.append(lane)
        if self._turn and self._again is None and self._busy() and not self.stopped:
            self._again = asyncio.get_running_loop().call_later(0.2, self._go_again)

    def _go_again(self) -> None:
        self._again = None
        self.go()

    def _work(self, lane: Lane) -> None:
        lane.working += 1
        self._working += 1
        task = asyncio.get_running_loop().create_task(self._worker(lane), name=f"lane {lane.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _worker(self, lane: Lane) -> None:
        """Take jobs until the lane is empty or another lane should have the turn."""
        done = 0
        try:
            while lane.waiting and not self.stopped:
                await self._run(lane, lane.waiting.popleft())
                done += 1
                if lane.pace.messages_in_a_row and done % lane.pace.messages_in_a_row == 0:
                    if lane.pace.pause_s:
                        await asyncio.sleep(lane.pace.pause_s)
                    if len(self._turn) > 1 or self._busy():
                        break
        finally:
            lane.working -= 1
            self._working -= 1
            if lane.waiting and lane not in self._turn:
                self._turn.append(lane)
            self.go()

    def _forget(self) -> None:
        now = self._clock.monotonic()
        for name, lane in list(self._lanes.items()):
            if not lane.waiting and not lane.working and lane.shut_until <= now:
                del self._lanes[name]

    async def stop(self, wait_s: float) -> None:
        """Let attempts under way end within `wait_s`, then cut them off."""
        self.stopped = True
        if self._again:
            self._again.cancel()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=wait_s)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=1)
