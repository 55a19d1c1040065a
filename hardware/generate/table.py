"""The pin table as objects, and the rules that every table must obey.

`load()` reads pins.toml and lamps.toml. Raises KeyError or TypeError on a row that lacks a column; `complaints` says
in words what else is wrong with a table (empty = nothing). Ohms, volts, milliamperes.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
GPIO_HEADER: Final = {  # BCM number -> place on the 40-pin header (fixed by the Raspberry Pi)
    2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19, 9: 21, 25: 22, 11: 23,
    8: 24, 7: 26, 0: 27, 1: 28, 5: 29, 6: 31, 12: 32, 13: 33, 19: 35, 16: 36, 26: 37, 20: 38, 21: 40,
}  # fmt: skip
POWER_HEADER: Final = {"3V3": (1, 17), "5V": (2, 4), "GND": (6, 9, 14, 20, 25, 30, 34, 39)}
RESERVED: Final = {0: "", 1: "", 2: "clock", 3: "clock", 14: "uart", 15: "uart"}  # BCM -> only kind that may use it
DARK_IN_RESET: Final = 9  # GPIO 0-8 are pulled up in reset, from 9 on down


@dataclass(frozen=True, slots=True)
class Pin:
    """One row. `resistor_ohm`: of a lamp its series resistor, of the button its pull-up; 0 = none."""

    signal: str
    kind: str
    bcm: int
    header: int
    direction: str
    active: str
    colour: str = ""
    supply: str = ""
    resistor_ohm: int = 0
    base_ohm: int = 0

    @property
    def net(self) -> str:
        return self.signal.upper()


@dataclass(frozen=True, slots=True)
class Lamp:
    """What a lamp says in each rhythm; "" = it never does that."""

    signal: str
    off: str
    steady: str = ""
    blink: str = ""
    code: tuple[str, ...] = ()
    flash: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """All rows and the limits they are held to."""

    pins: tuple[Pin, ...]
    lamps: tuple[Lamp, ...]
    supply: dict[str, float]
    limits: dict[str, Any]
    colours: dict[str, tuple[float, float]]

    def pin(self, signal: str) -> Pin:
        return next(pin for pin in self.pins if pin.signal == signal)

    def of(self, kind: str) -> list[Pin]:
        return [pin for pin in self.pins if pin.kind == kind]


def load(folder: Path = ROOT) -> Table:
    """The table of `folder`. Raises KeyError or TypeError on a bad row, OSError, tomllib.TOMLDecodeError."""
    data = tomllib.loads((folder / "pins.toml").read_text("utf-8"))
    lamps = tomllib.loads((folder / "lamps.toml").read_text("utf-8"))["lamp"]
    return Table(
        tuple(Pin(**row) for row in data["pin"]),
        tuple(Lamp(**row | {"code": tuple(row.get("code", ()))}) for row in lamps),
        data["supply"],
        data["limits"],
        {colour: (low, high) for colour, (low, high) in data["colour"].items()},
    )


def board(folder: Path = ROOT) -> dict[str, Any]:
    """The mechanical facts of board.toml. Raises OSError, tomllib.TOMLDecodeError."""
    return tomllib.loads((folder / "board.toml").read_text("utf-8"))


def lamp_current_ma(table: Table, lamp: Pin) -> tuple[float, float]:
    """Least and most current through a lamp, over the spread of its forward voltage (and of the transistor's
    saturation voltage for one that is fed from 5 V)."""
    low_v, high_v = table.colours[lamp.colour]
    loss_low, loss_high = table.limits["saturation_v"] if lamp.base_ohm else (0.0, 0.0)
    volts = table.supply[lamp.supply]
    return (
        1000 * (volts - high_v - loss_high) / lamp.resistor_ohm,
        1000 * (volts - low_v - loss_low) / lamp.resistor_ohm,
    )


def pin_current_ma(table: Table, pin: Pin) -> float:
    """Most current that the GPIO itself gives."""
    if pin.base_ohm:
        return float(1000 * (table.supply["3V3"] - table.limits["base_emitter_v"][0]) / pin.base_ohm)
    return lamp_current_ma(table, pin)[1] if pin.kind == "lamp" else 0.0


def complaints(table: Table) -> list[str]:
    """What is wrong, in words."""
    found = [f"{pin.signal}: {word}" for pin in table.pins for word in _of_place(pin)]
    for what, seen in (
        ("BCM", Counter(pin.bcm for pin in table.pins)),
        ("header pin", Counter(pin.header for pin in table.pins)),
        ("signal", Counter(pin.signal for pin in table.pins)),
    ):
        found += [f"{what} {each} is used {times} times" for each, times in seen.items() if times > 1]
    found += [f"{lamp.signal}: {word}" for lamp in table.of("lamp") for word in _of_lamp(table, lamp)]
    if [lamp.signal for lamp in table.lamps] != [lamp.signal for lamp in table.of("lamp")]:
        found.append("lamps.toml and pins.toml name different lamps")
    return found


def _of_place(pin: Pin) -> list[str]:
    found = []
    if GPIO_HEADER.get(pin.bcm) != pin.header:
        found.append(f"GPIO {pin.bcm} is not on header pin {pin.header}")
    if pin.bcm in RESERVED and RESERVED[pin.bcm] != pin.kind:
        found.append(f"GPIO {pin.bcm} is forbidden here")
    if pin.direction not in ("in", "out", "both") or pin.active not in ("high", "low"):
        found.append("direction or active level unknown")
    return found


def _of_lamp(table: Table, lamp: Pin) -> list[str]:
    found = []
    if lamp.bcm < DARK_IN_RESET:
        found.append(f"GPIO {lamp.bcm} is pulled up in reset: the lamp would light")
    if lamp.active != "high" or lamp.direction != "out":
        found.append("a lamp is an output, active high")
    if lamp.colour == "white" and not lamp.base_ohm:
        found.append("3.3 V is too little for a white lamp: 5 V and a transistor")
    least, most = lamp_current_ma(table, lamp)
    low, high = table.limits["lamp_ma"]
    if not low <= least <= most <= high:
        found.append(f"{least:.2f} to {most:.2f} mA is outside {low} to {high} mA")
    if pin_current_ma(table, lamp) > table.limits["pin_ma"]:
        found.append("more current than the pin gives")
    if lamp.base_ohm and most > 20 * 1000 * (3.3 - table.limits["base_emitter_v"][1]) / lamp.base_ohm:
        found.append("the transistor does not saturate")
    return found
