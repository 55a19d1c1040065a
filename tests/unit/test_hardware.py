"""The hardware folder: one pin table, and everything else follows from it."""

import csv
import dataclasses
import io
import xml.etree.ElementTree as ElementTree
from collections import Counter
from typing import Any

import pytest

from appliance import pins
from appliance.settings.schema import Panel
from hardware.generate import cables, label
from hardware.generate.circuit import Part, nets, parts
from hardware.generate.everything import outputs
from hardware.generate.pdf import from_svg
from hardware.generate.table import ROOT, Pin, Table, board, complaints, lamp_current_ma, load, pin_current_ma
from hardware.kicad.make_schematic import parse

TABLE = load()
PARTS = parts(TABLE)
BY_REF = {part.ref: part for part in PARTS}
MADE = outputs()
SVG = "{http://www.w3.org/2000/svg}"


def texts(path: str) -> list[str]:
    """All words on a drawing as it lies in the folder."""
    root = ElementTree.parse(ROOT.parent / path).getroot()
    found = []
    for element in root.iter(f"{SVG}text"):
        spans = [span.text or "" for span in element.iter(f"{SVG}tspan")]
        found.append(" ".join(spans) if spans else element.text or "")
    return found


def bom(variant: str) -> list[dict[str, str]]:
    with (ROOT / "out/bom.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["variant"] == variant]


def changed(signal: str, **columns: Any) -> Table:
    rows = tuple(dataclasses.replace(pin, **columns) if pin.signal == signal else pin for pin in TABLE.pins)
    return dataclasses.replace(TABLE, pins=rows)


# -- the table itself


def test_the_table_breaks_no_rule() -> None:
    assert complaints(TABLE) == []


@pytest.mark.parametrize(
    ("signal", "columns", "words"),
    [
        ("queue", {"bcm": 17, "header": 11}, "BCM 17 is used 2 times"),
        ("queue", {"header": 12}, "GPIO 27 is not on header pin 12"),
        ("system", {"bcm": 8, "header": 24}, "pulled up in reset"),
        ("button", {"bcm": 0, "header": 27}, "GPIO 0 is forbidden"),
        ("button", {"bcm": 1, "header": 28}, "GPIO 1 is forbidden"),
        ("button", {"bcm": 2, "header": 3}, "GPIO 2 is forbidden"),
        ("bounce", {"bcm": 14, "header": 8}, "GPIO 14 is forbidden"),
        ("bounce", {"bcm": 15, "header": 10}, "GPIO 15 is forbidden"),
        ("system", {"resistor_ohm": 220}, "mA is outside"),
        ("system", {"resistor_ohm": 1000}, "mA is outside"),
        ("activity", {"base_ohm": 0}, "5 V and a transistor"),
        ("activity", {"base_ohm": 220}, "more current than the pin gives"),
        ("activity", {"base_ohm": 100000}, "does not saturate"),
        ("system", {"active": "low"}, "active high"),
    ],
)
def test_a_table_that_breaks_a_rule_is_told_so(signal: str, columns: dict[str, Any], words: str) -> None:
    assert any(words in complaint for complaint in complaints(changed(signal, **columns)))


def test_lamp_currents_are_those_of_ohms_law() -> None:
    assert lamp_current_ma(TABLE, TABLE.pin("system")) == pytest.approx((1.1 / 0.47, 1.4 / 0.47))
    assert lamp_current_ma(TABLE, TABLE.pin("activity")) == pytest.approx((1.7 / 0.75, 2.25 / 0.75))
    assert pin_current_ma(TABLE, TABLE.pin("activity")) == pytest.approx(0.27)


# -- everything follows from it


@pytest.mark.parametrize("path", MADE)
def test_the_generated_file_is_up_to_date(path: str) -> None:
    assert (ROOT.parent / path).read_bytes() == MADE[path], "run `make hardware`"


def test_generating_twice_gives_the_same() -> None:
    assert outputs() == MADE


def test_the_package_and_the_shipped_settings_have_the_same_pins() -> None:
    def row(pin: Pin | pins.Pin) -> tuple[object, ...]:
        return pin.signal, pin.kind, pin.bcm, pin.header, pin.direction, pin.active, pin.colour

    assert [row(pin) for pin in pins.PINS] == [row(pin) for pin in TABLE.pins]
    names = [field.name for field in dataclasses.fields(Panel) if field.name.endswith("_gpio")]
    shipped = {name.removesuffix("_gpio"): getattr(Panel(), name) for name in names}
    assert shipped == {pin.signal: pin.bcm for pin in TABLE.pins if pin.kind in ("lamp", "button")}


def test_the_net_list_joins_each_signal_to_its_header_pin() -> None:
    lines = dict(line.split(": ", 1) for line in (ROOT / "out/netlist.txt").read_text().splitlines())
    for pin in TABLE.pins:
        assert f"J1.{pin.header}" in lines[pin.net].split()
    used = [node for nodes in lines.values() for node in nodes.split()]
    assert max(Counter(used).values()) == 1
    assert "J1.27" not in used
    assert "J1.28" not in used


def test_each_net_joins_at_least_two_pins() -> None:
    assert [net for net, nodes in nets(PARTS).items() if len(nodes) < 2] == []
    assert max(Counter(part.ref for part in PARTS).values()) == 1


def through(ref: str, net: str) -> str:
    """The net at the other end of a part with two pins."""
    return next(other for other in BY_REF[ref].pins.values() if other != net)


def test_each_lamp_has_its_resistor_and_the_right_polarity() -> None:
    for index, lamp in enumerate(TABLE.of("lamp"), 1):
        cathode, anode = BY_REF[f"D{index}"].pins["1"], BY_REF[f"D{index}"].pins["2"]
        feed = through(f"R{index}", anode)
        assert feed == (lamp.supply if lamp.base_ohm else lamp.net)
        assert cathode == (BY_REF["Q1"].pins["3"] if lamp.base_ohm else "GND")
        assert BY_REF[f"R{index}"].value == f"{lamp.resistor_ohm}R"


def test_the_socket_is_wired_as_dce() -> None:
    chip, socket = BY_REF["U1"].pins, BY_REF["J2"].pins
    assert chip["11"] == "TXD"
    assert chip["12"] == "RXD"
    assert through("R9", chip["14"]) == socket["2"]
    assert through("R10", chip["13"]) == socket["3"]
    assert {socket["2"], socket["3"], "GND"} == set(BY_REF["D5"].pins.values())
    assert socket["5"] == "GND"


def test_the_schematic_shows_each_part_and_each_net() -> None:
    shown = Counter(texts("hardware/out/schematic.svg"))
    joined = " | ".join(shown)
    for part in PARTS:
        name = f"{part.ref}  {part.value}" if part.ref == "J1" else f"{part.ref} {part.value}"
        assert name in joined, name
    for pin in TABLE.pins:
        assert shown[f"GPIO{pin.bcm}"] == 1
        assert shown[pin.net] >= 2  # at the header and where it is used
    leads = {"GND"}
    inside = {f"{lamp.net}{end}" for lamp in TABLE.of("lamp") for end in ("_A", "_K", "_B")} | {"BUTTON_SW"}
    assert [net for net in nets(PARTS) if net not in leads | inside and not shown[net]] == []


def test_the_bill_has_every_part_and_its_total() -> None:
    for variant in ("board", "breadboard"):
        *rows, total = bom(variant)
        assert sum(float(row["total_usd"]) for row in rows) == pytest.approx(float(total["total_usd"]))
        for row in rows:
            assert float(row["total_usd"]) == pytest.approx(int(row["quantity"]) * float(row["unit_usd"]))
            assert row["mpn"]
    listed = [ref for row in bom("board") for ref in row["references"].split()]
    assert sorted(listed) == sorted(BY_REF)
    by_ref = {ref: row["what"] for row in bom("board") for ref in row["references"].split()}
    for index, lamp in enumerate(TABLE.of("lamp"), 1):
        assert lamp.colour in by_ref[f"D{index}"]
        assert f" {lamp.resistor_ohm} ohm" in by_ref[f"R{index}"]


def test_the_label_has_each_lamp_at_its_place_with_its_words() -> None:
    root = ElementTree.parse(ROOT / "out/lid-label.svg").getroot()
    circles = [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in root.iter(f"{SVG}circle")]
    place = board()
    assert circles == [tuple(place["lamps"][lamp.signal]) for lamp in TABLE.of("lamp")] + [tuple(place["button"])]
    left, top, width, height = place["label"]["area"]
    assert root.attrib["width"] == f"{width:g}mm"
    assert root.attrib["viewBox"] == f"{left:g} {top:g} {width:g} {height:g}"  # one unit is one millimetre
    shown = texts("hardware/out/lid-label.svg")
    names = [words for words in shown if words.lower() in {lamp.signal for lamp in TABLE.lamps}]
    assert names == [pin.signal.upper() for pin in TABLE.of("lamp")]
    joined = " ".join(shown)
    for lamp in TABLE.lamps:
        for words in (lamp.off, lamp.steady, lamp.blink, lamp.flash, *lamp.code):
            assert words in joined


def test_the_label_carries_the_code_of_the_page() -> None:
    import segno

    matrix = [list(row) for row in segno.make(label.URL, error="m", micro=False).matrix]
    root = ElementTree.parse(ROOT / "out/lid-label.svg").getroot()
    step = 14 / len(matrix)
    left, top = board()["label"]["area"][0] + 3, 12
    dark = {
        (round((float(each.attrib["y"]) - top) / step), round((float(each.attrib["x"]) - left) / step))
        for each in root.iter(f"{SVG}rect")
        if float(each.attrib["width"]) == pytest.approx(step * 1.01, abs=0.002)
        and float(each.attrib["height"]) == pytest.approx(step * 1.01, abs=0.002)
    }
    assert dark == {(y, x) for y, row in enumerate(matrix) for x, module in enumerate(row) if module}


def test_a_rollover_cable_rolls_over() -> None:
    rollover = next(cable for cable in cables.load() if cable.name == "rj45-rollover")
    for _, _, contacts in rollover.wires:
        server, adapter = contacts.split(" / ")
        assert int(server) + int(adapter) == 9


def test_the_straight_cable_is_straight_and_the_null_modem_crosses() -> None:
    kinds = {cable.name: {(one, two) for one, _, two in cable.wires} for cable in cables.load()}
    assert all(one == two for one, two in kinds["rs232-straight"])
    assert {("2", "3"), ("3", "2"), ("5", "5")} <= kinds["rs232-null-modem"]


def test_a_shape_that_the_pdf_cannot_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="ellipse"):
        from_svg(f'<svg xmlns="{SVG[1:-1]}" width="1mm" viewBox="0 0 1 1"><ellipse style="fill:red"/></svg>', "x")


