"""Writes the KiCad board: outline of a HAT, parts at their places, tracks from router.py, ground on both layers.

Runs in the chroot with KiCad's own Python module. Raises router.Unroutable when the parts are placed too tightly.
"""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any, Final

import pcbnew

from hardware.generate.table import board as board_places
from hardware.kicad.project import FOLDER, NAME, Item, identity, items
from hardware.kicad.router import VIA, Board, Pad, route

FOOTPRINTS: Final = "/usr/share/kicad/footprints"
ORIGIN: Final = (100.0, 80.0)  # of the board on KiCad's sheet
WIDTHS: Final = {"5V": 0.8, "3V3": 0.4, "GND": 0.4}
DE9_EDGE: Final = 2.84 + 7.70  # from its first row of contacts to the edge of the board


def at(x: float, y: float) -> Any:
    return pcbnew.VECTOR2I_MM(ORIGIN[0] + x, ORIGIN[1] + y)


def spot(vector: Any) -> tuple[float, float]:
    return pcbnew.ToMM(vector.x) - ORIGIN[0], pcbnew.ToMM(vector.y) - ORIGIN[1]


class Layout:
    """The board while it is made."""

    def __init__(self) -> None:
        self.places = board_places()
        self.board = pcbnew.NewBoard(str(FOLDER / f"{NAME}.kicad_pcb"))
        self.nets: dict[str, Any] = {}
        settings = self.board.GetDesignSettings()
        settings.m_MinResolvedSpokes = 1
        settings.m_CopperEdgeClearance = pcbnew.FromMM(0.3)
        settings.m_TrackMinWidth = pcbnew.FromMM(0.2)

    def net(self, name: str) -> Any:
        if name not in self.nets:
            self.nets[name] = pcbnew.NETINFO_ITEM(self.board, name)
            self.board.Add(self.nets[name])
        return self.nets[name]

    def outline(self) -> None:
        """A rectangle with round corners and the four holes."""
        width, height = self.places["outline"]["size"]
        corner = self.places["outline"]["corner"]
        bend = corner * (1 - math.sqrt(0.5))
        for start, end in (
            ((corner, 0), (width - corner, 0)), ((width, corner), (width, height - corner)),
            ((width - corner, height), (corner, height)), ((0, height - corner), (0, corner)),
        ):  # fmt: skip
            self._edge().SetStart(at(*start))
            self._last.SetEnd(at(*end))
        for start, middle, end in (
            ((0, corner), (bend, bend), (corner, 0)),
            ((width - corner, 0), (width - bend, bend), (width, corner)),
            ((width, height - corner), (width - bend, height - bend), (width - corner, height)),
            ((corner, height), (bend, height - bend), (0, height - corner)),
        ):
            self._edge().SetShape(pcbnew.SHAPE_T_ARC)
            self._last.SetArcGeometry(at(*start), at(*middle), at(*end))
        for index, hole in enumerate(self.places["outline"]["holes"], 1):
            footprint = self._load("MountingHole:MountingHole_2.7mm", f"H{index}")
            footprint.SetPosition(at(*hole))
            footprint.SetAttributes(
                pcbnew.FP_BOARD_ONLY | pcbnew.FP_EXCLUDE_FROM_BOM | pcbnew.FP_EXCLUDE_FROM_POS_FILES
            )
            footprint.Reference().SetVisible(False)
            footprint.Value().SetVisible(False)

    def _edge(self) -> Any:
        self._last = pcbnew.PCB_SHAPE(self.board, pcbnew.SHAPE_T_SEGMENT)
        self._last.SetLayer(pcbnew.Edge_Cuts)
        self._last.SetWidth(pcbnew.FromMM(0.1))
        self.board.Add(self._last)
        return self._last

    def _load(self, name: str, ref: str) -> Any:
        library, short = name.split(":")
        footprint = pcbnew.FootprintLoad(f"{FOOTPRINTS}/{library}.pretty", short)
        footprint.SetFPID(pcbnew.LIB_ID(library, short))
        footprint.SetReference(ref)
        self.board.Add(footprint)
        return footprint

    def part(self, item: Item) -> None:
        """Load, connect, place."""
        footprint = self._load(item.footprint, item.part.ref)
        footprint.SetValue(item.part.value)
        footprint.SetField("Description", item.part.note)
        next(field for field in footprint.GetFields() if field.GetName() == "Description").SetVisible(False)
        footprint.SetPath(pcbnew.KIID_PATH(f"/{identity(item.part.ref)}"))
        opened = _open_names(item)
        for pad in footprint.Pads():
            if pad.GetNumber():
                pad.SetNet(self.net(item.part.pins[pad.GetNumber()] or opened[pad.GetNumber()]))
        if item.part.ref == "J1":
            self._header(footprint)
        elif item.part.ref == "J2":
            footprint.SetOrientationDegrees(-90)
            footprint.SetPosition(at(DE9_EDGE, self.places["de9"]["centre_y"] + 2 * 2.77))
        else:
            self._middle(footprint, item)
        _name(footprint, item)

    def _header(self, footprint: Any) -> None:
        """On the underside, contact 1 at the left of the inner row, as on every HAT."""
        footprint.Flip(footprint.GetPosition(), pcbnew.FLIP_DIRECTION_LEFT_RIGHT)
        left = 32.5 - 9.5 * 2.54
        for angle in (0, 90, 180, 270):
            footprint.SetOrientationDegrees(angle)
            footprint.SetPosition(at(left, 3.5 + 1.27))
            two, three = (spot(footprint.FindPadByNumber(number).GetPosition()) for number in ("2", "3"))
            if math.dist(two, (left, 3.5 - 1.27)) < 0.01 and math.dist(three, (left + 2.54, 3.5 + 1.27)) < 0.01:
                return
        raise ValueError("no way to turn the header")

    def _middle(self, footprint: Any, item: Item) -> None:
        ref = item.part.ref
        if ref.startswith("D") and item.part.kind.startswith("lamp"):
            (x, y), angle = self.places["lamps"][item.part.value.lower()], 0.0
        elif ref == "SW1":
            (x, y), angle = self.places["button"], 0.0
        else:
            assert item.place is not None, ref
            x, y, angle = item.place
        footprint.SetOrientationDegrees(angle)
        footprint.SetPosition(at(x, y))
        spots = [spot(pad.GetPosition()) for pad in footprint.Pads()]
        middle = [(min(values) + max(values)) / 2 for values in zip(*spots, strict=True)]
        footprint.SetPosition(at(2 * x - middle[0], 2 * y - middle[1]))

    def pads(self) -> list[Pad]:
        """All pads and holes for the router."""
        made = []
        for footprint in self.board.GetFootprints():
            for pad in footprint.Pads():
                box = pad.GetBoundingBox()
                x, y = spot(box.GetCenter())
                width, height = pcbnew.ToMM(box.GetWidth()), pcbnew.ToMM(box.GetHeight())
                hole = pad.GetAttribute() in (pcbnew.PAD_ATTRIB_PTH, pcbnew.PAD_ATTRIB_NPTH)
                layers = (0, 1) if hole else (0,) if pad.IsOnLayer(pcbnew.F_Cu) else (1,)
                name = pad.GetNetname()
                free = pad.GetAttribute() == pcbnew.PAD_ATTRIB_NPTH
                made.append(Pad("" if free else name, x, y, width + 0.2 * free, height + 0.2 * free, layers))
        return made

    def copper(self) -> None:
        """Tracks, vias and the ground areas."""
        width, height = self.places["outline"]["size"]
        plan = Board(width, height, self.pads(), WIDTHS)
        route(plan)
        layers = (pcbnew.F_Cu, pcbnew.B_Cu)
        for track in plan.tracks:
            piece = pcbnew.PCB_TRACK(self.board)
            piece.SetStart(at(*track.start))
            piece.SetEnd(at(*track.end))
            piece.SetWidth(pcbnew.FromMM(track.width))
            piece.SetLayer(layers[track.layer])
            piece.SetNet(self.net(track.net))
            self.board.Add(piece)
        for via in plan.vias:
            hole = pcbnew.PCB_VIA(self.board)
            hole.SetPosition(at(via.x, via.y))
            hole.SetWidth(pcbnew.F_Cu, pcbnew.FromMM(VIA))
            hole.SetDrill(pcbnew.FromMM(0.3))
            hole.SetNet(self.net(via.net))
            self.board.Add(hole)
        for layer in layers:
            self._ground(layer, width, height)

    def _ground(self, layer: int, width: float, height: float) -> None:
        zone = pcbnew.ZONE(self.board)
        zone.SetLayer(layer)
        zone.SetNet(self.net("GND"))
        zone.SetLocalClearance(pcbnew.FromMM(0.25))
        zone.SetMinThickness(pcbnew.FromMM(0.25))
        zone.SetThermalReliefGap(pcbnew.FromMM(0.3))
        zone.SetThermalReliefSpokeWidth(pcbnew.FromMM(0.4))
        zone.SetIslandRemovalMode(pcbnew.ISLAND_REMOVAL_MODE_ALWAYS)
        corners = pcbnew.SHAPE_LINE_CHAIN()
        for x, y in ((0.4, 0.4), (width - 0.4, 0.4), (width - 0.4, height - 0.4), (0.4, height - 0.4)):
            corners.Append(at(x, y))
        corners.SetClosed(True)
        zone.AddPolygon(corners)
        self.board.Add(zone)

    def words(self) -> None:
        """The names of the lamps beside them, and what this is."""
        refs = {item.part.value.lower(): item.part.ref for item in items() if item.part.kind.startswith("lamp")}
        notes = [
            (f"{refs[name]} {name.upper()}", x + 1.4, y - 4.0, 1.0) for name, (x, y) in self.places["lamps"].items()
        ]
        notes += [("SW1", self.places["button"][0], self.places["button"][1] - 4.0, 1.0)]
        notes += [("Outbox HAT", 42.5, 9.6, 1.2), ("CERN-OHL-P-2.0", 42.5, 11.8, 0.8)]
        notes += [(words, 59.2, 12.19 + 2.54 * row, 0.8) for row, words in enumerate(("5V", "GND", "FAIL", "3V3"))]
        for words, x, y, size in notes:
            text = pcbnew.PCB_TEXT(self.board)
            text.SetText(words)
            text.SetPosition(at(x, y))
            text.SetLayer(pcbnew.F_SilkS)
            text.SetTextSize(pcbnew.VECTOR2I_MM(size, size))
            text.SetTextThickness(pcbnew.FromMM(0.15))
            self.board.Add(text)


