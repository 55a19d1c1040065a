"""Lanes: the mail for one next hop (a recipient domain, or a relay) and how fast it may go.

Each lane has its row's throttles: connections at once, messages in a row before a pause. All lanes together share
`sessions_max`, and take turns. A lane whose host did not answer is shut for a while, each time longer: its mail waits
for one probe and is not tried message by message (RFC 5321 4.5.4.1).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from appliance.core.item import Progress, QueueItem
from appliance.core.plan import Step
from appliance.core.reply import Reply
from appliance.ports import Clock

SHUT_FIRST_S: Final = 30.0
SHUT_LONGEST_S: Final = 600.0
LANES_MAX: Final = 10_000
TURN: Final = 20  # messages after which a lane without a limit of its own lets another one go
BREATH: Final = 50  # jobs after which the loop gets a turn, however quick they were
BUSY_SESSIONS: Final = 1
BUSY_BREATH_S: Final = 0.02  # between two messages of a worker while clients come first: 50 a second still leave
LOOK_AGAIN_S: Final = 0.2


@dataclass(slots=True, eq=False)
class Job:
    """One attempt for these recipients of an item; `finish` is called when it is over."""

    item: QueueItem
    rows: list[Progress]
    step: Step
    domain: str
    finish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """A row's throttles."""

    connections_max: int
    messages_in_a_row: int
    pause_s: float
    retry_first_s: float
    retry_longest_s: float


@dataclass(slots=True, eq=False)
class Lane:
    """`shut_until` is monotonic; `failures` counts how often in a row the host did not answer; `last` is the reply
    that shut it."""

    name: str
    pace: Pace
    waiting: deque[Job] = field(default_factory=deque)
    working: int = 0
    in_turn: bool = False
    shut_until: float = 0.0
    failures: int = 0
    last: Reply | None = None

    def shut(self, now: float, reply: Reply) -> None:
        """The host does not answer. Attempts that were under way together count once."""
        if now < self.shut_until:
            return
        first = min(self.pace.retry_first_s / 2, SHUT_FIRST_S)
        span = min(first * 2.0 ** min(self.failures, 20), self.pace.retry_longest_s, SHUT_LONGEST_S)
        self.failures, self.last, self.shut_until = self.failures + 1, reply, now + span

    def open(self) -> None:
        self.failures, self.last, self.shut_until = 0, None, 0.0

    def is_shut(self, now: float) -> bool:
        return now < self.shut_until and self.last is not None

    @property
    def free(self) -> bool:
        """Whether one more may work here; a host that did not answer gets one probe."""
        return bool(self.waiting) and self.working < (1 if self.failures else self.pace.connections_max)


class Lanes:
    """`run` makes one attempt and never raises; `busy` says that clients wait for the box, which goes first."""

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
            if len(self._lanes) >= LANES_MAX:
                self._forget()
            self._lanes[name] = Lane(name, pace)
        return self._lanes[name]

    def put(self, lane: Lane, job: Job) -> None:
        lane.waiting.append(job)
        self._queue(lane)
        self.go()

    def _queue(self, lane: Lane) -> None:
        if not lane.in_turn:
            lane.in_turn = True
            self._turn.append(lane)

    def go(self) -> None:
        """Start as many workers as the limits allow, lane by lane in turn. A lane that may not have more leaves the
        turn; its next worker that ends brings it back."""
        busy = self._busy()
        limit = min(self._sessions_max, BUSY_SESSIONS) if busy else self._sessions_max
        while self._turn and self._working < limit and not self.stopped:
            lane = self._turn.popleft()
            lane.in_turn = False
            if lane.free:
                self._work(lane)
                if lane.free:
                    self._queue(lane)
        if busy and self._turn and self._again is None and not self.stopped:
            self._again = asyncio.get_running_loop().call_later(LOOK_AGAIN_S, self._go_again)

    def _go_again(self) -> None:
        self._again = None
        self.go()

    def _work(self, lane: Lane) -> None:
        lane.working += 1
        self._working += 1
        task = asyncio.get_running_loop().create_task(self._worker(lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _worker(self, lane: Lane) -> None:
        """Take jobs until the lane is empty or another lane should have the turn."""
        done, row = 0, lane.pace.messages_in_a_row
        try:
            while lane.waiting and not self.stopped:
                await self._run(lane, lane.waiting.popleft())
                done += 1
                if row and done % row == 0 and lane.pace.pause_s and lane.waiting:
                    await asyncio.sleep(lane.pace.pause_s)
                busy = self._busy()
                if busy and self._working > BUSY_SESSIONS:
                    break
                if busy or done % BREATH == 0:
                    await asyncio.sleep(BUSY_BREATH_S if busy else 0)
                if done % (row or TURN) == 0 and (self._turn or busy):
                    break
        finally:
            lane.working -= 1
            self._working -= 1
            if lane.waiting:
                self._queue(lane)
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
