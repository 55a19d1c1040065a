"""What the relay says, asked over its command interface and remembered for a moment, so that many viewers cost one.

`ask` raises Unreachable when the relay is down and Refused with its words. Subjects older than the settings allow are
left out here, whatever the relay still knows.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from typing import Any, Final

from appliance.core.status import Status
from appliance.interface import client
from appliance.interface.client import Unreachable
from appliance.ports import Refused
from appliance.settings.schema import Settings

FRESH_S: Final = 1.0
SLOW_S: Final = 10.0  # for what changes slowly
KEPT_MAX: Final = 64
TIMEOUT_S: Final = 10.0
ACTION_TIMEOUT_S: Final = 30.0


class Facts:
    """`trouble` is why a relay that does not answer is down, as core/lamps.py names it."""

    def __init__(self, settings: Settings, trouble: str = "") -> None:
        self.trouble = trouble
        self._path, self._subject_s = settings.control.socket, settings.page.subject_days * 86400.0
        self._kept: OrderedDict[str, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, verb: str, fresh_s: float = FRESH_S, **args: Any) -> Any:
        """The relay's answer, at most `fresh_s` old."""
        key = json.dumps([verb, args], sort_keys=True)
        with self._lock:
            at, answer = self._kept.get(key, (float("-inf"), None))
        if time.monotonic() - at <= fresh_s:
            return answer
        answer = self._recent(client.ask(self._path, verb, args, TIMEOUT_S))
        with self._lock:
            self._kept[key] = time.monotonic(), answer
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return answer

    def act(self, verb: str, **args: Any) -> Any:
        """Change something; what was remembered is forgotten."""
        try:
            return client.ask(self._path, verb, args, ACTION_TIMEOUT_S)
        finally:
            with self._lock:
                self._kept.clear()

    def status(self) -> Status | None:
        """None when the relay is dead."""
        try:
            return Status.of(self.ask("status"))
        except (Unreachable, Refused):
            return None

    def rows(self, verb: str, fresh_s: float = FRESH_S, **args: Any) -> list[dict[str, Any]]:
        """A list that is empty when the relay is dead. Raises Refused."""
        try:
            found = self.ask(verb, fresh_s, **args)
        except Unreachable:
            return []
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def _recent(self, answer: Any) -> Any:
        for each in answer if isinstance(answer, list) else [answer]:
            if isinstance(each, dict) and each.get("subject"):
                at = each.get("arrived_at", each.get("at"))
                if not isinstance(at, int | float) or at < time.time() - self._subject_s:
                    each["subject"] = ""
        return answer
