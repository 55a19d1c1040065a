"""/api: the relay's own answers as JSON, in the shapes that `outbox … --json` and the console read; read only.

A viewer without details gets what redact.py lets through. Raises Unreachable, Refused as the relay does; None = there
is no such question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from appliance.page import redact
from appliance.page.facts import Facts

Shape = Callable[[Mapping[str, Any]], dict[str, Any]]
VERBS: Final[dict[str, tuple[str, Shape]]] = {
    "status": ("status", redact.status),
    "queue": ("queue.list", redact.message),
    "messages": ("messages", redact.message),
    "history": ("history", redact.message),
    "bounces": ("bounces", redact.bounce),
    "devices": ("devices", redact.device),
    "tallies": ("tallies", redact.whole),
}
ONE: Final[dict[str, tuple[str, Shape]]] = {
    "queue": ("queue.show", redact.message),
    "message": ("message", redact.message),
}
LIMIT_MAX: Final = 1000


class Api:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def answer(self, verb: str, name: str, asked: Mapping[str, str], details: bool) -> Any:
        if (known := (ONE if name else VERBS).get(verb)) is None:
            return None
        relay_verb, shape = known
        found = self._facts.ask(relay_verb, **({"id": name} if name else _arguments(asked, details)))
        if details:
            return found
        return [shape(each) for each in found] if isinstance(found, list) else shape(found)


def _arguments(asked: Mapping[str, str], details: bool) -> dict[str, Any]:
    """What may be asked; who may not see addresses may not search for them either."""
    wanted: dict[str, Any] = {}
    for key in ("text", "address", "device") if details else ():
        if asked.get(key):
            wanted[key] = asked[key][:320]
    for key in ("since", "until"):
        try:
            moment = float(asked[key])
        except (KeyError, ValueError):
            continue
        if abs(moment) < 1e12:
            wanted[key] = moment
    if asked.get("limit", "").isdecimal():
        wanted["limit"] = max(1, min(int(asked["limit"][:9]), LIMIT_MAX))
    return wanted