def test_a_part_on_the_drawing_only_is_missed_in_the_bill() -> None:
    from hardware.generate.bom import csv_text

    with pytest.raises(KeyError):
        csv_text([*PARTS, Part("X1", "unknown", "?", {"1": "GND"})])
    assert io.StringIO(csv_text(PARTS)).readline().startswith("variant,references")


# -- the KiCad project as it lies in the folder (ERC and DRC: `make hardware-board`)

KICAD = ROOT / "kicad/outbox-hat/outbox-hat"


def children(tree: list[Any], kind: str) -> list[list[Any]]:
    return [each for each in tree if isinstance(each, list) and each and each[0] == kind]


def words(tree: list[Any]) -> dict[str, str]:
    """Properties of a symbol or footprint."""
    return {each[1].strip('"'): each[2].strip('"') for each in children(tree, "property")}


def test_the_kicad_schematic_is_up_to_date() -> None:
    sheet = parse(KICAD.with_suffix(".kicad_sch").read_text())
    symbols = {words(each)["Reference"]: words(each) for each in children(sheet, "symbol")}
    flags = {ref for ref in symbols if ref.startswith("#FLG")}
    assert {ref: symbols[ref]["Value"] for ref in symbols.keys() - flags} == {part.ref: part.value for part in PARTS}
    assert {each[1].strip('"') for each in children(sheet, "global_label")} == set(nets(PARTS))


