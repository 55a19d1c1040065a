"""Rhythms of a lamp: on or off at a time, never more than three flashes a second; told apart without any colour.

`Pattern.on(at_s)` is a pure function of the seconds since the pattern began. `Flashes` is the one rhythm that follows
events: one short flash for each message. `Shutter` keeps the promise of three a second whatever changes in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FLASH_EVERY_S: Final = 1 / 3  # no lamp lights up more often: flicker is dangerous to some people


@dataclass(frozen=True, slots=True)
class Pattern:
    """`spans` are (seconds, lit), repeated for ever; `name` is what a person would call it."""

    name: str
    spans: tuple[tuple[float, bool], ...]

    @property
    def length_s(self) -> float:
        return sum(seconds for seconds, _ in self.spans)

    def on(self, at_s: float) -> bool:
        """Whether the lamp is lit `at_s` after the pattern began."""
        left = at_s % self.length_s
        for seconds, lit in self.spans:
            if left < seconds:
                return lit
            left -= seconds
        return self.spans[-1][1]  # what rounding leaves


OFF: Final = Pattern("off", ((1.0, False),))
STEADY: Final = Pattern("steady", ((1.0, True),))
BLINK: Final = Pattern("slow blink", ((1.0, True), (1.0, False)))
FLASH: Final = Pattern("short flashes", ((0.1, True), (0.9, False)))
LOCATE: Final = Pattern("all blink together", ((0.25, True), (0.25, False)))


def code(number: int) -> Pattern:
    """That many flashes, half a second apart, then a pause of at least a second and a half."""
    flashes = ((0.25, True), (0.25, False)) * number
    return Pattern("1 flash, pause" if number == 1 else f"{number} flashes, pause", (*flashes, (1.5, False)))


def lamp_test(place: int) -> Pattern:
    """The lamp test for the lamp at `place` (from 0): all together for a second, then each alone for half a second."""
    alone = tuple((0.5, each == place) for each in range(4))
    return Pattern("lamp test", ((1.0, True), (0.25, False), *alone, (0.25, False)))


TEST_S: Final = lamp_test(0).length_s


class Flashes:
    """One short flash for each message. What comes faster than flashes may follow is dropped beyond WAITING_MAX, so
    that the lamp tells of the present."""

    WAITING_MAX: Final = 3
    LIT_S: Final = 0.12
    EACH_S: Final = 0.4

    def __init__(self) -> None:
        self._count: int | None = None
        self._waiting = 0
        self._began = float("-inf")

    def count(self, messages: int) -> None:
        """How many messages moved since the relay began; a lower number than before is a new beginning."""
        if self._count is not None and messages > self._count:
            self._waiting = min(self._waiting + messages - self._count, self.WAITING_MAX)
        self._count = messages

    def on(self, now: float) -> bool:
        """`now` in monotonic seconds, not going back."""
        if self._waiting and now - self._began >= self.EACH_S:
            self._waiting -= 1
            self._began = now
        return now - self._began < self.LIT_S


class Shutter:
    """Between what a lamp should show and the lamp: it lights up at most every FLASH_EVERY_S."""

    def __init__(self) -> None:
        self.lit = False
        self._lit_at = float("-inf")

    def pass_on(self, wanted: bool, now: float) -> bool:
        """What the lamp is to show at `now` (monotonic seconds)."""
        if wanted and not self.lit:
            if now - self._lit_at < FLASH_EVERY_S:
                return False
            self._lit_at = now
        self.lit = wanted
        return wanted
