"""How much one client may: messages and recipients a minute, and an hour far past its usual one (a hijacked machine).

One `Client` for each address (an IPv6 client is its /64). Pure counting on times that the caller gives; at most
CLIENTS_MAX are kept, the longest unseen is forgotten. Nothing raises.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from appliance.core.access import client_key
from appliance.settings.schema import Intake as Limits

CLIENTS_MAX: Final = 2000
HOUR: Final = 3600.0
LEARNING_S: Final = 24 * HOUR


@dataclass(slots=True)
class Bucket:
    """So many a minute, at most a minute's worth at once."""

    left: float = -1.0
    at: float = 0.0

    def take(self, now: float, most: float) -> bool:
        if self.left < 0:
            self.left, self.at = most, now
        self.left = min(most, self.left + (now - self.at) * most / 60)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Client:
    """`name` as the operator gave it; times are monotonic except `seen_at` (wall)."""

    address: str
    name: str = ""
    first: float = 0.0
    seen_at: float = 0.0
    connections: int = 0
    accepted: int = 0
    refused: int = 0
    last_refusal: str = ""
    note: str = ""
    repairs: OrderedDict[str, int] = field(default_factory=OrderedDict)
    messages: Bucket = field(default_factory=Bucket)
    recipients: Bucket = field(default_factory=Bucket)
    hour_began: float = 0.0
    hour_count: int = 0
    usual: float = 0.0
    held: str = ""

    def may_send(self, now: float, limits: Limits) -> bool:
        """Whether one more message this minute is within bounds; counts it if so."""
        return self.messages.take(now, float(limits.messages_per_minute))

    def may_address(self, now: float, limits: Limits) -> bool:
        """The same for one more recipient."""
        return self.recipients.take(now, float(limits.recipients_per_minute))

    def hold_reason(self, now: float, limits: Limits) -> str:
        """Count one message of this hour; "" or why it is held. In its first day a client's usual rate is not known:
        it is taken to be the floor."""
        self._turn_hour(now)
        self.hour_count += 1
        if not limits.hijack_factor:
            return ""
        learning = now - self.first < LEARNING_S
        usual = max(self.usual, float(limits.hijack_floor)) if learning else self.usual
        if self.hour_count <= max(float(limits.hijack_floor), usual * limits.hijack_factor):
            return ""
        self.held = f"client sent {self.hour_count} messages within an hour, usually {int(self.usual)}"
        return self.held

    def _turn_hour(self, now: float) -> None:
        passed = int((now - self.hour_began) // HOUR)
        if passed <= 0:
            return
        self.usual = self.usual * 0.9 + self.hour_count * 0.1 if self.usual else float(self.hour_count)
        self.usual *= 0.9 ** min(passed - 1, 1000)
        self.hour_began += passed * HOUR
        self.hour_count = 0
        self.held = ""

    def repaired(self, repairs: list[str]) -> None:
        for each in repairs:
            if each in self.repairs or len(self.repairs) < 30:
                self.repairs[each] = self.repairs.get(each, 0) + 1


class Clients:
    """The book of clients."""

    def __init__(self) -> None:
        self._book: OrderedDict[str, Client] = OrderedDict()

    def of(self, peer: str, now: float) -> Client:
        key = client_key(peer)
        found = self._book.get(key)
        if found is None:
            found = self._book[key] = Client(key, first=now, hour_began=now)
            self._shrink()
        else:
            self._book.move_to_end(key)
        return found

    def _shrink(self) -> None:
        if len(self._book) > CLIENTS_MAX:
            idle = next((key for key, each in self._book.items() if not each.connections), None)
            if idle is not None:
                del self._book[idle]

    def all(self) -> list[Client]:
        return list(self._book.values())