def test_the_kicad_board_joins_what_the_net_list_joins() -> None:
    plate = parse(KICAD.with_suffix(".kicad_pcb").read_text())
    found: dict[str, set[tuple[str, str]]] = {}
    for footprint in children(plate, "footprint"):
        ref = words(footprint)["Reference"]
        for pad in children(footprint, "pad"):
            for net in children(pad, "net"):
                found.setdefault(net[2].strip('"'), set()).add((ref, pad[1].strip('"')))
    joined = {net: nodes for net, nodes in found.items() if not net.startswith("unconnected-")}
    assert joined == {net: set(nodes) for net, nodes in nets(PARTS).items()}


def test_the_kicad_board_has_lamps_and_button_where_the_lid_has_its_holes() -> None:
    plate = parse(KICAD.with_suffix(".kicad_pcb").read_text())
    place = board()
    wanted = {f"D{index}": place["lamps"][lamp.signal] for index, lamp in enumerate(TABLE.of("lamp"), 1)}
    for footprint in children(plate, "footprint"):
        ref = words(footprint)["Reference"]
        if ref in wanted:
            x, y = (float(word) for word in children(footprint, "at")[0][1:3])
            assert (x - 100 + 2.54 / 2, y - 80) == pytest.approx(wanted.pop(ref))  # contact 1 lies half a pitch left
    assert wanted == {}
