"""From the relay's answers to what the templates show: one function for each page, plain data in and out.

A viewer without details gets rows that went through redact.py first, so a field that may not be seen is not here.
All text from outside goes through `clean`; the templates escape it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from appliance.core.cures import OTHERWISE
from appliance.page import redact
from appliance.page.wording import (
    FAILED,
    OUTCOMES,
    UNKNOWN,
    State,
    Times,
    clean,
    message_state,
    recipient_state,
    size,
)

ROWS: Final = 15
MORE: Final = 25  # of an older page: it stays below 50 KB, too
COUNTS: Final = ("messages", "delivered", "bounced", "waiting", "refused")


@dataclass(frozen=True, slots=True)
class Viewer:
    """`details`: may see addresses and subjects; `actions`: logged in; `csrf` for forms; `secure`: over TLS."""

    details: bool = False
    actions: bool = False
    csrf: str = ""
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    words: str
    machine: str


@dataclass(frozen=True, slots=True)
class Recipient:
    to: str
    state: State
    said: str
    host: str
    cure: str
    at: Moment
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Attempt:
    at: Moment
    state: State
    via: str
    host: str
    said: str


@dataclass(frozen=True, slots=True)
class Message:
    """`first` is the recipient that the reader should see; `others` how many more."""

    id: str
    at: Moment
    device: str
    sender: str
    subject: str
    size: str
    state: State
    first: Recipient | None
    others: int
    next_at: Moment | None
    waiting: bool
    held: str
    facts: list[tuple[str, str]]
    recipients: list[Recipient]


class Views:
    """`now` is the box's time, that of its status when there is one."""

    def __init__(self, times: Times, now: float) -> None:
        self.times, self.now = times, now

    def moment(self, at: Any) -> Moment:
        return Moment(self.times.words(at, self.now), self.times.machine(at))

    def messages(self, rows: Sequence[Mapping[str, Any]], viewer: Viewer) -> list[Message]:
        return [self.message(row, viewer) for row in rows]

    def message(self, row: Mapping[str, Any], viewer: Viewer) -> Message:
        data = row if viewer.details else redact.message(row)
        recipients = [self._recipient(each, str(data.get("held", ""))) for each in redact.rows(data.get("recipients"))]
        state = message_state([each.state for each in recipients])
        ranked = sorted(recipients, key=lambda each: each.state.level not in ("bad", "wait"))
        wait = data.get("next_attempt_s")
        total = data.get("recipients_total", len(recipients))
        return Message(
            id=clean(data.get("id"), 64),
            at=self.moment(data.get("arrived_at")),
            device=self._device(data),
            sender=clean(data.get("from"), 320),
            subject=clean(data.get("subject"), 200),
            size=size(data.get("size")),
            state=state,
            first=ranked[0] if ranked else None,
            others=max(0, int(total) - 1) if isinstance(total, int) else 0,
            next_at=self.moment(self.now + wait) if isinstance(wait, int | float) and state.level == "wait" else None,
            waiting=data.get("phase") != "done",
            held=clean(data.get("held"), 200),
            facts=self._facts(data),
            recipients=recipients,
        )

    def _device(self, data: Mapping[str, Any]) -> str:
        name, client = clean(data.get("device"), 80), clean(data.get("client"), 80)
        if name or client:
            return name or client
        return "this box" if data.get("client") == "" else "a device without a name"

    def _facts(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        named = [("From", "from"), ("Subject", "subject"), ("Account", "account"), ("Address of the device", "client"),
                 ("It called itself", "helo")]  # fmt: skip
        facts = [(title, clean(data[name], 320)) for title, name in named if data.get(name)]
        facts += [("Size", size(data["size"]))] if data.get("size") else []
        repairs = data.get("repairs")
        if isinstance(repairs, list) and repairs:
            facts.append(("What the box repaired", ", ".join(clean(each, 80) for each in repairs[:30])))
        return facts

    def _recipient(self, row: Mapping[str, Any], held: str) -> Recipient:
        state = recipient_state(row, held)
        shown = [self._attempt(each) for each in redact.rows(row.get("attempts"))]
        return Recipient(
            to=clean(row.get("to"), 320),
            state=state,
            said=_said(row),
            host=clean(row.get("host"), 300),
            cure=_cure(row, state),
            at=self.moment(row.get("at")),
            attempts=shown,
        )

    def _attempt(self, row: Mapping[str, Any]) -> Attempt:
        state = OUTCOMES.get(str(row.get("outcome")), UNKNOWN)
        via = clean(row.get("via"), 80)
        return Attempt(self.moment(row.get("at")), state, via, clean(row.get("host"), 300), _said(row))

    def bounces(self, rows: Sequence[Mapping[str, Any]], viewer: Viewer) -> list[dict[str, Any]]:
        """The newest first."""
        shown = []
        for row in reversed(rows):
            data = row if viewer.details else redact.bounce(row)
            shown.append({
                "id": clean(data.get("id"), 64), "at": self.moment(data.get("at")),
                "to": clean(data.get("recipient"), 320), "subject": clean(data.get("subject"), 200),
                "device": clean(data.get("device"), 80), "said": _said(data), "host": clean(data.get("host"), 300),
                "cure": clean(data.get("cure"), 300),
            })  # fmt: skip
        return shown

    def devices(self, rows: Sequence[Mapping[str, Any]], viewer: Viewer) -> list[dict[str, Any]]:
        shown = []
        for row in rows:
            data = row if viewer.details else redact.device(row)
            repairs = data.get("repairs")
            rows_ = repairs.items() if isinstance(repairs, dict) else ()
            words = [f"{clean(name, 80)} ({number}×)" for name, number in rows_]
            counts = {each: _count(data.get(each)) for each in COUNTS}
            shown.append({
                "name": clean(data.get("name"), 80), "address": clean(data.get("address"), 80),
                "seen": self.moment(data.get("seen_at")) if data.get("seen_at") else None,
                **counts, "repairs": words[:12],
                "note": clean(data.get("note"), 200), "held": clean(data.get("held"), 200),
                "last_refusal": clean(data.get("last_refusal"), 300) if data.get("refused") else "",
            })  # fmt: skip
        return shown


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _said(row: Mapping[str, Any]) -> str:
    """The remote server's own words; nothing for a viewer without details, who has the code alone."""
    text = clean(row.get("reply"), 512)
    return "" if len(text) == 3 else text


def _cure(row: Mapping[str, Any], state: State) -> str:
    if state.level not in ("bad", "wait"):
        return ""
    return clean(row.get("cure"), 300) or (OTHERWISE if state is FAILED else "")
