"""The verbs of the command interface: arguments in, plain JSON data out; Refused for what cannot be."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Final, Protocol

from appliance.core import mailbox
from appliance.core.cures import cure
from appliance.core.envelope import Arrival, Envelope, Recipient
from appliance.core.item import Progress, QueueItem
from appliance.core.queueid import queue_id
from appliance.core.reply import Reply
from appliance.ports import Clock, DamagedContent, History, Queue, Refused, Sought, Spool, Verb

LIST_MAX: Final = 1000
READING: Final = frozenset(  # change nothing
    {"status", "queue.list", "queue.show", "history", "bounces", "message", "messages", "devices", "tallies"}
)
PRESSING: Final = frozenset({"status", "acknowledge", "flush"})  # what the panel needs for its button
EXPORT_MAX_BYTES: Final = 100 << 20


class BounceRecords(Protocol):
    """What the operator has not seen yet."""

    def unread(self) -> list[dict[str, Any]]: ...
    def acknowledge(self, until: float = ...) -> int: ...


@dataclass(frozen=True, slots=True)
class Verbs:
    """Everything that the verbs act on. `status` gives the facts of the whole box; `own_name` is what EHLO says."""

    queue: Queue
    spool: Spool
    history: History
    bounces: BounceRecords
    clock: Clock
    status: Callable[[dict[str, Any]], dict[str, Any]]
    own_name: Callable[[], str]

    def table(self) -> Mapping[str, Verb]:
        return {
            "status": self.status,
            "queue.list": self.queue_list,
            "queue.show": lambda args: self.shown(self.item(args), True),
            "queue.hold": lambda args: self.done(args, self.queue.hold(_id(args), str(args.get("reason", ""))[:200])),
            "queue.release": lambda args: self.done(args, self.queue.release(_id(args)), "is not held"),
            "queue.retry": lambda args: self.done(args, self.queue.retry(_id(args)), "is held or not in the queue"),
            "queue.delete": lambda args: self.give_up(args, False),
            "queue.bounce": lambda args: self.give_up(args, True),
            "queue.export": self.export,
            "flush": lambda args: {"due": self.queue.flush()},
            "acknowledge": self.acknowledge,
            "bounces": lambda args: [{**one, "cure": _cure(one)} for one in self.bounces.unread()],
            "history": self.searched,
            "erase": self.erase,
            "send-test": self.send_test,
        }

    async def searched(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        """Beside the loop: mail goes on."""
        return await asyncio.to_thread(self.history.search, str(args.get("text", "")), limit_of(args), sought(args))

    def item(self, args: dict[str, Any]) -> QueueItem:
        if (found := self.queue.find(_id(args))) is None:
            raise Refused(f"no message {_id(args)} is in the queue")
        return found

    def queue_list(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        limit = limit_of(args)
        items: list[dict[str, Any]] = []
        for item in self.queue.items():
            if len(items) >= limit:
                break
            items.append(self.shown(item, False))
        return items

    def shown(self, item: QueueItem, whole: bool) -> dict[str, Any]:
        data: dict[str, Any] = {
            "id": item.queue_id,
            "phase": str(item.phase),
            "from": str(item.reverse_path or "<>"),
            "size": item.size_bytes,
            "arrived_at": item.arrival.at,
            "client": item.arrival.client,
            "device": item.arrival.device,
            "subject": item.arrival.subject,
            "held": item.held,
            "next_attempt_s": self.queue.due_in(item),
            "recipients": [recipient(row) for row in item.progress[: None if whole else 20]],
        }
        if whole:
            data |= {"helo": item.arrival.helo, "account": item.arrival.account, "repairs": [*item.arrival.repairs]}
        return data

    def done(self, args: dict[str, Any], ok: bool, why_not: str = "is not in the queue") -> dict[str, Any]:
        if not ok:
            raise Refused(f"message {_id(args)} {why_not}")
        return {"id": _id(args)}

    async def give_up(self, args: dict[str, Any], report: bool) -> dict[str, Any]:
        self.item(args)
        ok = await self.queue.give_up(_id(args), report)
        return self.done(args, ok, "is just being sent, please ask again in a moment")

    async def export(self, args: dict[str, Any]) -> dict[str, Any]:
        item = self.item(args)
        if item.size_bytes > EXPORT_MAX_BYTES:
            raise Refused("the message is too large to export")
        try:
            content = b"".join([piece async for piece in self.spool.content(item.queue_id).chunks()])
        except (DamagedContent, KeyError) as error:
            raise Refused(str(error)) from None
        return {"id": item.queue_id, "content": base64.b64encode(content).decode()}

    async def acknowledge(self, args: dict[str, Any]) -> dict[str, Any]:
        """All bounces, or with `until` (seconds since 1970) those that were there by then."""
        until = args.get("until", float("inf"))
        if not isinstance(until, int | float):
            raise Refused("until is seconds since 1970")
        return {"acknowledged": await asyncio.to_thread(self.bounces.acknowledge, float(until))}

    def erase(self, args: dict[str, Any]) -> dict[str, Any]:
        self.history.erase()
        return {"erased": True}

    async def send_test(self, args: dict[str, Any]) -> dict[str, Any]:
        """A real message from the box itself, through the spool like all mail."""
        to = mailbox.parse(str(args.get("to", "")))
        if to is None or not to.domain:
            raise Refused("an address such as name@office.example is needed")
        name, now = self.own_name(), self.clock.wall()
        test_id = queue_id(now, int(time.monotonic_ns()), 0)
        sender = mailbox.parse(f"outbox@{name}")
        content = (
            f"From: Outbox <outbox@{name}>\r\nTo: <{to}>\r\nSubject: Test message from the outgoing mail box\r\n"
            f"Date: {formatdate(now)}\r\nMessage-ID: <{test_id}@{name}>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=us-ascii\r\n\r\nIt works.\r\n"
        ).encode()
        draft = self.spool.draft(test_id, len(content))
        if isinstance(draft, Reply):
            raise Refused(str(draft))
        if (refused := await draft.write(content)) is not None:
            raise Refused(str(refused))
        envelope, arrival = (
            Envelope(sender, (Recipient(to),), smtputf8=not to.ascii),
            Arrival(now, subject="Test message"),
        )
        reply = await draft.commit(envelope, arrival)
        if not reply.positive:
            raise Refused(str(reply))
        self.queue.accepted(QueueItem.new(test_id, envelope, arrival, len(content)))
        return {"id": test_id, "reply": str(reply)}


def _id(args: dict[str, Any]) -> str:
    return str(args.get("id", ""))[:64]


def limit_of(args: dict[str, Any]) -> int:
    limit = args.get("limit", 50)
    return max(1, min(limit, LIST_MAX)) if isinstance(limit, int) else 50


def sought(args: dict[str, Any]) -> Sought:
    """What the arguments "address", "device", "since", "until" (seconds since 1970) ask for; Refused when no times."""
    times = [args.get("since", 0.0), args.get("until", float("inf"))]
    if not all(isinstance(each, int | float) for each in times):
        raise Refused("since and until are seconds since 1970")
    since, until = map(float, times)
    return Sought(str(args.get("address", ""))[:320], str(args.get("device", ""))[:320], "", since, until)


def _cure(record: dict[str, Any]) -> str:
    text = str(record.get("reply", ""))
    return cure(Reply.of(text)) if text[:3].isdigit() and "200" <= text[:3] < "600" else ""


def recipient(row: Progress) -> dict[str, Any]:
    data: dict[str, Any] = {
        "to": str(row.recipient.mailbox),
        "state": str(row.state),
        "direct_attempts": row.direct_attempts,
        "relay_attempts": row.relay_attempts,
    }
    if row.reply is not None:
        data |= {"reply": str(row.reply), "host": row.reply.host, "at": row.at, "cure": cure(row.reply)}
    return data
