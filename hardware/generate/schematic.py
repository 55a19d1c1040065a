"""The schematic, drawn by schemdraw from the parts list: blocks joined by net names.

Every value, pin number and net name on the sheet is taken from the parts, none is written here. Deterministic.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Final, Literal

import schemdraw
from schemdraw import elements

from hardware.generate.circuit import MAX3232, Part
from hardware.generate.table import Table

LEADS: Final = {"3V3", "5V", "GND"}
SMALL: Final = 10
RAISED: Final = {"hanging": 0.72, "central": 0.34, "ideographic": -0.22}  # base line, in font heights


def svg(table: Table, parts: list[Part]) -> str:
    """The sheet."""
    schemdraw.use("svg")
    drawing = schemdraw.Drawing(show=False)
    drawing.config(unit=2.2, fontsize=11, font="Helvetica", lw=1.4)
    sheet = _Sheet(table, {part.ref: part for part in parts}, drawing)
    sheet.header(0, 0)
    for index, _ in enumerate(table.of("lamp")):
        sheet.lamp(index, 7.5, 15.5 - 2.6 * index)
    sheet.button(7.5, 1.4)
    sheet.power(7.5, -3.6)
    sheet.line_driver(21.0, 7.0)
    sheet.clock(21.0, -3.6)
    text: bytes = drawing.get_imagedata("svg")
    flat = re.sub(
        r'y="([-\d.e]+)" dominant-baseline="(\w+)" fill="(\w+)" font-size="([\d.]+)"', _lowered, text.decode()
    )
    return flat.replace("<text ", "\n<text ").replace("<path ", "\n<path ") + "\n"


def _lowered(found: re.Match[str]) -> str:
    """The base line in plain numbers: not every viewer knows `dominant-baseline`."""
    y, name, colour, size = found.groups()
    return f'y="{float(y) + RAISED[name] * float(size):.2f}" fill="{colour}" font-size="{size}"'


class _Sheet:
    """One block per method; x and y are its top left in drawing units."""

    def __init__(self, table: Table, parts: dict[str, Part], drawing: Any) -> None:
        self.table, self.parts, self.drawing = table, parts, drawing

    def title(self, x: float, y: float, words: str) -> None:
        self.drawing += elements.Label().theta(0).at((x, y)).label(words, fontsize=14, halign="left")

    def name(self, ref: str) -> str:
        part = self.parts[ref]
        return f"{ref} {part.value}"

    def net(self, x: float, y: float, net: str, side: str = "left") -> None:
        """A named end of a wire."""
        if net == "GND":
            self.drawing += elements.Ground().theta(0).at((x, y))
        elif net in LEADS:
            self.drawing += elements.Vdd().theta(0).at((x, y)).label(net, fontsize=SMALL)
        else:
            self.drawing += elements.Dot(open=True).theta(0).at((x, y)).label(net, side, fontsize=SMALL)

    def across(self, kind: Any, x: float, y: float, words: str, length: float = 2.2) -> float:
        """An element to the right; where it ends."""
        self.drawing += kind.at((x, y)).right().length(length).label(words, fontsize=SMALL)
        return x + length

    def down(self, kind: Any, x: float, y: float, words: str, length: float = 1.9, side: str = "bottom") -> float:
        self.drawing += kind.at((x, y)).down().length(length).label(words, side, fontsize=SMALL)
        return y - length

    def wire(self, *points: tuple[float, float]) -> None:
        for start, end in pairwise(points):
            self.drawing += elements.Line().at(start).to(end)

    def header(self, x: float, y: float) -> None:
        """The 40-pin header: two columns of pins with the net of each."""
        part = self.parts["J1"]
        self.title(x - 2.6, y + 17.6, "J1  Raspberry Pi header")
        gpio = {str(pin.header): f"GPIO{pin.bcm}" for pin in self.table.pins}
        pitch = 0.82
        pins = [
            elements.IcPin(name=gpio.get(number, ""), pin=number, side="L" if int(number) % 2 else "R",
                           anchorname=f"p{number}", pinlblsize=SMALL, lblsize=9)
            for number in sorted(part.pins, key=lambda number: -int(number))
        ]  # fmt: skip
        self.drawing += (
            elements.Ic(pins=pins, size=(2.9, 20 * pitch + 0.4), pinspacing=pitch, leadlen=0.5).at((x, y)).theta(0)
        )
        block = self.drawing.elements[-1]
        for number, net in part.pins.items():
            spot = block.absanchors[f"p{number}"]
            side = "left" if int(number) % 2 else "right"
            if net:
                self.drawing += elements.Dot(open=True, radius=0.06).theta(0).at(spot).label(net, side, fontsize=9)
            else:
                words = "free" if number in ("27", "28") else ""
                self.drawing += elements.NoConnect().theta(0).scale(0.5).at(spot).label(words, side, fontsize=9)

    def lamp(self, index: int, x: float, y: float) -> None:
        lamp = self.table.of("lamp")[index]
        resistor, light = f"R{index + 1}", f"D{index + 1}"
        if index == 0:
            self.title(x - 1.6, y + 2.1, "Lamps")
        if not lamp.base_ohm:
            self.net(x, y, lamp.net)
            end = self.across(elements.Resistor(), x, y, self.name(resistor))
            end = self.across(elements.LED(), end, y, f"{self.name(light)} ({lamp.colour})", 2.6)
            self.wire((end, y), (end + 0.5, y))
            self.net(end + 0.5, y, "GND")
            return
        y -= 1.0
        self.net(x, y, lamp.net)
        end = self.across(elements.Resistor(), x, y, self.name("R5"))
        self.wire((end, y), (end + 1.2, y))
        self.drawing += elements.Dot().at((end + 0.7, y))
        low = self.down(elements.Resistor(), end + 0.7, y, self.name("R6"), side="top")
        self.net(end + 0.7, low, "GND")
        self.drawing += elements.BjtNpn(circle=True).at((end + 1.2, y)).right().anchor("base")
        transistor = self.drawing.elements[-1]
        top, foot = transistor.absanchors["collector"], transistor.absanchors["emitter"]
        self.net(foot[0], foot[1], "GND")
        self.wire((top[0], top[1]), (top[0], top[1] + 0.3), (top[0] + 0.8, top[1] + 0.3))
        self.drawing += (
            elements.Label().theta(0).at((top[0] + 0.5, y - 0.2)).label(self.name("Q1"), fontsize=SMALL, halign="left")
        )
        right, level = top[0] + 0.8, top[1] + 0.3
        self.drawing += (
            elements.LED().at((right + 2.6, level)).left().length(2.6)
            .label(f"{self.name(light)} ({lamp.colour})", "top", fontsize=SMALL)
        )  # fmt: skip
        self.drawing += (
            elements.Resistor().at((right + 2.6, level)).right().length(2.0)
            .label(self.name(resistor), fontsize=SMALL)
        )  # fmt: skip
        self.net(right + 4.6, level, lamp.supply)

    def button(self, x: float, y: float) -> None:
        button = self.table.pin("button")
        self.title(x - 1.6, y + 2.9, "Button")
        self.net(x, y, button.net)
        self.wire((x, y), (x + 3.4, y))
        for spot in (x + 1.2, x + 2.9):
            self.drawing += elements.Dot().at((spot, y))
        top = y + 1.9
        self.drawing += (
            elements.Resistor().at((x + 1.2, y)).up().length(1.9).label(self.name("R7"), "bottom", fontsize=SMALL)
        )
        self.net(x + 1.2, top, self.parts["R7"].pins["1"])
        low = self.down(elements.Capacitor(), x + 2.9, y, self.name("C6"))
        self.net(x + 2.9, low, "GND")
        end = self.across(elements.Resistor(), x + 3.4, y, self.name("R8"))
        end = self.across(elements.Button(), end, y, self.name("SW1"), 2.4)
        self.wire((end, y), (end + 0.4, y))
        self.net(end + 0.4, y, "GND")

    def power(self, x: float, y: float) -> None:
        self.title(x - 1.6, y + 1.3, "Supercapacitor or UPS (optional)")
        self.net(x, y, "POWER_FAIL")
        end = self.across(elements.Resistor(), x, y, self.name("R11"))
        self.net(end, y, "UPS_FAIL", "right")
        self.connector("J3", end + 4.6, y + 0.9, -1)

    def connector(self, ref: str, x: float, y: float, side: int) -> None:
        """A box with one numbered lead per pin, its net at the end."""
        part = self.parts[ref]
        where = "left" if side < 0 else "right"
        numbers = sorted(part.pins, key=int)
        pins = [
            elements.IcPin(pin=number, side="L" if side < 0 else "R", anchorname=f"p{number}", pinlblsize=SMALL)
            for number in reversed(numbers)
        ]
        height = 0.8 * len(numbers) + 0.3
        block = elements.Ic(pins=pins, size=(1.5, height), pinspacing=0.8, leadlen=0.5).at((x, y - height)).theta(0)
        self.drawing += block.label(f"{ref} {part.value}", "top", fontsize=SMALL)
        placed = self.drawing.elements[-1]
        for number in numbers:
            self.end(placed.absanchors[f"p{number}"], part.pins[number], where)

    def end(self, spot: Any, net: str, side: str) -> None:
        if net:
            self.drawing += elements.Dot(open=True, radius=0.06).theta(0).at(spot).label(net, side, fontsize=9)
        else:
            self.drawing += elements.NoConnect().theta(0).scale(0.5).at(spot)

    def chip(self, ref: str, x: float, y: float, left: list[str], right: list[str], names: dict[str, str]) -> None:
        part = self.parts[ref]
        rows = max(len(left), len(right))
        sides: tuple[tuple[Literal["L", "R"], list[str]], ...] = (("L", left), ("R", right))
        pins = [
            elements.IcPin(name=names.get(number, ""), pin=number, side=side, anchorname=f"p{number}",
                           slot=f"{rows - row}/{rows}", pinlblsize=9, lblsize=9)
            for side, numbers in sides
            for row, number in enumerate(numbers)
        ]  # fmt: skip
        size = (3.6, 0.85 * rows + 0.3)
        self.drawing += (
            elements.Ic(pins=pins, size=size, leadlen=0.5).at((x, y - size[1])).theta(0)
            .label(f"{ref} {part.value}", "top", fontsize=SMALL)
        )  # fmt: skip
        placed = self.drawing.elements[-1]
        for side, numbers in (("left", left), ("right", right)):
            for number in numbers:
                self.end(placed.absanchors[f"p{number}"], part.pins[number], side)

    def line_driver(self, x: float, y: float) -> None:
        self.title(x - 2.4, y + 10.6, "RS-232 line")
        names = {number: name for name, number in MAX3232.items()}
        self.chip("U1", x, y + 9.4, ["11", "12", "10", "9", "1", "3", "4", "5"],
                  ["14", "13", "7", "8", "2", "6", "16", "15"], names)  # fmt: skip
        for index, ref in enumerate(("C1", "C2", "C3", "C4", "C5")):
            self.upright(ref, x - 1.4 + index * 2.3, y + 0.7)
        for index, ref in enumerate(("R9", "R10")):
            level = y + 8.6 - index * 1.6
            part = self.parts[ref]
            self.net(x + 8.2, level, part.pins["1"])
            end = self.across(elements.Resistor(), x + 8.2, level, self.name(ref))
            self.net(end, level, part.pins["2"], "right")
        self.tvs(x + 7.6, y + 4.9)
        self.connector("J2", x + 14.6, y + 9.4, -1)
        self.drawing += (
            elements.Label()
            .theta(0)
            .at((x + 11.6, y + 0.2))
            .label("DE-9 female, wired as DCE:\nstraight cable to a PC", fontsize=SMALL, halign="left")
        )

    def upright(self, ref: str, x: float, y: float) -> None:
        """A capacitor standing between two nets."""
        part = self.parts[ref]
        top, foot = part.pins["1"], part.pins["2"]
        if top == "GND":
            top, foot = foot, top
        self.net(x, y, top, "top")
        low = self.down(elements.Capacitor(), x, y, self.name(ref), 1.6)
        self.net(x, low, foot, "bottom")

    def tvs(self, x: float, y: float) -> None:
        part = self.parts["D5"]
        for index, number in enumerate(("1", "2")):
            at = x + 1.2 + index * 2.4
            self.net(at, y, part.pins[number], "top")
            self.drawing += elements.DiodeTVS().at((at, y)).down().length(1.9)
            self.wire((at, y - 1.9), (x + 2.4, y - 1.9))
        self.drawing += (
            elements.Label().theta(0).at((x + 2.4, y - 0.95)).label(self.name("D5").replace(" ", "\n"), fontsize=8)
        )
        self.net(x + 2.4, y - 1.9, part.pins["3"])

    def clock(self, x: float, y: float) -> None:
        self.title(x - 2.4, y + 7.0, "Clock (optional)")
        names = {"2": "VCC", "1": "32KHZ", "3": "INT", "4": "RST", "13": "GND", "14": "VBAT", "15": "SDA", "16": "SCL"}
        names |= {str(number): "NC" for number in range(5, 13)}
        self.chip("U2", x, y + 6.0, ["15", "16", "2", "14", "1", "3"], ["13", "4", "5", "6", "7", "8"], names)
        self.drawing += (
            elements.Label()
            .theta(0)
            .at((x + 0.2, y - 0.05))
            .label("pins 9-12 (NC) to GND like 5-8", fontsize=9, halign="left")
        )
        self.upright("C7", x + 7.6, y + 4.6)
        part = self.parts["BT1"]
        self.net(x + 10.4, y + 4.6, part.pins["1"], "top")
        self.drawing += (
            elements.BatteryCell()
            .at((x + 10.4, y + 3.0))
            .up()
            .length(1.6)
            .label(self.name("BT1"), "bottom", fontsize=SMALL)
        )
        self.net(x + 10.4, y + 3.0, part.pins["2"], "bottom")
