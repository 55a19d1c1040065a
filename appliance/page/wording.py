"""Facts into words and numbers into what a person reads: states, times in the box's time zone, sizes, spans.

A state is (word, icon, level): text, shape and colour say the same. Nothing raises; what is not known reads as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from appliance.core.reply import printable


@dataclass(frozen=True, slots=True)
class State:
    """`level` is good, busy, wait, bad or off: the colour; `icon` the shape that goes with it."""

    word: str
    icon: str
    level: str


DELIVERED: Final = State("Delivered", "ok", "good")
GOING: Final = State("On its way", "go", "busy")
WAITING: Final = State("Waiting to try again", "wait", "wait")
HELD: Final = State("On hold", "hold", "wait")
FAILED: Final = State("Not delivered", "no", "bad")
DELETED: Final = State("Deleted", "gone", "off")
PARTLY: Final = State("Partly delivered", "no", "bad")
UNKNOWN: Final = State("Not known", "gone", "off")
_STATES: Final = {"delivered": DELIVERED, "failed": FAILED, "reported": FAILED, "bounced": FAILED, "deleted": DELETED}
OUTCOMES: Final = {**_STATES, "deferred": State("Try again later", "wait", "wait")}


def recipient_state(row: Mapping[str, Any], held: str) -> State:
    """Of one recipient."""
    if row.get("state") != "pending":
        return _STATES.get(str(row.get("state")), UNKNOWN)
    if held:
        return HELD
    return WAITING if row.get("reply") else GOING


def message_state(states: list[State]) -> State:
    """Of a message, from those of its recipients: what the reader should know first."""
    kinds = set(states)
    for first in (HELD, WAITING, GOING):
        if first in kinds and FAILED not in kinds:
            return first
    if FAILED in kinds:
        return FAILED if kinds == {FAILED} else PARTLY
    return next((each for each in (DELIVERED, DELETED) if each in kinds), UNKNOWN)


class Times:
    """Moments in the time zone of the settings; an unknown zone is UTC."""

    def __init__(self, timezone: str) -> None:
        self.zone: tzinfo
        try:
            self.zone = ZoneInfo(timezone)
        except (OSError, ValueError, KeyError):
            self.zone = UTC

    def of(self, at: Any) -> datetime | None:
        """None when it is no time."""
        try:
            return datetime.fromtimestamp(float(at), self.zone)
        except (TypeError, ValueError, OverflowError, OSError):
            return None

    def words(self, at: Any, now: float) -> str:
        """Such as "today 14:05", "yesterday 09:12", "Mon 23 Nov 08:00"."""
        moment, today = self.of(at), self.of(now)
        if moment is None or today is None or not at:
            return "not known"
        days = (today.date() - moment.date()).days
        if days in (0, 1, -1):
            return f"{('today', 'yesterday', 'tomorrow')[days]} {moment:%H:%M}"
        return f"{moment:%a %-d %b %H:%M}" if abs(days) < 300 else f"{moment:%-d %b %Y}"

    def machine(self, at: Any) -> str:
        moment = self.of(at)
        return moment.isoformat(timespec="seconds") if moment else ""

    def typed(self, text: str) -> float | None:
        """What a form's date-and-time field holds, in the box's time zone; None when it is none."""
        try:
            moment = datetime.fromisoformat(text[:32]).replace(tzinfo=self.zone)
            return moment.timestamp()
        except (ValueError, OverflowError):
            return None


def span(seconds: float) -> str:
    """Such as "less than a minute", "12 minutes", "3 hours", "2 days"."""
    minutes = int(max(0.0, min(seconds, 1e9)) // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {name}{'s' * (count != 1)}"
    return "less than a minute"


def size(octets: Any) -> str:
    if not isinstance(octets, int | float) or octets < 0:
        return "not known"
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if octets >= unit:
            return f"{octets / unit:.1f} {name}"
    return f"{octets:.0f} bytes"


def count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def clean(value: Any, limit: int = 500) -> str:
    """Text from outside on one line, without control characters; the template escapes it."""
    return printable(str(value if value is not None else ""), limit)


def day_name(moment: datetime) -> str:
    return f"{moment:%a %-d %b}"


def midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def days_before(moment: datetime, days: int) -> datetime:
    return midnight(moment) - timedelta(days=days)
