"""A drawing sheet in millimetres that becomes SVG: rectangles, lines, circles, texts, QR codes.

The origin is at the top left, y grows downwards. Coordinates are written with three decimals, so the same drawing is
the same file on every machine.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

import segno

FONT = "Helvetica, Arial, sans-serif"


class Sheet:
    """Collects shapes; `svg()` gives the file."""

    def __init__(self, width: float, height: float, left: float = 0, top: float = 0) -> None:
        self.width, self.height, self.left, self.top = width, height, left, top
        self._shapes: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, *, fill: str = "none", stroke: str = "none",
             line: float = 0.2, round_: float = 0) -> None:  # fmt: skip
        self._shapes.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="{_n(round_)}" '
            f'style="fill:{fill};stroke:{stroke};stroke-width:{_n(line)}"/>'
        )

    def line(self, *points: tuple[float, float], stroke: str = "black", line: float = 0.2) -> None:
        path = " L ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._shapes.append(f'<path d="M {path}" style="fill:none;stroke:{stroke};stroke-width:{_n(line)}"/>')

    def circle(self, x: float, y: float, radius: float, *, fill: str = "none", stroke: str = "black",
               line: float = 0.2) -> None:  # fmt: skip
        style = f"fill:{fill};stroke:{stroke};stroke-width:{_n(line)}"
        self._shapes.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" style="{style}"/>')

    def text(self, x: float, y: float, words: str, size: float, *, bold: bool = False, anchor: str = "start",
             fill: str = "black") -> None:  # fmt: skip
        """`y` is the base line, `size` the height of the font, both in mm."""
        weight = ' font-weight="bold"' if bold else ""
        self._shapes.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" font-family="{FONT}" text-anchor="{anchor}" '
            f'fill="{fill}"{weight}>{escape(words)}</text>'
        )

    def qr(self, x: float, y: float, size: float, words: str) -> None:
        """A QR code of `words`, `size` mm wide without its quiet zone."""
        rows = list(segno.make(words, error="m", micro=False).matrix)
        step = size / len(rows)
        for down, row in enumerate(rows):
            for across, dark in enumerate(row):
                if dark:
                    self.rect(x + across * step, y + down * step, step * 1.01, step * 1.01, fill="black")

    def svg(self, title: str) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(self.width)}mm" height="{_n(self.height)}mm" '
            f'viewBox="{_n(self.left)} {_n(self.top)} {_n(self.width)} {_n(self.height)}">\n'
            f"<title>{escape(title)}</title>\n"
        )
        return head + "\n".join(self._shapes) + "\n</svg>\n"


def _n(value: float) -> str:
    """Three decimals at most, never -0."""
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")
