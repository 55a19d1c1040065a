"""What an attempt leaves to say: failures reported before an item is forgotten, delays and successes told once.

`Settler.settle` returns whether all that had to be reported was; otherwise (the card refuses) it is tried again.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.core.dsn import Action
from appliance.core.envelope import Notify
from appliance.core.item import Event, Phase, Progress, QueueItem, State
from appliance.delivery.reports import Reporter
from appliance.ports import Clock, Spool
from appliance.settings.schema import Settings


class Settler:
    """`accepted` takes a report that is in the spool into the queue; `known` says whether an id is in the queue."""

    def __init__(
        self, settings: Settings, spool: Spool, reporter: Reporter, clock: Clock,
        accepted: Callable[[QueueItem], None], known: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._settings, self._spool, self._reporter, self._clock = settings, spool, reporter, clock
        self._accepted, self._known = accepted, known

    def needed(self, item: QueueItem) -> bool:
        """Whether there is something to say before the item may wait or be forgotten."""
        success = item.phase is Phase.DONE and any(Notify.SUCCESS in row.recipient.notify for row in item.progress)
        return success or item.phase is Phase.BOUNCING or self._delay_due(item)

    async def settle(self, item: QueueItem) -> bool:
        """Say it. False: report again later."""
        if (failed := item.in_state(State.FAILED)) and not await self.report(item, failed):
            return False
        if self._delay_due(item):
            rows = self._undelayed(item)
            await self._tell(item, Action.DELAYED, rows)
            for row in rows:
                row.delayed = True
            self._spool.record(item, rows)
        if item.phase is Phase.DONE:
            done = [row for row in item.in_state(State.DELIVERED) if Notify.SUCCESS in row.recipient.notify]
            if done:
                await self._tell(item, Action.RELAYED, done)
        return True

    async def report(self, item: QueueItem, failed: list[Progress]) -> bool:
        """The DSN and the bounce records, then the mark. False when the card refused."""
        made = await self._reporter.failed(item, failed, self._known)
        if made is False:
            return False
        for row in failed:
            row.step(Event.REPORT)
        if item.phase is not Phase.DONE:
            self._spool.record(item, failed)
        if isinstance(made, QueueItem):
            self._accepted(made)
        return True

    def _delay_due(self, item: QueueItem) -> bool:
        after = self._settings.reports.delay_after_s
        old = after > 0 and self._clock.known() and self._clock.wall() - item.arrival.at >= after
        return old and bool(self._undelayed(item))

    def _undelayed(self, item: QueueItem) -> list[Progress]:
        wanted = (row for row in item.in_state(State.PENDING) if not row.delayed)
        return [row for row in wanted if not row.recipient.notify or Notify.DELAY in row.recipient.notify]

    async def _tell(self, item: QueueItem, action: Action, rows: list[Progress]) -> None:
        made = await self._reporter.tell(item, action, rows, self._known)
        if made is not None:
            self._accepted(made)
