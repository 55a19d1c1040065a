"""What a press of the button means: pure; told every few hundredths of a second whether it is down.

A press counts when it ends, so that a button that is stuck does nothing: up to SHORT_S = "short"; LONG_S to STUCK_S =
"long". Down since before the panel began, while the power came on: LONG_S or more = "password-reset"; a second press
within SECOND_WITHIN_S of that, held RESET_S or more = "factory-reset". Anything between is somebody who thought again.
"""

from __future__ import annotations

from typing import Final

BOUNCE_S: Final = 0.03  # contacts chatter for less
SHORT_S: Final = 2.0
LONG_S: Final = 5.0
RESET_S: Final = 10.0
STUCK_S: Final = 60.0
SECOND_WITHIN_S: Final = 60.0
SHORT, LONG, PASSWORD, FACTORY = "short", "long", "password-reset", "factory-reset"


class Presses:
    """`powering_on`: whether the machine has just been switched on. Times are monotonic seconds."""

    def __init__(self, powering_on: bool) -> None:
        self._powering_on = powering_on
        self._first = True
        self._down = False
        self._raw = False
        self._raw_at = float("-inf")
        self._down_at = 0.0
        self._at_start = False
        self._second_until = float("-inf")

    def feel(self, pressed: bool, now: float) -> str:
        """What the press means that ended just now, else ""."""
        if self._first:
            self._first, self._at_start = False, pressed and self._powering_on
        if pressed is not self._raw:
            self._raw, self._raw_at = pressed, now
        if self._raw is self._down or now - self._raw_at < BOUNCE_S:
            return ""
        self._down = self._raw
        if self._down:
            self._down_at = self._raw_at
            return ""
        return self._ended(self._raw_at)

    def meaning(self, now: float) -> str:
        """What it would mean to let go now; "" also while it is not down."""
        if not self._down:
            return ""
        held_s = now - self._down_at
        if held_s > STUCK_S:
            return ""
        if self._at_start:
            return PASSWORD if held_s >= LONG_S else ""
        if held_s <= SHORT_S:
            return SHORT
        if self._down_at < self._second_until:
            return FACTORY if held_s >= RESET_S else ""
        return LONG if held_s >= LONG_S else ""

    def _ended(self, now: float) -> str:
        self._down = True
        meaning = self.meaning(now)
        self._down = self._at_start = False
        self._second_until = now + SECOND_WITHIN_S if meaning == PASSWORD else self._second_until
        return meaning
