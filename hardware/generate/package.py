"""The copy of the pin table that goes into the package: appliance/pins.py."""

from __future__ import annotations

from hardware.generate.table import Table

HEAD = '''"""The pins of the box: the copy that the package carries. Made by `make hardware` from hardware/pins.toml.

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
'''


LOOKUP = ''')


def pin(signal: str) -> Pin:
    """The pin of a signal. Raises StopIteration for one that the box does not have."""
    return next(pin for pin in PINS if pin.signal == signal)


'''


def text(table: Table) -> str:
    """The module's source."""
    rows = []
    for pin in table.pins:
        words = [pin.signal, pin.kind, pin.bcm, pin.header, pin.direction, pin.active]
        words += [pin.colour] if pin.colour else []
        rows.append(
            "    Pin(" + ", ".join(f'"{word}"' if isinstance(word, str) else str(word) for word in words) + "),\n"
        )
    named = [pin for pin in table.pins if pin.kind in ("lamp", "button", "power")]
    names = [f'{pin.net}: Final = pin("{pin.signal}")\n' for pin in named]
    lamps = 'LAMPS: Final = tuple(pin for pin in PINS if pin.kind == "lamp")  # in the order of the label\n'
    return HEAD + "".join(rows) + LOOKUP + lamps + "".join(names)
