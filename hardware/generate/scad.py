"""The places that the enclosure needs, as OpenSCAD constants: hardware/enclosure/places.scad."""

from __future__ import annotations

from typing import Any

from hardware.generate.table import Table


def text(table: Table, place: dict[str, Any]) -> str:
    """One constant a line, lamps in the order of the pin table."""
    lamps = [place["lamps"][lamp.signal] for lamp in table.of("lamp")]
    constants = {
        "lamps": lamps,
        "button": place["button"],
        "board_size": place["outline"]["size"],
        "holes": place["outline"]["holes"],
        "de9_centre_y": place["de9"]["centre_y"],
        "de9_width": place["de9"]["width"],
        "lamp_hole": place["lid"]["lamp_hole"],
        "button_hole": place["lid"]["button_hole"],
        "pi_size": place["pi"]["size"],
        "board_above": place["pi"]["board_above"],
        "label_area": place["label"]["area"],
    }
    head = "// Made by `make hardware` from board.toml and pins.toml.\n"
    return head + "".join(f"{name} = {value};\n" for name, value in constants.items())
