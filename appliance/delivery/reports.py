"""Reporting: puts DSNs into the spool and bounce records before the operator, before a recipient counts as reported.

The id of a DSN follows from its cause, so a crash between DSN and mark neither loses nor doubles it. The null
reverse-path never gets a DSN. When the card refuses, nothing is marked and it is tried again.
"""

from __future__ import annotations

import asyncio
import fnmatch
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from appliance import maillog
from appliance.core import dsn
from appliance.core.commands import ascii_domain
from appliance.core.dsn import Action, Report
from appliance.core.envelope import Arrival, Body, Envelope, Notify, Recipient, Ret
from appliance.core.item import Progress, QueueItem
from appliance.core.mailbox import Mailbox, parse
from appliance.core.reply import Reply
from appliance.delivery.bounces import Bounces
from appliance.ports import Clock, DamagedContent, Spool
from appliance.settings.schema import Settings


class Reporter:
    """`accepted` is told of each DSN that is in the spool; `known` whether an id already is."""

    def __init__(
        self, settings: Settings, spool: Spool, bounces: Bounces, clock: Clock, own_name: Callable[[], str]
    ) -> None:
        self._settings, self._spool, self._bounces, self._clock = settings, spool, bounces, clock
        self._own_name = own_name
        self._recent: dict[str, deque[float]] = {}

    async def failed(self, item: QueueItem, rows: Sequence[Progress], known: Callable[[str], bool]) -> QueueItem | bool:
        """Report failures. The DSN as an item, True when only the operator is told, False when it must be tried
        again."""
        wanted = [row for row in rows if not row.recipient.notify or Notify.FAILURE in row.recipient.notify]
        to = self._addressee(item)
        report: QueueItem | None = None
        if wanted and to is not None and self._allowed(str(to)):
            made = await self._send(item, Action.FAILED, wanted, to, known)
            if made is False:
                return False
            report = made if isinstance(made, QueueItem) else None
        try:
            records = [bounce_record(item, row) for row in rows]
            await asyncio.get_running_loop().run_in_executor(None, self._bounces.add, records)
        except OSError:
            return False
        for row in rows:
            maillog.bounce_recorded(item, row)
        return report or True

    async def tell(
        self, item: QueueItem, action: Action, rows: Sequence[Progress], known: Callable[[str], bool]
    ) -> QueueItem | None:
        """A delay or success report, if there is anybody to tell."""
        to = self._addressee(item)
        if to is None or not self._allowed(str(to)):
            return None
        made = await self._send(item, action, rows, to, known)
        return made if isinstance(made, QueueItem) else None

    def _addressee(self, item: QueueItem) -> Mailbox | None:
        """The reverse-path; for a device that reads no mail, the owner (RFC 5321 4.5.5: none for a null one)."""
        if item.reverse_path is None:
            return None
        path, owner = str(item.reverse_path).lower(), parse(self._settings.box.owner)
        if owner and any(fnmatch.fnmatchcase(path, each.lower()) for each in self._settings.reports.device_senders):
            return owner
        return item.reverse_path

    def _allowed(self, to: str) -> bool:
        now = self._clock.monotonic()
        if len(self._recent) > 1000:
            self._recent = {name: times for name, times in self._recent.items() if times and times[-1] > now - 3600}
        times = self._recent.setdefault(to, deque())
        while times and times[0] <= now - 3600:
            times.popleft()
        if len(times) >= self._settings.reports.per_sender_hour:
            return False
        times.append(now)
        return True

    async def _send(
        self, item: QueueItem, action: Action, rows: Sequence[Progress], to: Mailbox, known: Callable[[str], bool]
    ) -> QueueItem | bool:
        queue_id = dsn.report_id(item, action, rows)
        if known(queue_id):
            return True
        whole, returned = await self._returned(item, action)
        until = item.arrival.at + self._settings.delivery.expire_after_s if action is Action.DELAYED else 0.0
        name, now = ascii_domain(self._own_name()) or "outbox.invalid", self._clock.wall()
        content = dsn.compose(Report(item, action, rows, returned, whole, name, now, str(to), until))
        eight = dsn.eight_bit(content)
        envelope = Envelope(
            None,
            (Recipient(to, frozenset({Notify.NEVER})),),
            Body.EIGHT_BIT if eight else Body.SEVEN_BIT,
            not to.ascii,
        )
        arrival = Arrival(now, subject=f"{dsn.SUBJECTS[action]}: {item.arrival.subject}", protocol="")
        if not await self._spooled(queue_id, content, envelope, arrival):
            return False
        maillog.reported(item, str(to), action, queue_id)
        return QueueItem.new(queue_id, envelope, arrival, len(content))

    async def _spooled(self, queue_id: str, content: bytes, envelope: Envelope, arrival: Arrival) -> bool:
        draft = self._spool.draft(queue_id, len(content))
        if isinstance(draft, Reply):
            return False
        if await draft.write(content) is not None:
            draft.abandon()
            return False
        return (await draft.commit(envelope, arrival)).positive

    async def _returned(self, item: QueueItem, action: Action) -> tuple[bool, bytes]:
        """(whole, octets): the whole content when RET asks so and it is small, else the header block (RFC 3461 4.3)."""
        limit = self._settings.reports.return_max_bytes
        found = b""
        try:
            async for piece in self._spool.content(item.queue_id).chunks():
                found += piece[: limit + 1 - len(found)]
                if len(found) > limit:
                    break
        except (DamagedContent, KeyError):
            return False, b""
        full = action is Action.FAILED and item.ret is Ret.FULL and len(found) <= limit
        return full, found if full else dsn.header_block(found)[:limit]


def bounce_record(item: QueueItem, row: Progress) -> dict[str, Any]:
    """What the operator is shown of one failure."""
    return {
        "id": item.queue_id,
        "recipient": str(row.recipient.mailbox),
        "reverse_path": str(item.reverse_path or "<>"),
        "reply": str(row.reply or ""),
        "host": row.reply.host if row.reply else "",
        "subject": item.arrival.subject,
        "device": item.arrival.device or item.arrival.client,
        "at": row.at,
    }
