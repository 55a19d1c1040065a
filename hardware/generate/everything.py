"""All generated files, as path (from the top of the project) -> content. The same every time, on every machine."""

from __future__ import annotations

from hardware.generate import bom, cables, label, netlist, package, pdf, quickstart, scad, schematic
from hardware.generate.circuit import parts
from hardware.generate.table import board, complaints, load


def outputs() -> dict[str, bytes]:
    """Raises ValueError when the pin table breaks a rule."""
    table = load()
    if wrong := complaints(table):
        raise ValueError("; ".join(wrong))
    all_parts, place = parts(table), board()
    sheet = schematic.svg(table, all_parts)
    page = quickstart.svg(table)
    all_cables = cables.load()
    texts = {
        "appliance/pins.py": package.text(table),
        "hardware/out/pins.md": netlist.markdown(table),
        "hardware/out/netlist.txt": netlist.text(all_parts),
        "hardware/out/schematic.svg": sheet,
        "hardware/out/bom.csv": bom.csv_text(all_parts),
        "hardware/out/lid-label.svg": label.svg(table, place),
        "hardware/out/cables.md": cables.markdown(all_cables),
        "hardware/enclosure/places.scad": scad.text(table, place),
    }
    texts |= {f"hardware/out/cable-{cable.name}.svg": cables.svg(cable) for cable in all_cables}
    pages = {
        "hardware/out/schematic.pdf": pdf.from_svg(sheet, "Outbox schematic"),
        "hardware/out/quick-start.pdf": pdf.from_svg(page, "Outbox quick start"),
    }
    return {path: text.encode() for path, text in texts.items()} | pages
