"""The graph of the last day and the last week: numbers in, the shapes of an SVG and a table out; the template draws.

Two paths for each graph (delivered, not delivered, stacked), so that a week costs a few KB. Pure; nothing raises on
rows that are not counts: they are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from appliance.page.wording import Times, count

WIDTH: Final = 672
HEIGHT: Final = 96


@dataclass(frozen=True, slots=True)
class Graph:
    """`delivered` and `failed` are path data; `marks` (x, text) below the axis; `table` (time, delivered, failed);
    `top` what the full height means."""

    name: str
    title: str
    summary: str
    delivered: str
    failed: str
    marks: list[tuple[int, str]]
    table: list[tuple[str, int, int]]
    top: int
    width: int = WIDTH
    height: int = HEIGHT


def _rows(rows: Any) -> list[tuple[int, int, int]]:
    found = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, list) and len(row) == 3 and all(isinstance(each, int) and 0 <= each < 1e11 for each in row):
            found.append((row[0], row[1], row[2]))
    return found


def _path(places: Sequence[tuple[float, float, float, float]]) -> str:
    """Bars as (x, y, width, height)."""
    return "".join(f"M{x:.1f} {y:.1f}h{w:.1f}v{h:.1f}h-{w:.1f}z" for x, y, w, h in places if h > 0)


def day(data: Any, times: Times) -> Graph:
    """Ten-minute counts of the last 24 hours; a mark every four hours, a table by hours."""
    rows = _rows(data.get("day") if isinstance(data, dict) else None)
    return _graph("day", "last 24 hours", rows, times, 4, "%H:%M", lambda at: f"{times.of(at):%a %H}:00")


def week(data: Any, times: Times) -> Graph:
    """Hourly counts of the last seven days; a mark and a row of the table for each day."""
    rows = _rows(data.get("week") if isinstance(data, dict) else None)
    return _graph("week", "last 7 days", rows, times, 24, "%a", lambda at: f"{times.of(at):%a %-d %b}")


def _graph(
    name: str, span: str, rows: list[tuple[int, int, int]], times: Times, hours: int, form: str, key: Any
) -> Graph:
    most = max((good + bad for _, good, bad in rows), default=0)
    top = max(4, most)  # so that a single message is no tower
    step = WIDTH / max(1, len(rows))
    good_bars, bad_bars, marks = [], [], []
    table: dict[str, tuple[int, int]] = {}
    for place, (at, good, bad) in enumerate(rows):
        x, width = place * step, max(step - 1, 1.0)
        high, low = good * HEIGHT / top, bad * HEIGHT / top
        high, low = (max(high, 2.0) if good else 0.0), (max(low, 2.0) if bad else 0.0)
        good_bars.append((x, HEIGHT - high, width, high))
        bad_bars.append((x, max(0.0, HEIGHT - high - low), width, low))
        moment = times.of(at)
        if moment and moment.minute == 0 and moment.hour % hours == 0:
            marks.append((round(x), format(moment, form)))
        before = table.get(key(at), (0, 0))
        table[key(at)] = before[0] + good, before[1] + bad
    delivered, failed = sum(row[1] for row in rows), sum(row[2] for row in rows)
    summary = f"{count(delivered, 'delivery', 'deliveries')} and {failed} not delivered in the {span}"
    cells = [(label, *counts) for label, counts in table.items()]
    shown = [each for each in marks if each[0] < WIDTH - 20]
    return Graph(name, f"The {span}", summary, _path(good_bars), _path(bad_bars), shown, cells, top)
