"""The net list as text: one net a line, then all that it joins; and the pin table as Markdown."""

from __future__ import annotations

from hardware.generate.circuit import Part, nets
from hardware.generate.table import Table, lamp_current_ma


def text(parts: list[Part]) -> str:
    """`NET: REF.PIN REF.PIN …`, sorted."""
    return "".join(f"{net}: {' '.join(f'{ref}.{pin}' for ref, pin in nodes)}\n" for net, nodes in nets(parts).items())


def markdown(table: Table) -> str:
    """The pin table for people."""
    rows = [
        "# Pins",
        "",
        "Made by `make hardware` from pins.toml.",
        "",
        "| signal | GPIO | header pin | direction | active | lamp | resistor | lamp current |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for pin in table.pins:
        current = "{:.1f} to {:.1f} mA".format(*lamp_current_ma(table, pin)) if pin.kind == "lamp" else ""
        lamp = f"{pin.colour}, from {pin.supply}" if pin.colour else ""
        resistor = f"{pin.resistor_ohm} ohm" if pin.resistor_ohm else ""
        cells = (pin.signal, pin.bcm, pin.header, pin.direction, pin.active, lamp, resistor, current)
        rows.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(rows) + "\n"
