"""Counts over the history: how much was delivered and bounced when, and what each device sent.

Fed with history entries, one for each recipient's end; pure and bounded: KEEP_S of ten-minute counts, CLIENTS_MAX
devices, NAMES_MAX repairs of each. An entry that lacks a field counts as far as it goes; nothing raises.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

STEP_S: Final = 600
KEEP_S: Final = 8 * 86400
CLIENTS_MAX: Final = 2000
NAMES_MAX: Final = 30
RECENT: Final = 32  # messages of a device whose other recipients are still known to belong to them


@dataclass(slots=True)
class Sent:
    """What one client (address) sent: `messages` counts each once, the outcomes count recipients."""

    seen_at: float = 0.0
    device: str = ""
    messages: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT))


class Tallies:
    """`clients` by address, the longest unheard first."""

    def __init__(self) -> None:
        self._steps: dict[int, list[int]] = {}
        self.clients: OrderedDict[str, Sent] = OrderedDict()

    def add(self, entry: Mapping[str, Any]) -> None:
        at, outcome = _number(entry.get("at")), str(entry.get("outcome", ""))
        step = self._steps.setdefault(int(at // STEP_S), [0, 0])
        step[0] += outcome == "delivered"
        step[1] += outcome == "bounced"
        if len(self._steps) > KEEP_S // STEP_S:
            del self._steps[min(self._steps)]
        if client := str(entry.get("client") or ""):
            self._client(client, entry, outcome)

    def _client(self, client: str, entry: Mapping[str, Any], outcome: str) -> None:
        sent = self.clients.setdefault(client, Sent())
        self.clients.move_to_end(client)
        if len(self.clients) > CLIENTS_MAX:
            self.clients.popitem(last=False)
        sent.seen_at = max(sent.seen_at, _number(entry.get("arrived_at")))
        sent.device = str(entry.get("device") or sent.device)
        sent.outcomes[outcome] += 1
        queue_id = str(entry.get("id", ""))
        if queue_id in sent.recent:
            return
        sent.recent.append(queue_id)
        sent.messages += 1
        repairs = entry.get("repairs")
        for each in repairs if isinstance(repairs, list) else ():
            if str(each) in sent.repairs or len(sent.repairs) < NAMES_MAX:
                sent.repairs[str(each)] += 1

    def series(self, now: float, span_s: int, count: int) -> list[list[int]]:
        """The last `count` spans of `span_s` (whole steps), oldest first: [begins_at, delivered, bounced]."""
        last = int(now // span_s)
        rows = [[each * span_s, 0, 0] for each in range(last - count + 1, last + 1)]
        for step, (delivered, bounced) in self._steps.items():
            place = step * STEP_S // span_s - (last - count + 1)
            if 0 <= place < count:
                rows[place][1] += delivered
                rows[place][2] += bounced
        return rows

    def clear(self) -> None:
        self._steps.clear()
        self.clients.clear()


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e11 else 0.0
