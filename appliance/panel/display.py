"""Which lamps are lit at a moment: what the lamps say, the lamp test, locate, and the answer to the button. Pure.

Highest first: all lit while letting the button go would do something, and for DONE_S after it was done; the lamp test;
locate; the lamp language. ACTIVITY flashes once for each message. Times are monotonic seconds.
"""

from __future__ import annotations

from typing import Final

from appliance.core.lamps import Lamps
from appliance.core.pattern import LOCATE, OFF, STEADY, TEST_S, Flashes, Pattern, Shutter, lamp_test
from appliance.core.status import Status

DONE_S: Final = 1.5
ACTIVITY: Final = 3  # its place on the label


class Display:
    """Begins with a lamp test."""

    def __init__(self, now: float) -> None:
        self._shutters = [Shutter() for _ in range(4)]
        self._flashes = Flashes()
        self._patterns = [OFF] * 4
        self._since = [now] * 4
        self._test_until = now + TEST_S
        self._done_until = float("-inf")
        self._test_asked = False

    def done(self, now: float) -> None:
        """What the button asked for has been done."""
        self._done_until = now + DONE_S

    def frame(self, lamps: Lamps, status: Status | None, pressed: bool, now: float) -> tuple[bool, ...]:
        """Lit or dark, in the order of the label. `pressed`: letting the button go now would do something."""
        asked = status is not None and status.testing_lamps
        if asked and not self._test_asked:
            self._test_until = now + TEST_S
        self._test_asked = asked
        if status is not None:
            self._flashes.count(status.accepted + status.delivered)
        special = self._special(status, pressed, now)
        flash = self._flashes.on(now)
        wanted = [self._rhythm(place, lamp.pattern, special, now) for place, lamp in enumerate(lamps)]
        if special is None:
            wanted[ACTIVITY] = flash
        return tuple(shutter.pass_on(lit, now) for shutter, lit in zip(self._shutters, wanted, strict=True))

    def _special(self, status: Status | None, pressed: bool, now: float) -> list[Pattern] | None:
        if pressed or now < self._done_until:
            return [STEADY] * 4
        if now < self._test_until:
            return [lamp_test(place) for place in range(4)]
        if status is not None and status.locating:
            return [LOCATE] * 4
        return None

    def _rhythm(self, place: int, pattern: Pattern, special: list[Pattern] | None, now: float) -> bool:
        if special is not None:
            pattern = special[place]
        if pattern != self._patterns[place]:
            self._patterns[place], self._since[place] = pattern, now
        return pattern.on(now - self._since[place])
