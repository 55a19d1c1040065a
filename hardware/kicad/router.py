"""A small two-layer maze router: joins the pads of each net with tracks on a grid.

Knows rectangles (pads, forbidden areas) and tracks; keeps `CLEARANCE` between different nets. `route` returns all
tracks and vias, or raises Unroutable after it has tried several orders. Millimetres; layer 0 is the top, 1 the bottom.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Final

STEP: Final = 0.2
CLEARANCE: Final = 0.23
VIA: Final = 0.6
VIA_COST: Final = 12.0
EDGE: Final = 0.5
ROUNDS: Final = 40
Cell = tuple[int, int, int]  # layer, column, row


class Unroutable(Exception):
    """No order was found in which all nets fit."""


@dataclass(frozen=True, slots=True)
class Pad:
    """`net` "" = belongs to nobody: keep away."""

    net: str
    x: float
    y: float
    width: float
    height: float
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Track:
    net: str
    layer: int
    start: tuple[float, float]
    end: tuple[float, float]
    width: float


@dataclass(frozen=True, slots=True)
class Via:
    net: str
    x: float
    y: float


@dataclass(slots=True)
class Board:
    """What is on the board so far."""

    width: float
    height: float
    pads: list[Pad]
    widths: dict[str, float]
    tracks: list[Track] = field(default_factory=list)
    vias: list[Via] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        return int(self.width / STEP) + 1, int(self.height / STEP) + 1

    def wide(self, net: str) -> float:
        return self.widths.get(net, 0.25)


def route(board: Board) -> None:
    """Fills `tracks` and `vias`. A net that fails goes first in the next round. Raises Unroutable."""
    order = sorted({pad.net for pad in board.pads if pad.net}, key=lambda net: (_span(board, net), net))
    for _ in range(ROUNDS):
        board.tracks, board.vias = [], []
        failed = next((net for net in order if not _join(board, net)), None)
        if failed is None:
            return
        order.remove(failed)
        order.insert(0, failed)
    raise Unroutable(failed)


def _span(board: Board, net: str) -> float:
    spots = [(pad.x, pad.y) for pad in board.pads if pad.net == net]
    xs, ys = [x for x, _ in spots], [y for _, y in spots]
    return max(xs) - min(xs) + max(ys) - min(ys) + 5 * len(spots)


def _join(board: Board, net: str) -> bool:
    """Grow from the first pad to the nearest other one until all are joined."""
    pads = [pad for pad in board.pads if pad.net == net]
    if len(pads) < 2:
        return True
    closed, no_via = _blocked(board, net)
    homes = [_cells(board, pad) for pad in pads]
    tree: set[Cell] = set(homes[0])
    open_pads = dict(enumerate(homes))
    del open_pads[0]
    while open_pads:
        goal = {cell: index for index, cells in open_pads.items() for cell in cells}
        path = _search(board, tree, goal, closed, no_via)
        if path is None:
            return False
        _lay(board, net, path)
        index = goal[path[-1]]
        tree.update(path)
        tree.update(open_pads.pop(index))
    for pad in pads:
        _reach(board, net, pad)
    return True


def _cells(board: Board, pad: Pad) -> list[Cell]:
    """The grid points that lie well inside a pad, at least the nearest to its middle."""
    middle = (round(pad.x / STEP), round(pad.y / STEP))
    found = [(layer, *middle) for layer in pad.layers]
    across, down = pad.width / 2 - 0.15, pad.height / 2 - 0.15
    for column in range(math.ceil((pad.x - across) / STEP), math.floor((pad.x + across) / STEP) + 1):
        for row in range(math.ceil((pad.y - down) / STEP), math.floor((pad.y + down) / STEP) + 1):
            found += [(layer, column, row) for layer in pad.layers if (column, row) != middle]
    return found


def _blocked(board: Board, net: str) -> tuple[list[bytearray], bytearray]:
    """Per layer the grid points where the middle of a track of this net may not be, and those for a via."""
    columns, rows = board.size
    closed, no_via = [bytearray(columns * rows) for _ in range(2)], bytearray(columns * rows)
    reach, via_reach = CLEARANCE + board.wide(net) / 2, CLEARANCE + VIA / 2
    for grid in closed:
        _stamp_edge(board, grid, reach)
    _stamp_edge(board, no_via, via_reach)
    _stamp_pads(board, net, closed, no_via)
    for track in board.tracks:
        if track.net != net:
            _stamp_line(board, closed[track.layer], track, reach)
            _stamp_line(board, no_via, track, via_reach)
    for via in board.vias:
        box = (via.x, via.y, via.x, via.y)
        _stamp(board, no_via, box, via_reach + VIA / 2)
        if via.net != net:
            for grid in closed:
                _stamp(board, grid, box, reach + VIA / 2)
    return closed, no_via


def _stamp_edge(board: Board, grid: bytearray, reach: float) -> None:
    columns, rows = board.size
    edge = math.ceil((EDGE + reach - CLEARANCE) / STEP)
    for column in range(columns):
        for row in range(rows):
            if not (edge <= column < columns - edge and edge <= row < rows - edge):
                grid[column * rows + row] = 1


def _stamp_pads(board: Board, net: str, closed: list[bytearray], no_via: bytearray) -> None:
    """Tracks keep away from the pads of others, vias from all pads."""
    for pad in board.pads:
        box = (pad.x - pad.width / 2, pad.y - pad.height / 2, pad.x + pad.width / 2, pad.y + pad.height / 2)
        _stamp(board, no_via, box, CLEARANCE + VIA / 2)
        if pad.net != net:
            for layer in pad.layers:
                _stamp(board, closed[layer], box, CLEARANCE + board.wide(net) / 2)


def _stamp(board: Board, grid: bytearray, box: tuple[float, float, float, float], reach: float) -> None:
    columns, rows = board.size
    left, top, right, bottom = box
    for column in range(max(0, math.ceil((left - reach) / STEP)), min(columns - 1, int((right + reach) / STEP)) + 1):
        dx = max(left - column * STEP, 0.0, column * STEP - right)
        for row in range(max(0, math.ceil((top - reach) / STEP)), min(rows - 1, int((bottom + reach) / STEP)) + 1):
            dy = max(top - row * STEP, 0.0, row * STEP - bottom)
            if dx * dx + dy * dy < reach * reach:
                grid[column * rows + row] = 1


def _stamp_line(board: Board, grid: bytearray, track: Track, reach: float) -> None:
    (x1, y1), (x2, y2) = track.start, track.end
    steps = max(1, math.ceil(2 * math.hypot(x2 - x1, y2 - y1) / STEP))
    for index in range(steps + 1):
        x, y = x1 + (x2 - x1) * index / steps, y1 + (y2 - y1) * index / steps
        _stamp(board, grid, (x, y, x, y), reach + track.width / 2)


def _search(
    board: Board, tree: set[Cell], goal: dict[Cell, int], closed: list[bytearray], no_via: bytearray
) -> list[Cell] | None:
    """The cheapest way from the tree to any goal (Dijkstra)."""
    columns, rows = board.size
    cost: dict[Cell, float] = dict.fromkeys(tree, 0.0)
    came: dict[Cell, Cell] = {}
    heap = [(0.0, cell) for cell in sorted(tree)]
    heapq.heapify(heap)
    around = [(dx, dy, math.hypot(dx, dy)) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
    while heap:
        spent, cell = heapq.heappop(heap)
        if spent > cost[cell]:
            continue
        if cell in goal:
            path = [cell]
            while cell in came:
                cell = came[cell]
                path.append(cell)
            return path[::-1]
        layer, column, row = cell
        ways = [((layer, column + dx, row + dy), price) for dx, dy, price in around]
        if not no_via[column * rows + row]:
            ways.append(((1 - layer, column, row), VIA_COST))
        for after, price in ways:
            if not (0 <= after[1] < columns and 0 <= after[2] < rows):
                continue
            if closed[after[0]][after[1] * rows + after[2]]:
                continue
            total = spent + price
            if total < cost.get(after, math.inf):
                cost[after] = total
                came[after] = cell
                heapq.heappush(heap, (total, after))
    return None


def _lay(board: Board, net: str, path: list[Cell]) -> None:
    """Straight pieces of the path become tracks, changes of layer vias."""
    start = path[0]
    for index in range(1, len(path)):
        here, after = path[index], path[index + 1] if index + 1 < len(path) else None
        before = path[index - 1]
        if before[0] != here[0]:
            via = Via(net, here[1] * STEP, here[2] * STEP)
            if via not in board.vias:
                board.vias.append(via)
            start = here
            continue
        turn = after is None or after[0] != here[0] or _way(before, here) != _way(here, after)
        if turn:
            board.tracks.append(Track(net, here[0], _spot(start), _spot(here), board.wide(net)))
            start = here


def _reach(board: Board, net: str, pad: Pad) -> None:
    """From the grid point nearest the middle of a pad to the middle itself, where a track ends there."""
    near = (round(pad.x / STEP) * STEP, round(pad.y / STEP) * STEP)
    for track in list(board.tracks):
        if track.net == net and track.layer in pad.layers:
            for end in (track.start, track.end):
                if math.hypot(end[0] - near[0], end[1] - near[1]) < 1e-6 and end != (pad.x, pad.y):
                    board.tracks.append(Track(net, track.layer, end, (pad.x, pad.y), track.width))
                    return


def _way(one: Cell, two: Cell) -> tuple[int, int]:
    return two[1] - one[1], two[2] - one[2]


def _spot(cell: Cell) -> tuple[float, float]:
    return cell[1] * STEP, cell[2] * STEP
