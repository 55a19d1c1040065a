"""Asks the relay how it is, several times a second, and knows what it means when no answer comes.

`look` asks once and changes `seen`; it never raises for a relay that is dead, silent or talks nonsense. No answer for
DEAD_S: the settings file is read, and trouble is "settings" when it has a mistake, "dead" when not. Before the first
answer of all, for `start_s`, trouble is "starting".
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.core.lamps import DEAD, SETTINGS, STARTING
from appliance.core.status import Status
from appliance.interface.client import Unreachable, ask
from appliance.ports import Clock, Refused
from appliance.settings.load import load
from appliance.settings.salvage import load_or_salvage
from appliance.settings.schema import Settings

EVERY_S: Final = 0.2
WAIT_S: Final = 2.0
DEAD_S: Final = 5.0
START_S: Final = 60.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What `core.lamps.lamps` wants to know."""

    status: Status | None
    trouble: str


class Watcher:
    """`settings` are those of the file; of one with a mistake, what can be saved. `looked_at` is when `look`
    ended last."""

    def __init__(self, config: Path, clock: Clock, start_s: float = START_S) -> None:
        self._config, self._clock, self._start_s = config, clock, start_s
        self._started = clock.monotonic()
        self._answered_at: float | None = None
        self._said = ""
        self.settings = load_or_salvage(config)
        self.seen = self._silent(self._started)
        self.looked_at = self._started

    def look(self) -> None:
        """Ask once; takes at most WAIT_S."""
        try:
            facts = ask(self.settings.control.socket, "status", {"brief": True}, WAIT_S)
            self.seen = Seen(Status.of(facts), "")
            self._answered_at = self._clock.monotonic()
            self._say("the relay answers")
        except (Unreachable, Refused) as trouble:
            self._say(str(trouble))
            self.seen = self._silent(self._clock.monotonic())
        self.looked_at = self._clock.monotonic()

    def _silent(self, now: float) -> Seen:
        if self._answered_at is not None and now - self._answered_at < DEAD_S:
            return self.seen
        loaded = load(self._config)
        if not isinstance(loaded, Settings):
            return Seen(None, SETTINGS)
        self.settings = loaded
        starting = self._answered_at is None and now - self._started < self._start_s
        return Seen(None, STARTING if starting else DEAD)

    def _say(self, words: str) -> None:
        """Once for each change."""
        if words != self._said:
            self._said = words
            log.info("%s", words)
