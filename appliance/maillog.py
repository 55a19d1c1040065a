"""The mail log: one function for each event, one line for each fact, key=value, queue id first.

Values are printable and quoted where they hold spaces, so nothing from outside can break or colour a line.
"""

from __future__ import annotations

import json
import logging

from appliance.core.item import Progress, QueueItem
from appliance.core.reply import Reply, printable

log = logging.getLogger("outbox.mail")


def _value(value: object) -> str:
    text = printable(str(value), 600)
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=') else text


def _line(level: int, queue_id: str, event: str, **facts: object) -> None:
    if log.isEnabledFor(level):
        pairs = " ".join(f"{name}={_value(value)}" for name, value in facts.items())
        log.log(level, "%s %s %s", queue_id, event, pairs)


def queued(item: QueueItem) -> None:
    path = "<>" if item.reverse_path is None else f"<{item.reverse_path}>"
    client = item.arrival.client or "box"
    _line(logging.INFO, item.queue_id, "queued", reverse_path=path, recipients=len(item.progress), size=item.size_bytes,
          client=client)  # fmt: skip


def attempted(item: QueueItem, row: Progress, word: str, reply: Reply, delay_s: float) -> None:
    """`word` is sent, deferred or failed."""
    level = logging.WARNING if word == "failed" else logging.INFO
    attempt = row.direct_attempts + row.relay_attempts
    _line(level, item.queue_id, word, recipient=f"<{row.recipient.mailbox}>", hop=reply.host or "-", reply=reply,
          attempt=attempt, delay=round(delay_s, 1))  # fmt: skip


def reported(item: QueueItem, to: str, action: str, report_id: str) -> None:
    _line(logging.INFO, item.queue_id, "reported", action=action, to=to, report=report_id)


def bounce_recorded(item: QueueItem, row: Progress) -> None:
    _line(logging.WARNING, item.queue_id, "bounced", recipient=f"<{row.recipient.mailbox}>", reply=row.reply or "-")


def removed(queue_id: str) -> None:
    _line(logging.INFO, queue_id, "removed")


def quarantined(queue_id: str, reason: str) -> None:
    _line(logging.ERROR, queue_id, "quarantined", reason=reason)


def bug(queue_id: str) -> None:
    """Inside an except block: the traceback goes to the log, the item is deferred."""
    log.exception("%s deferred: a bug in the box stopped the attempt", queue_id)
