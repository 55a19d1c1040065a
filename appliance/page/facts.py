"""What the relay says, asked over its command interface and remembered for a moment, so that many viewers cost one.

`ask` raises Unreachable when the relay is down and Refused with its words. However many ask, the relay hears at most
one question each GAP_S (a search counts more), after a few at once: it has mail to carry. Subjects older than the
settings allow are left out here, whatever the relay still knows.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from typing import Any, Final

from appliance.core.lamps import DEAD, STARTING
from appliance.core.status import Status
from appliance.interface import client
from appliance.interface.client import Unreachable
from appliance.ports import Refused
from appliance.settings.schema import Settings

FRESH_S: Final = 1.0
SLOW_S: Final = 10.0  # for what changes slowly
KEPT_MAX: Final = 24
ROWS_KEPT: Final = 200  # longer answers are not remembered
GAP_S: Final = 0.04
AT_ONCE: Final = 30
SEARCHING: Final = frozenset({"text", "address", "device", "since", "until"})
SEARCH_COST: Final = 5  # what is searched for takes the relay longer
PATIENCE_S: Final = 2.0
TIMEOUT_S: Final = 10.0
ACTION_TIMEOUT_S: Final = 30.0


class Facts:
    """`trouble` is why a relay that does not answer is down, when that is known. In the first `start_s` a relay that
    was not heard yet is taken to be starting."""

    def __init__(self, settings: Settings, trouble: str = "", start_s: float = 0.0) -> None:
        self._trouble, self._starting_until = trouble, time.monotonic() + start_s
        self._next_at = float("-inf")
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
        self._pace(SEARCH_COST if SEARCHING & args.keys() else 1)
        answer = self._recent(client.ask(self._path, verb, args, TIMEOUT_S))
        self._starting_until = 0.0
        if isinstance(answer, list) and len(answer) > ROWS_KEPT:
            return answer
        with self._lock:
            self._kept[key] = time.monotonic(), answer
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return answer

    def _pace(self, cost: int) -> None:
        """Wait for a turn that counts as `cost`. Raises Refused when the queue is too long."""
        with self._lock:
            now = time.monotonic()
            at = max(self._next_at, now - AT_ONCE * GAP_S) + cost * GAP_S
            if at - now > PATIENCE_S:
                raise Refused("Too many ask at once; please ask again in a moment.")
            self._next_at = at
        time.sleep(max(0.0, at - now))

    @property
    def trouble(self) -> str:
        """Why the relay does not answer, as core/lamps.py names it."""
        return self._trouble or (STARTING if time.monotonic() < self._starting_until else DEAD)

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
