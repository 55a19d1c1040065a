"""The pins of the box: the copy that the package carries. Made by `make hardware` from hardware/pins.toml.

`bcm` is the Broadcom number, `header` the place on the 40-pin header.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Pin:
    """One signal. `kind` is lamp, button, uart, clock or power; `colour` is a lamp's."""

    signal: str
    kind: str
    bcm: int
    header: int
    direction: str
    active: str
    colour: str = ""


PINS: Final = (
    Pin("system", "lamp", 17, 11, "out", "high", "green"),
    Pin("queue", "lamp", 27, 13, "out", "high", "amber"),
    Pin("bounce", "lamp", 22, 15, "out", "high", "red"),
    Pin("activity", "lamp", 23, 16, "out", "high", "white"),
    Pin("button", "button", 5, 29, "in", "low"),
    Pin("txd", "uart", 14, 8, "out", "high"),
    Pin("rxd", "uart", 15, 10, "in", "high"),
    Pin("sda", "clock", 2, 3, "both", "low"),
    Pin("scl", "clock", 3, 5, "both", "low"),
    Pin("power_fail", "power", 6, 31, "in", "low"),
)


def pin(signal: str) -> Pin:
    """The pin of a signal. Raises StopIteration for one that the box does not have."""
    return next(pin for pin in PINS if pin.signal == signal)


LAMPS: Final = tuple(pin for pin in PINS if pin.kind == "lamp")  # in the order of the label
SYSTEM: Final = pin("system")
QUEUE: Final = pin("queue")
BOUNCE: Final = pin("bounce")
ACTIVITY: Final = pin("activity")
BUTTON: Final = pin("button")
POWER_FAIL: Final = pin("power_fail")
