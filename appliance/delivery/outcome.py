"""What follows from replies: progress recorded, failures reported, senders told, history kept, the item removed.

Order on the card: progress (rides with the next commit), report, removal; so a crash repeats a report at most, and
never loses one. Where the card refuses a report nothing is marked and `settle` says that it must be tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from appliance import maillog
from appliance.core.dsn import Action
from appliance.core.envelope import Notify
from appliance.core.item import Event, Phase, Progress, QueueItem, State
from appliance.core.plan import Step, Via
from appliance.core.reply import Reply
from appliance.delivery.agenda import Ages
from appliance.delivery.attempt import apply, exhausted, relays_of
from appliance.delivery.reports import Reporter
from appliance.ports import Clock, History, Spool
from appliance.settings.schema import Settings

DAMAGED: Final = Reply.of("554 5.3.0 the card no longer gives back what was written; the item is quarantined")
OUTCOMES: Final = {"sent": "delivered", "failed": "bounced"}


class Outcome:
    """`known` says whether an item is in the queue; `accept` takes over a report that is in the spool."""

    def __init__(
        self, settings: Settings, spool: Spool, history: History, reporter: Reporter, clock: Clock, ages: Ages,
        known: Callable[[str], bool], accept: Callable[[QueueItem], None],
    ) -> None:  # fmt: skip
        self._settings, self._spool, self._history, self._reporter = settings, spool, history, reporter
        self._clock, self._ages, self._known, self._accept = clock, ages, known, accept
        self._damage: dict[str, str] = {}
        self.delivered = self.failed = 0
        self.delivered_at: float | None = None

    # -- replies ----------------------------------------------------------------------------------------------------

    def take(self, item: QueueItem, rows: Sequence[Progress], step: Step, replies: Sequence[Reply]) -> None:
        """The answers of one attempt; what became final meanwhile stays as it is."""
        now, via = self._clock.wall(), self._via(step)
        pairs = [each for each in zip(rows, replies, strict=True) if each[0].state is State.PENDING]
        deferred: dict[Reply, list[Progress]] = {}
        for row, reply in pairs:
            word = apply(self._settings, row, step, reply, now)
            if row.state is State.PENDING and self._too_old(item):
                row.step(Event.FAIL, exhausted(row.reply), now)
                word = "failed"
            maillog.attempted(item, row, word, reply, self._ages.of(item))
            if row.state is State.PENDING:
                deferred.setdefault(reply, []).append(row)
            else:
                self._remember(item, row, word, via)
        for reply, same in deferred.items():
            self._attempted(item, same, reply, now, via)
        self._record(item, rows)

    def _via(self, step: Step) -> str:
        """How it was tried, for people."""
        return f"relay {relays_of(self._settings)[step.relay].name}" if isinstance(step, Via) else "direct"

    def _attempted(self, item: QueueItem, rows: list[Progress], reply: Reply, now: float, via: str) -> None:
        same = {id(row) for row in rows}
        places = [place for place, row in enumerate(item.progress) if id(row) in same]
        record = {"at": now, "outcome": "deferred", "via": via, "host": reply.host, "reply": str(reply)}
        self._history.attempted(item.queue_id, {**record, "rows": places})

    def fail(self, item: QueueItem, rows: Sequence[Progress], reply: Reply) -> None:
        """Final without another attempt."""
        for row in rows:
            row.step(Event.FAIL, reply, self._clock.wall())
            maillog.attempted(item, row, "failed", reply, self._ages.of(item))
            self._remember(item, row, "failed")
        self._record(item, rows)

    def expire(self, item: QueueItem, row: Progress) -> None:
        """For what waits behind a host that does not answer."""
        if row.state is State.PENDING and self._too_old(item):
            self.fail(item, [row], exhausted(row.reply))

    def delete(self, item: QueueItem) -> None:
        """The operator drops what is pending: history knows it, nobody else is told."""
        rows = item.in_state(State.PENDING)
        for row in rows:
            row.step(Event.FAIL, Reply(550, "5.7.0", "deleted by the operator"), self._clock.wall())
            row.step(Event.REPORT)
            self._remember(item, row, "deleted")
        self._record(item, rows)

    def damaged(self, item: QueueItem, reason: str) -> None:
        maillog.quarantined(item.queue_id, reason)
        self._damage[item.queue_id] = reason
        self.fail(item, item.in_state(State.PENDING), DAMAGED)

    def _too_old(self, item: QueueItem) -> bool:
        return self._ages.of(item) > self._settings.delivery.expire_after_s

    def _record(self, item: QueueItem, rows: Sequence[Progress]) -> None:
        """What is delivered as a whole is removed at once; that mark is enough, unless a report comes before it."""
        if rows and (self._success_due(item) or any(row.state is not State.DELIVERED for row in item.progress)):
            self._spool.record(item, rows)

    # -- reports ----------------------------------------------------------------------------------------------------

    def unsettled(self, item: QueueItem) -> bool:
        """Whether somebody is to be told before the item may wait or go."""
        return bool(item.in_state(State.FAILED) or self._delay_due(item) or self._success_due(item))

    async def settle(self, item: QueueItem) -> bool:
        """Report failures, tell of delays and successes. False when the card refused a failure report."""
        settled = True
        if failed := item.in_state(State.FAILED):
            settled = await self._report(item, failed)
        if self._delay_due(item):
            rows = self._undelayed(item)
            await self._tell(item, Action.DELAYED, rows)
            for row in rows:
                row.delayed = True
            self._spool.record(item, rows)
        if rows := self._success_due(item):
            await self._tell(item, Action.RELAYED, rows)
            for row in rows:
                row.told = True
            if item.phase is not Phase.DONE:
                self._spool.record(item, rows)
        return settled

    async def _report(self, item: QueueItem, failed: list[Progress]) -> bool:
        made = await self._reporter.failed(item, failed, self._known)
        if made is False:
            return False
        for row in failed:
            row.step(Event.REPORT)
        if item.phase is not Phase.DONE:
            self._spool.record(item, failed)
        if isinstance(made, QueueItem):
            self._accept(made)
        return True

    async def _tell(self, item: QueueItem, action: Action, rows: list[Progress]) -> None:
        made = await self._reporter.tell(item, action, rows, self._known)
        if made is not None:
            self._accept(made)

    def _delay_due(self, item: QueueItem) -> bool:
        after = self._settings.reports.delay_after_s
        return 0 < after <= self._ages.of(item) and bool(self._undelayed(item))

    def _undelayed(self, item: QueueItem) -> list[Progress]:
        """Who is to hear of a delay: once, unless the sender chose otherwise (RFC 3461 4.1)."""
        if item.reverse_path is None:
            return []
        wanted = (row for row in item.in_state(State.PENDING) if not row.delayed)
        return [row for row in wanted if not row.recipient.notify or Notify.DELAY in row.recipient.notify]

    def _success_due(self, item: QueueItem) -> list[Progress]:
        """Delivered where the next host did not take over the duty to report (RFC 3461 5.2.2), whatever the others
        still wait for."""
        delivered = (row for row in item.in_state(State.DELIVERED) if not row.told)
        wanted = (row for row in delivered if Notify.SUCCESS in row.recipient.notify)
        return [row for row in wanted if row.reply is None or not row.reply.dsn]

    # -- the end ----------------------------------------------------------------------------------------------------

    def remove(self, item: QueueItem) -> None:
        """Nothing is left to do for it."""
        self._history.attempts.forget(item.queue_id)
        self._ages.forget(item.queue_id)
        if (reason := self._damage.pop(item.queue_id, None)) is not None:
            self._spool.quarantine(item.queue_id, reason)
            return
        self._spool.remove(item)
        maillog.removed(item.queue_id)

    def _remember(self, item: QueueItem, row: Progress, word: str, via: str = "") -> None:
        if word == "sent":
            self.delivered += 1
            self.delivered_at = self._clock.monotonic()
        self.failed += word == "failed"
        entry: dict[str, Any] = {
            "at": row.at,
            "id": item.queue_id,
            "outcome": OUTCOMES.get(word, word),
            "from": str(item.reverse_path or "<>"),
            "to": str(row.recipient.mailbox),
            "reply": str(row.reply or ""),
            "host": row.reply.host if row.reply else "",
            "subject": item.arrival.subject,
            "client": item.arrival.client,
            "device": item.arrival.device,
            "size": item.size_bytes,
            "arrived_at": item.arrival.at,
            "repairs": list(item.arrival.repairs),
            "via": via,
        }
        entry |= {name: value for name in ("helo", "account") if (value := getattr(item.arrival, name))}
        if row.direct_attempts + row.relay_attempts > 1 or word != "sent":
            place = next(place for place, each in enumerate(item.progress) if each is row)
            entry["attempts"] = self._history.attempts.of(item.queue_id, place)
        self._history.add(entry)
