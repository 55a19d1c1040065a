"""Writes the KiCad schematic and project files: each part with a global label on every pin.

Symbols are copied from the libraries of the KiCad installation. Raises KeyError when one is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hardware.kicad.project import FOLDER, NAME, Item, identity, items

LIBRARIES: Final = Path("/usr/share/kicad/symbols")
GRID: Final = 2.54
COLUMNS: Final = {"J1": (60.96, 106.68), "U1": (177.8, 63.5), "U2": (177.8, 132.08), "J2": (287.02, 63.5),
                  "J3": (287.02, 116.84)}  # fmt: skip
DRIVEN: Final = ("3V3", "5V", "GND", "VBAT")  # power that comes in through a connector or from the cell
Tree = list[Any]


def parse(text: str) -> Tree:
    """An s-expression as nested lists; strings keep their quotes."""
    stack: list[Tree] = [[]]
    for word in re.findall(r'"(?:[^"\\]|\\.)*"|[()]|[^\s()]+', text):
        if word == "(":
            stack.append([])
        elif word == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    first: Tree = stack[0][0]
    return first


def dump(tree: Any, depth: int = 0) -> str:
    if not isinstance(tree, list):
        return str(tree)
    if not any(isinstance(each, list) for each in tree):
        return "(" + " ".join(str(each) for each in tree) + ")"
    inside = "".join(
        f"\n{'  ' * (depth + 1)}{dump(each, depth + 1)}" if isinstance(each, list) else f" {each}" for each in tree[1:]
    )
    return f"({tree[0]}{inside})"


def symbol(name: str) -> Tree:
    """The library symbol, whole (a derived one gets its parent's drawing), named LIBRARY:SYMBOL."""
    library, short = name.split(":")
    found = {each[1]: each for each in parse((LIBRARIES / f"{library}.kicad_sym").read_text()) if each[0] == "symbol"}
    tree = found[f'"{short}"']
    parent = next((each[1] for each in tree if each[0] == "extends"), None)
    if parent:
        own = {each[1]: each for each in tree if each[0] == "property"}
        base = found[parent]
        text = dump(base).replace(f'"{parent[1:-1]}_', f'"{short}_')
        tree = [own.get(each[1], each) if each[0] == "property" else each for each in parse(text)]
    tree = list(tree)
    tree[1] = f'"{name}"'
    return tree


def pins(tree: Tree) -> Iterator[tuple[str, float, float, int]]:
    """(number, x, y, angle) of each pin, in the symbol's own coordinates (y up)."""
    for each in tree:
        if isinstance(each, list) and each:
            if each[0] == "symbol":
                yield from pins(each)
            elif each[0] == "pin":
                at = next(part for part in each if part[0] == "at")
                number = next(part for part in each if part[0] == "number")
                yield number[1].strip('"'), float(at[1]), float(at[2]), int(float(at[3]))


def pin_names(tree: Tree) -> dict[str, str]:
    """Pin number -> the name that the symbol gives it ("" for none)."""
    found: dict[str, str] = {}
    for each in tree:
        if isinstance(each, list) and each and each[0] == "symbol":
            found |= pin_names(each)
        elif isinstance(each, list) and each and each[0] == "pin":
            words = {part[0]: part[1].strip('"') for part in each if isinstance(part, list) and len(part) > 1}
            found[words["number"]] = "" if words["name"] == "~" else words["name"]
    return found


def places(all_items: list[Item]) -> dict[str, tuple[float, float]]:
    """Small parts in rows by kind, the big ones at their own place."""
    spots = dict(COLUMNS)
    rest = [item.part.ref for item in all_items if item.part.ref not in spots]
    for index, ref in enumerate(
        sorted(rest, key=lambda ref: (ref.rstrip("0123456789"), int(ref.lstrip("RCDQUSWBTJ"))))
    ):
        spots[ref] = (60.96 + 30.48 * (index % 10), 175.26 + 35.56 * (index // 10))
    return spots


def placed(item: Item, spot: tuple[float, float], tree: Tree) -> list[str]:
    """The symbol and the labels on its pins."""
    part, (x, y) = item.part, spot
    key = identity(part.ref)
    tall = max((abs(py) for _, _, py, _ in pins(tree)), default=0) + 3.81
    above = y - tall - (5.08 if part.ref in ("U1", "U2") else 0)
    beside = part.ref[0] in "RCBQ" or part.ref == "D5"
    (nx, ny), (vx, vy) = ((x + 5.08, y - 1.27), (x + 5.08, y + 1.27)) if beside else ((x, above), (x, above - 2.54))
    fields = [
        ("Reference", part.ref, nx, ny), ("Value", part.value, vx, vy),
        ("Footprint", item.footprint, x, y), ("Datasheet", "", x, y), ("Description", part.note, x, y),
    ]  # fmt: skip
    rows = [
        f'(symbol (lib_id "{item.symbol}") (at {x:g} {y:g} 0) (unit 1) (exclude_from_sim no) (in_bom yes)'
        f' (on_board yes) (dnp no) (uuid "{key}")'
    ]
    for name, value, fx, fy in fields:
        justify = " (justify left)" if beside else ""
        hide = "" if name in ("Reference", "Value") else " (hide yes)"
        rows.append(
            f'  (property "{name}" "{value}" (at {fx:g} {fy:g} 0) (effects (font (size 1.27 1.27)){justify}{hide}))'
        )
    rows += [f'  (pin "{number}" (uuid "{identity(f"{part.ref}.{number}")}"))' for number, *_ in pins(tree)]
    rows.append(f'  (instances (project "{NAME}" (path "/{identity("sheet")}" (reference "{part.ref}") (unit 1)))))')
    done = set()
    for number, px, py, angle in pins(tree):
        net, at = part.pins[number], (round(x + px, 2), round(y - py, 2))
        if (net, at) not in done:
            rows.append(_end(f"{part.ref}.{number}", net, at, (angle + 180) % 360))
            done.add((net, at))
    return rows


def _end(key: str, net: str, at: tuple[float, float], angle: int) -> str:
    x, y = at
    if not net:
        return f'(no_connect (at {x:g} {y:g}) (uuid "{identity(key + " open")}"))'
    justify = "right" if angle in (180, 270) else "left"
    return (
        f'(global_label "{net}" (shape passive) (at {x:g} {y:g} {angle}) (effects (font (size 1.27 1.27))'
        f' (justify {justify})) (uuid "{identity(key + " label")}"))'
    )


def _flag(net: str, index: int) -> str:
    """A power flag: this net is fed from outside."""
    x, y = 228.6 + 25.4 * index, 25.4
    ref = f"#FLG0{index + 1}"
    return (
        f'(symbol (lib_id "power:PWR_FLAG") (at {x:g} {y:g} 0) (unit 1) (exclude_from_sim no) (in_bom yes)'
        f' (on_board yes) (dnp no) (uuid "{identity(ref)}")\n'
        f'  (property "Reference" "{ref}" (at {x:g} {y - 2.54:g} 0) (effects (font (size 1.27 1.27)) (hide yes)))\n'
        f'  (property "Value" "PWR_FLAG" (at {x:g} {y - 5.08:g} 0) (effects (font (size 1.27 1.27))))\n'
        f'  (pin "1" (uuid "{identity(ref + ".1")}"))\n'
        f'  (instances (project "{NAME}" (path "/{identity("sheet")}" (reference "{ref}") (unit 1)))))\n'
        + _end(ref + ".1", net, (x, y), 270)
    )


def schematic() -> str:
    """The whole .kicad_sch file."""
    all_items = items()
    names = sorted({item.symbol for item in all_items} | {"power:PWR_FLAG"})
    trees = {name: symbol(name) for name in names}
    spots = places(all_items)
    body = [row for item in all_items for row in placed(item, spots[item.part.ref], trees[item.symbol])]
    body += [_flag(net, index) for index, net in enumerate(DRIVEN)]
    library = "\n".join(dump(trees[name], 2) for name in names)
    return (
        f'(kicad_sch (version 20250114) (generator "outbox") (generator_version "9.0") (uuid "{identity("sheet")}")'
        f' (paper "A3")\n(title_block (title "Outbox HAT") (comment 1 "CERN-OHL-P-2.0; generated from pins.toml"))\n'
        f"(lib_symbols\n{library})\n" + "\n".join(body) + '\n(sheet_instances (path "/" (page "1")))\n)\n'
    )


def _table(kind: str, names: list[str]) -> str:
    folder = {"sym": "${KICAD9_SYMBOL_DIR}/%s.kicad_sym", "fp": "${KICAD9_FOOTPRINT_DIR}/%s.pretty"}[kind]
    rows = "\n".join(
        f'  (lib (name "{name}")(type "KiCad")(uri "{folder % name}")(options "")(descr ""))' for name in names
    )
    return f"({kind}_lib_table\n  (version 7)\n{rows}\n)\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    all_items = items()
    (FOLDER / f"{NAME}.kicad_sch").write_text(schematic())
    symbols = sorted({item.symbol.split(":")[0] for item in all_items} | {"power"})
    footprints = sorted({item.footprint.split(":")[0] for item in all_items} | {"MountingHole"})
    (FOLDER / "sym-lib-table").write_text(_table("sym", symbols))
    (FOLDER / "fp-lib-table").write_text(_table("fp", footprints))
    rules = {"min_clearance": 0.15, "min_track_width": 0.2, "min_copper_edge_clearance": 0.3, "min_resolved_spokes": 1}
    project = {
        "board": {"design_settings": {"rules": rules}},
        "meta": {"filename": f"{NAME}.kicad_pro", "version": 3},
        "net_settings": {
            "classes": [
                {"name": "Default", "clearance": 0.2, "track_width": 0.25, "via_diameter": 0.6, "via_drill": 0.3}
            ],
            "meta": {"version": 4},
        },
        "sheets": [[identity("sheet"), "Root"]],
    }
    (FOLDER / f"{NAME}.kicad_pro").write_text(json.dumps(project, indent=2) + "\n")


if __name__ == "__main__":
    main()