def _open_names(item: Item) -> dict[str, str]:
    """KiCad's own names for the nets of open pins."""
    from hardware.kicad.make_schematic import pin_names, symbol

    names = pin_names(symbol(item.symbol))
    return {
        number: f"unconnected-({item.part.ref}-" + (f"{name}-" if name else "") + f"Pad{number})"
        for number, name in names.items()
        if not item.part.pins[number]
    }


def _name(footprint: Any, item: Item) -> None:
    """Small references that read upright beside the small parts; values hidden, lamps and button named in words."""
    reference = footprint.Reference()
    reference.SetTextSize(pcbnew.VECTOR2I_MM(0.8, 0.8))
    reference.SetTextThickness(pcbnew.FromMM(0.12))
    footprint.Value().SetVisible(False)
    if item.part.ref == "SW1" or item.part.kind.startswith("lamp"):
        reference.SetVisible(False)
    elif item.part.ref == "J2":
        reference.SetTextAngleDegrees(0)
        reference.SetPosition(at(7.0, 45.0))
    elif item.place and item.part.ref[0] in "RCQD":
        x, y, angle = item.place
        reference.SetTextAngleDegrees(0)
        reference.SetPosition(at(x, y - 2.6) if angle else at(x + 3.2, y))


def _settle(path: Path) -> None:
    """The same board, the same file: KiCad sorts by identities drawn by lot, here by content; then they are counted."""
    head, *blocks = re.split(r"(?m)^(?=\t\()", path.read_text().removesuffix(")\n"))
    first = next(index for index, block in enumerate(blocks) if block.startswith("\t(footprint"))
    fixed = blocks[:first] + sorted(blocks[first:], key=lambda block: re.sub(r'\(uuid "[^"]*"\)', "", block))
    numbers = itertools.count()
    text = "".join([head, *fixed, ")\n"])
    path.write_text(re.sub(r'\(uuid "[^"]*"\)', lambda _: f'(uuid "{identity(f"board {next(numbers)}")}")', text))


def main() -> None:
    layout = Layout()
    layout.outline()
    for item in items():
        layout.part(item)
    layout.copper()
    layout.words()
    path = str(FOLDER / f"{NAME}.kicad_pcb")
    pcbnew.SaveBoard(path, layout.board)
    board = pcbnew.LoadBoard(path)  # with the project's rules, which filling obeys
    pcbnew.ZONE_FILLER(board).Fill(board.Zones())
    pcbnew.SaveBoard(path, board)
    _settle(Path(path))


if __name__ == "__main__":
    main()
