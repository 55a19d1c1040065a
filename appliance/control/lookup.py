"""The verbs with which a person finds out: did it go? One message, the last ones, the devices, the counts.

Queue and history are one answer here: what waits comes from the queue, what is over from the history, in one shape.
Arguments in, plain JSON data out; Refused for what cannot be.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from appliance.control.verbs import limit_of, recipient, sought
from appliance.core.access import Address, Network, address_of, client_key, network_of, within
from appliance.core.cures import cure
from appliance.core.item import QueueItem
from appliance.core.reply import Reply
from appliance.core.tallies import STEP_S
from appliance.ports import Clock, History, Queue, Refused, Sought, Verb
from appliance.settings.schema import Device

RECIPIENTS_MAX: Final = 20  # shown of each message in a list
ROWS_MAX: Final = 1000
SCAN_MAX: Final = 5000  # of the newest that wait are looked at; mail comes first
HOUR_S: Final = 3600
Clients = Callable[[], Sequence[Mapping[str, Any]]]


class Lookup:
    """`clients` is what the intake knows of those who sent since the start."""

    def __init__(
        self, queue: Queue, history: History, clock: Clock, devices: Iterable[Device], clients: Clients
    ) -> None:
        self._queue, self._history, self._clock, self._clients = queue, history, clock, clients
        self._named: list[tuple[Network, str]] = [(network_of(row.network), row.name) for row in devices if row.network]

    def table(self) -> Mapping[str, Verb]:
        return {"message": self.message, "messages": self.messages, "devices": self.devices, "tallies": self.tallies}

    # -- messages ---------------------------------------------------------------------------------------------------

    async def message(self, args: dict[str, Any]) -> dict[str, Any]:
        """All that is known of one, each attempt included."""
        queue_id = str(args.get("id", ""))[:64]
        item = self._queue.find(queue_id)
        rows = await asyncio.to_thread(self._history.search, "", ROWS_MAX, Sought(queue_id=queue_id))
        if item is not None:
            shown = self._waiting(item)
            for place, row in enumerate(shown["recipients"]):
                row["attempts"] = self._history.attempts.of(queue_id, place)
            for past in rows:
                for row in shown["recipients"]:
                    if row["to"] == past.get("to"):
                        row["attempts"] = _attempts(past)
            return shown
        if not queue_id or not rows:
            raise Refused(f"no message {queue_id} is known")
        return _over(rows[::-1], whole=True)

    async def messages(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        """The last ones that match, the newest first. The history is searched beside the loop: mail goes on."""
        limit, wanted = limit_of(args), sought(args)
        found: dict[str, dict[str, Any]] = {}
        for item in islice(reversed(list(self._queue.items())), SCAN_MAX):
            if len(found) >= limit:
                break
            if _matches(item, wanted):
                found[item.queue_id] = _short(self._waiting(item))
        waiting = set(found)
        past: dict[str, list[dict[str, Any]]] = {}
        rows = await asyncio.to_thread(self._history.search, "", min(4 * limit, ROWS_MAX), wanted)
        for row in rows:
            queue_id = str(row.get("id", ""))
            if queue_id not in waiting and self._queue.find(queue_id) is None:
                past.setdefault(queue_id, []).append(row)
        found |= {queue_id: _short(_over(rows[::-1], whole=False)) for queue_id, rows in past.items()}
        return sorted(found.values(), key=lambda each: float(each["arrived_at"]), reverse=True)[:limit]

    def _waiting(self, item: QueueItem) -> dict[str, Any]:
        arrival = item.arrival
        return {
            "id": item.queue_id,
            "phase": str(item.phase),
            "from": str(item.reverse_path or "<>"),
            "subject": arrival.subject,
            "client": arrival.client,
            "device": arrival.device,
            "helo": arrival.helo,
            "account": arrival.account,
            "size": item.size_bytes,
            "arrived_at": arrival.at,
            "repairs": list(arrival.repairs),
            "held": item.held,
            "next_attempt_s": self._queue.due_in(item),
            "recipients": [recipient(row) for row in item.progress],
        }

    # -- devices ----------------------------------------------------------------------------------------------------

    def devices(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        """Every device heard of, the last one first, then those that have a name and never sent."""
        rows: dict[str, dict[str, Any]] = {}
        for address, sent in self._history.tallies.clients.items():
            row = rows.setdefault(client_key(address), self._device(address))
            row["name"] = row["name"] or sent.device
            row["seen_at"] = max(row["seen_at"] or 0.0, sent.seen_at)
            row["messages"] += sent.messages
            row["delivered"] += sent.outcomes["delivered"]
            row["bounced"] += sent.outcomes["bounced"]
            _most(row["repairs"], sent.repairs)
        for live in self._clients():
            row = rows.setdefault(str(live["address"]), self._device(str(live["address"])))
            row["seen_at"] = max(row["seen_at"] or 0.0, float(live["seen_at"]))
            row["name"] = row["name"] or live["name"]
            row |= {name: live[name] for name in ("refused", "last_refusal", "note", "held")}
            _most(row["repairs"], live["repairs"])
        for client, count in Counter(item.arrival.client for item in self._queue.items()).items():
            if client:  # "" is the box itself
                row = rows.setdefault(client_key(client), self._device(client_key(client)))
                row["waiting"] += count
        return self._sorted(rows)

    def _sorted(self, rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        heard = sorted(rows.values(), key=lambda row: float(row["seen_at"] or 0), reverse=True)
        seen: list[Address] = [found for row in heard if (found := address_of(row["address"])) is not None]
        silent = [
            {**self._device(str(network)), "name": name}
            for network, name in self._named
            if not any(within(address, (network,)) for address in seen)
        ]
        for row in silent:
            row["address"] = str(row["address"]).removesuffix("/32").removesuffix("/128")
        return heard + silent

    def _device(self, address: str) -> dict[str, Any]:
        counts = dict.fromkeys(("messages", "delivered", "bounced", "waiting", "refused"), 0)
        words = dict.fromkeys(("last_refusal", "note", "held"), "")
        return {"address": address, "name": self._name(address), "seen_at": None, **counts, **words, "repairs": {}}

    def _name(self, address: str) -> str:
        found = address_of(address.partition("/")[0])
        return next((name for network, name in self._named if found and within(found, (network,))), "")

    # -- counts -----------------------------------------------------------------------------------------------------

    def tallies(self, args: dict[str, Any]) -> dict[str, Any]:
        """[begins_at, delivered, bounced] of the last day in steps and of the last week in hours."""
        now, series = self._clock.wall(), self._history.tallies.series
        return {
            "step_s": STEP_S,
            "day": series(now, STEP_S, 86400 // STEP_S),
            "hour_s": HOUR_S,
            "week": series(now, HOUR_S, 7 * 24),
        }


def _matches(item: QueueItem, wanted: Sought) -> bool:
    """As Sought.matches, on an item; cheap, for there may be very many."""
    arrival = item.arrival
    if not wanted.since <= arrival.at < wanted.until:
        return False
    if wanted.device and wanted.device.lower() not in f"{arrival.device}\n{arrival.client}".lower():
        return False
    address = wanted.address.lower()
    return (
        not address
        or address in str(item.reverse_path or "<>").lower()
        or any(address in str(row.recipient.mailbox).lower() for row in item.progress)
    )


def _over(rows: Sequence[Mapping[str, Any]], whole: bool) -> dict[str, Any]:
    """One message from its history, oldest first."""
    first = rows[0]
    names = ("id", "from", "subject", "client", "device", "helo", "account", "size", "arrived_at", "repairs")
    blank: dict[str, Any] = {**dict.fromkeys(names, ""), "size": 0, "arrived_at": first.get("at", 0.0), "repairs": []}
    recipients = []
    for row in rows:
        shown = {"to": str(row.get("to", "")), "state": str(row.get("outcome", "")), "cure": cure_of(row)}
        shown |= {name: row.get(name, "") for name in ("reply", "host", "at")}
        recipients.append({**shown, "attempts": _attempts(row)} if whole else shown)
    kept = {name: first[name] for name in names if name in first}
    return blank | kept | {"phase": "done", "held": "", "next_attempt_s": None, "recipients": recipients}


def _attempts(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The earlier ones and, unless nothing was tried, the last."""
    earlier = row.get("attempts")
    found = [each for each in earlier if isinstance(each, dict)] if isinstance(earlier, list) else []
    return [*found, {name: row.get(name, "") for name in ("at", "outcome", "via", "host", "reply")}]


def _short(message: dict[str, Any]) -> dict[str, Any]:
    count = len(message["recipients"])
    return message | {"recipients": message["recipients"][:RECIPIENTS_MAX], "recipients_total": count}


def cure_of(record: Mapping[str, Any]) -> str:
    """What to do about a failure that history or a bounce record tells."""
    text = str(record.get("reply", ""))
    if record.get("outcome", "bounced") != "bounced" or not (text[:3].isdigit() and "200" <= text[:3] < "600"):
        return ""
    return cure(Reply.of(text))


def _most(counts: dict[str, int], more: Mapping[str, int]) -> None:
    """Two counts of the same events: the larger one holds."""
    for name, count in more.items():
        counts[name] = max(counts.get(name, 0), count)
