"""What became of one recipient, as a line of history."""

from __future__ import annotations

from typing import Any, Final

from appliance.core.item import Progress, QueueItem

OUTCOMES: Final = {"sent": "delivered", "failed": "bounced"}


def entry(item: QueueItem, row: Progress, word: str) -> dict[str, Any]:
    """`word` as in the log: sent, failed, deleted."""
    return {
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
    }
