"""A queue item as plain JSON types and back: what the spool and the command interface carry.

Keys are short and absent means default. Unknown keys are ignored, so that a later release may add some and an earlier
one still reads its items (P8). Data that was not made here raises KeyError, TypeError or ValueError: the spool
quarantines such a record.
"""

from __future__ import annotations

from appliance.core.envelope import Arrival, Body, Notify, Recipient, Ret
from appliance.core.item import Progress, QueueItem, State
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply


def to_data(item: QueueItem) -> dict[str, object]:
    """Everything but `active`, as plain JSON types; unknown keys are ignored by `from_data`, so a later release may
    add some."""
    data: dict[str, object] = {
        "id": item.queue_id,
        "from": None if item.reverse_path is None else [item.reverse_path.local, item.reverse_path.domain],
        "to": [_progress_data(each) for each in item.progress],
        "in": _arrival_data(item.arrival),
        "size": item.size_bytes,
    }
    if item.body is not Body.SEVEN_BIT:
        data["body"] = str(item.body)
    if item.smtputf8:
        data["utf8"] = 1
    if item.ret is not None:
        data["ret"] = str(item.ret)
    for key, value in (("envid", item.envid), ("held", item.held)):
        if value:
            data[key] = value
    return data


def _arrival_data(arrival: Arrival) -> dict[str, object]:
    data: dict[str, object] = {"at": arrival.at}
    for key in ("client", "helo", "device", "account", "protocol", "subject", "message_id", "held"):
        if value := getattr(arrival, key):
            data[key] = value
    if arrival.repairs:
        data["repairs"] = list(arrival.repairs)
    return data


def _progress_data(each: Progress) -> dict[str, object]:
    data: dict[str, object] = {"rcpt": [each.recipient.mailbox.local, each.recipient.mailbox.domain]}
    if each.recipient.notify:
        data["notify"] = sorted(each.recipient.notify)
    if each.recipient.original:
        data["orcpt"] = each.recipient.original
    data.update(progress_change(each))
    return data


def progress_change(each: Progress) -> dict[str, object]:
    """The changeable part of one recipient as JSON-able data: what a change record in the spool carries."""
    data: dict[str, object] = {}
    if each.state is not State.PENDING:
        data["state"] = str(each.state)
    for key in ("direct_attempts", "relay_attempts", "relay", "unknown_domain_at", "at"):
        if value := getattr(each, key):
            data[key] = value
    for key in ("direct_over", "delayed", "told"):
        if getattr(each, key):
            data[key] = 1
    if each.reply is not None:
        reply = each.reply
        data["reply"] = [reply.code, reply.enhanced, reply.text, reply.host, *([1] if reply.dsn else [])]
    return data


def progress_from(recipient: Recipient, data: dict[str, object]) -> Progress:
    """The inverse of `progress_change`. Raises KeyError, TypeError or ValueError on data that it did not make."""
    reply = data.get("reply")
    return Progress(
        recipient,
        State(str(data.get("state", "pending"))),
        _integer(data, "direct_attempts"),
        _integer(data, "relay_attempts"),
        _integer(data, "relay"),
        bool(data.get("direct_over")),
        bool(data.get("delayed")),
        _real(data, "unknown_domain_at"),
        _reply(reply) if isinstance(reply, list) else None,
        _real(data, "at"),
        bool(data.get("told")),
    )


def from_data(data: dict[str, object]) -> QueueItem:
    """The inverse of `to_data`. Raises KeyError, TypeError or ValueError on data that `to_data` did not make."""
    rows, arrival, reverse = data["to"], data["in"], data["from"]
    if not (isinstance(rows, list) and isinstance(arrival, dict) and isinstance(reverse, list | None)):
        raise TypeError("not a queue item")
    progress = []
    for row in rows:
        recipient = Recipient(
            Mailbox(*row["rcpt"]),
            frozenset(Notify(word) for word in row.get("notify", ())),
            row.get("orcpt", ""),
        )
        progress.append(progress_from(recipient, row))
    known = {key: arrival[key] for key in Arrival.__dataclass_fields__ if key in arrival}
    return QueueItem(
        str(data["id"]),
        Mailbox(*reverse) if reverse else None,
        progress,
        Arrival(**{**known, "repairs": tuple(known.get("repairs", ()))}),
        _integer(data, "size"),
        Body(str(data.get("body", "7BIT"))),
        bool(data.get("utf8")),
        Ret(str(data["ret"])) if "ret" in data else None,
        str(data.get("envid", "")),
        str(data.get("held", "")),
    )


def _reply(row: list[object]) -> Reply:
    code, enhanced, text, host, *dsn = row
    return Reply(int(str(code)), str(enhanced), str(text), str(host), bool(dsn))


def _integer(data: dict[str, object], key: str) -> int:
    value = data.get(key, 0)
    if not isinstance(value, int):
        raise TypeError(f"{key} is not a whole number")
    return value


def _real(data: dict[str, object], key: str) -> float:
    value = data.get(key, 0.0)
    if not isinstance(value, int | float):
        raise TypeError(f"{key} is not a number")
    return float(value)
