"""What each page shows: asks the relay, lets views.py put it into words, returns the template's context.

Nothing here knows Flask. A dead relay gives pages that say so; Refused passes through.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from appliance.core.glossary import explain, words
from appliance.core.lamps import Lamps, lamps
from appliance.core.status import Status
from appliance.interface.client import Unreachable
from appliance.page import graph
from appliance.page.facts import SLOW_S, Facts
from appliance.page.headline import box, headline, lamp_rows
from appliance.page.views import MORE, ROWS, Viewer, Views
from appliance.page.wording import Times, clean
from appliance.ports import Refused
from appliance.settings.schema import Settings

UNCHANGED: Final = "Nothing was changed. Mail that is on the card is safe; the relay starts again by itself."
BOUNCES_SHOWN: Final = 5
SEARCH: Final = ("address", "device", "since", "until")
NOTES: Final = {
    "acknowledged": "Acknowledged: the BOUNCE lamp goes dark.",
    "flushed": "All waiting mail is tried now.",
    "test": "The test message is on its way.",
    "retry": "It is tried now.",
    "hold": "It is on hold until you let it go.",
    "release": "It goes on its way.",
    "bounce": "Given up; the sender gets a report.",
    "delete": "Deleted.",
    "update": "The update has begun. The box starts anew when it is done; mail on the card is safe.",
    "certificate": "The certificate is kept. The page shows it from now on, mail within five minutes.",
    "out": "Logged out.",
}


class Pages:
    def __init__(self, settings: Settings, facts: Facts) -> None:
        self._facts, self._times = facts, Times(settings.network.timezone)

    def _now(self, status: Status | None) -> float:
        return status.now if status and status.now else time.time()

    def _lamps(self, status: Status | None) -> Lamps:
        return lamps(status, self._facts.trouble)

    def index(self, viewer: Viewer, asked: Mapping[str, str]) -> dict[str, Any]:
        status = self._facts.status()
        views = Views(self._times, self._now(status))
        wanted, problem = self._wanted(viewer, asked)
        before = _number(asked.get("before", ""))
        most = MORE if asked.get("more") or before else ROWS
        if before:
            wanted["until"] = min(before, wanted.get("until", before))
        messages = [] if problem else self._rows("messages", limit=most + 1, **wanted)
        unread = self._rows("bounces")
        bounces, shown = views.bounces(unread, viewer), MORE if asked.get("more") else BOUNCES_SHOWN
        return {
            "here": "mail",
            "dead": status is None,
            "headline": headline(status, self._lamps(status), self._times),
            "lamps": lamp_rows(self._lamps(status)),
            "facts": box(status, self._times, viewer.details),
            "messages": views.messages(messages[:most], viewer),
            "older": self._older(asked, messages[most]) if len(messages) > most else "",
            "bounces": bounces[:shown],
            "hidden_bounces": max(0, len(bounces) - shown),
            "seen_until": max((float(row.get("at") or 0) for row in unread), default=0.0),
            "graphs": self._graphs(),
            "asked": {name: clean(asked.get(name), 320) for name in SEARCH},
            "searched": bool(wanted),
            "problem": problem,
            "device_names": sorted(self._names())[:200],
        }

    def _older(self, asked: Mapping[str, str], first: Mapping[str, Any]) -> str:
        """The same search, from the message `first` on."""
        kept = {name: asked[name][:320] for name in SEARCH if asked.get(name)}
        return "/?" + urlencode({**kept, "before": math.nextafter(float(first["arrived_at"]), math.inf)})

    def _rows(self, verb: str, fresh_s: float = 1.0, **args: Any) -> list[dict[str, Any]]:
        try:
            return self._facts.rows(verb, fresh_s, **args)
        except Refused:
            return []

    def _graphs(self) -> list[graph.Graph]:
        try:
            found = self._facts.ask("tallies", SLOW_S)
        except (Unreachable, Refused):
            found = {}
        return [graph.day(found, self._times), graph.week(found, self._times)]

    def _wanted(self, viewer: Viewer, asked: Mapping[str, str]) -> tuple[dict[str, Any], str]:
        """What to look for, and what is wrong with what was typed. Who may not see addresses may not search them."""
        wanted: dict[str, Any] = {}
        if viewer.details and (address := asked.get("address", "").strip()):
            wanted["address"] = address[:320]
        if device := asked.get("device", "").strip():
            wanted["device"] = device[:320]
            if not viewer.details and device not in self._names():
                return {}, f"There is no device of that name here: {clean(device, 80)}"
        for name in ("since", "until"):
            if text := asked.get(name, "").strip():
                moment = self._times.typed(text)
                if moment is None:
                    return {}, "A time is written like 2026-11-24T14:05."
                wanted[name] = moment
        return wanted, ""

    def _names(self) -> set[str]:
        return {clean(row.get("name"), 80) for row in self._rows("devices", SLOW_S)} - {""}

    def message(self, viewer: Viewer, queue_id: str) -> dict[str, Any]:
        """Raises Unreachable, Refused."""
        found = self._facts.ask("message", id=queue_id[:64])
        views = Views(self._times, self._now(self._facts.status()))
        return {"here": "mail", "it": views.message(found, viewer)}

    def devices(self, viewer: Viewer) -> dict[str, Any]:
        status = self._facts.status()
        views = Views(self._times, self._now(status))
        return {"here": "devices", "dead": status is None, "devices": views.devices(self._rows("devices"), viewer)}

    def words(self) -> dict[str, Any]:
        return {"here": "words", "words": [explain(word).partition(": ")[::2] for word in words()]}

    def not_ready(self) -> str:
        """ "" when the box takes mail, else why not."""
        status = self._facts.status()
        if status is None:
            return "the relay does not answer"
        return "" if status.accepting and not status.fault else f"mail is refused: {status.fault or 'starting'}"


def _number(text: str) -> float:
    """A moment in an address of ours; 0 when it is none."""
    try:
        number = float(text[:40])
    except ValueError:
        return 0.0
    return number if 0 < number < 1e12 else 0.0
