"""The circuit: every part and the net on each of its pins, built from the pin table.

The schematic, the KiCad project, the net list and the bill of materials are all drawn from this one list. Pin numbers
are those of the package used on the board. A net named "" is a pin left open on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hardware.generate.table import GPIO_HEADER, POWER_HEADER, Table

MAX3232: Final = {
    "C1+": "1", "V+": "2", "C1-": "3", "C2+": "4", "C2-": "5", "V-": "6", "T2OUT": "7", "R2IN": "8", "R2OUT": "9",
    "T2IN": "10", "T1IN": "11", "R1OUT": "12", "R1IN": "13", "T1OUT": "14", "GND": "15", "VCC": "16",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """`kind` is its row in parts.toml; `pins` pin number -> net; `optional` parts may stay unfitted."""

    ref: str
    kind: str
    value: str
    pins: dict[str, str]
    note: str = ""
    optional: bool = False


def ohms(value: int) -> str:
    """A resistance as printed on the drawing: 470R, 10k."""
    return f"{value // 1000}k" if value >= 1000 and value % 1000 == 0 else f"{value}R"


def parts(table: Table) -> list[Part]:
    """All parts, in the order of their references."""
    return [_header(table), *_lamps(table), *_button(table), *_serial(), *_clock(), *_power()]


def nets(all_parts: list[Part]) -> dict[str, list[tuple[str, str]]]:
    """Net -> (reference, pin) of all that it joins, sorted."""
    found: dict[str, list[tuple[str, str]]] = {}
    for part in all_parts:
        for number, net in part.pins.items():
            if net:
                found.setdefault(net, []).append((part.ref, number))
    return {net: sorted(found[net], key=lambda node: (node[0], int(node[1]))) for net in sorted(found)}


def _resistor(ref: str, value: int, one: str, two: str, note: str, optional: bool = False) -> Part:
    return Part(ref, f"resistor-{ohms(value)}", ohms(value), {"1": one, "2": two}, note, optional)


def _capacitor(ref: str, one: str, two: str, note: str, optional: bool = False) -> Part:
    return Part(ref, "capacitor-100n", "100n", {"1": one, "2": two}, note, optional)


def _header(table: Table) -> Part:
    pins = {str(number): "" for number in range(1, 41)}
    for net, numbers in POWER_HEADER.items():
        pins.update({str(number): net for number in numbers})
    for pin in table.pins:
        pins[str(GPIO_HEADER[pin.bcm])] = pin.net
    return Part("J1", "pi-header", "Raspberry Pi", pins, "to the Raspberry Pi; 27 and 28 (HAT EEPROM) stay free")


def _lamps(table: Table) -> list[Part]:
    made = []
    for index, lamp in enumerate(table.of("lamp"), 1):
        anode, name = f"{lamp.net}_A", f"{lamp.signal} lamp"
        cathode = f"{lamp.net}_K" if lamp.base_ohm else "GND"
        feed = lamp.supply if lamp.base_ohm else lamp.net
        made.append(_resistor(f"R{index}", lamp.resistor_ohm, feed, anode, name))
        made.append(Part(f"D{index}", f"lamp-{lamp.colour}", lamp.signal.upper(), {"1": cathode, "2": anode}, name))
        if lamp.base_ohm:
            base = f"{lamp.net}_B"
            made.append(Part("Q1", "transistor", "MMBT3904", {"1": base, "2": "GND", "3": cathode}, name))
            made.append(_resistor("R5", lamp.base_ohm, lamp.net, base, "base of Q1"))
            made.append(_resistor("R6", 100000, base, "GND", "keeps Q1 off while the pin floats"))
    return made


def _button(table: Table) -> list[Part]:
    button = table.pin("button")
    return [
        _resistor("R7", button.resistor_ohm, "3V3", button.net, "pull-up of the button"),
        _resistor("R8", 1000, button.net, "BUTTON_SW", "protects the pin"),
        _capacitor("C6", button.net, "GND", "button bounce"),
        Part("SW1", "button", "BUTTON", {"1": "BUTTON_SW", "2": "GND"}, "front button"),
    ]


def _serial() -> list[Part]:
    levels = {
        "C1+": "CP1P", "C1-": "CP1N", "C2+": "CP2P", "C2-": "CP2N", "V+": "VPLUS", "V-": "VMINUS", "VCC": "3V3",
        "GND": "GND", "T1IN": "TXD", "T1OUT": "TX_232", "R1IN": "RX_232", "R1OUT": "RXD", "T2IN": "GND",
        "T2OUT": "", "R2IN": "", "R2OUT": "",
    }  # fmt: skip
    socket = {"1": "LOOP_DTR", "2": "LINE_TX", "3": "LINE_RX", "4": "LOOP_DTR", "5": "GND", "6": "LOOP_DTR"}
    return [
        Part("U1", "line-driver", "MAX3232E", {MAX3232[name]: net for name, net in levels.items()}, "RS-232 levels"),
        _capacitor("C1", "CP1P", "CP1N", "charge pump"),
        _capacitor("C2", "CP2P", "CP2N", "charge pump"),
        _capacitor("C3", "VPLUS", "GND", "charge pump"),
        _capacitor("C4", "GND", "VMINUS", "charge pump"),
        _capacitor("C5", "3V3", "GND", "supply of U1"),
        _resistor("R9", 100, "TX_232", "LINE_TX", "series, box to terminal"),
        _resistor("R10", 100, "LINE_RX", "RX_232", "series, terminal to box"),
        Part("D5", "tvs", "PESD15VL2BT", {"1": "LINE_TX", "2": "LINE_RX", "3": "GND"}, "clamps the line"),
        Part("J2", "de9", "RS-232", {**socket, "7": "LOOP_RTS", "8": "LOOP_RTS", "9": "", "0": "GND"},
             "DE-9 female, wired as DCE: straight cable to a terminal or PC"),
    ]  # fmt: skip


def _clock() -> list[Part]:
    pins = {"1": "", "2": "3V3", "3": "", "4": "", "13": "GND", "14": "VBAT", "15": "SDA", "16": "SCL"}
    pins |= {str(number): "GND" for number in range(5, 13)}
    return [
        Part("U2", "clock", "DS3231", pins, "keeps the time while the box is off", optional=True),
        _capacitor("C7", "3V3", "GND", "supply of U2", optional=True),
        Part("BT1", "battery", "CR2032", {"1": "VBAT", "2": "GND"}, "for U2", optional=True),
    ]


def _power() -> list[Part]:
    pins = {"1": "5V", "2": "GND", "3": "UPS_FAIL", "4": "3V3"}
    return [
        Part("J3", "ups-header", "UPS", pins, "supercapacitor or UPS board", optional=True),
        _resistor("R11", 1000, "UPS_FAIL", "POWER_FAIL", "protects the pin", optional=True),
    ]
