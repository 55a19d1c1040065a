"""Turns the SVG files made here into PDF: the shapes that sheet.py and schemdraw write, nothing else.

Same SVG, same PDF, byte for byte. Raises ValueError for a shape or path command that it does not know.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from typing import Final

from reportlab.lib.colors import Color, HexColor, toColor
from reportlab.pdfgen.canvas import Canvas

SVG: Final = "{http://www.w3.org/2000/svg}"
UNIT_PT: Final = {"mm": 72 / 25.4, "pt": 1.0, "px": 0.75, "": 0.75}


def from_svg(svg: str, title: str) -> bytes:
    """One page, as large as the SVG says."""
    root = ElementTree.fromstring(svg)
    left, top, width, height = (float(word) for word in root.attrib["viewBox"].split())
    found = re.fullmatch(r"([\d.]+)(\w*)", root.attrib["width"])
    if found is None:
        raise ValueError(root.attrib["width"])
    scale = float(found[1]) * UNIT_PT[found[2]] / width
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(width * scale, height * scale), invariant=1)
    canvas.setTitle(title)
    canvas.scale(scale, scale)
    canvas.translate(-left, height + top)
    for shape in root.iter():
        if shape.tag not in (f"{SVG}svg", f"{SVG}title", f"{SVG}tspan", f"{SVG}g"):
            _draw(canvas, shape)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw(canvas: Canvas, shape: ElementTree.Element) -> None:
    kind = shape.tag.removeprefix(SVG)
    if kind == "text":
        _text(canvas, shape)
        return
    fill, stroke = _paint(canvas, shape)
    value = {key: float(text) for key, text in shape.attrib.items() if re.fullmatch(r"-?[\d.]+", text)}
    if kind == "rect":
        y = -value["y"] - value["height"]
        canvas.roundRect(value["x"], y, value["width"], value["height"], value.get("rx", 0), stroke, fill)
    elif kind == "circle":
        canvas.circle(value["cx"], -value["cy"], value["r"], stroke, fill)
    elif kind == "path":
        _path(canvas, re.findall(r"[A-Za-z]|-?[\d.]+(?:e-?\d+)?", shape.attrib["d"]), stroke, fill)
    elif kind == "polygon":
        _path(canvas, ["M", *re.findall(r"-?[\d.]+", shape.attrib["points"]), "Z"], stroke, fill)
    else:
        raise ValueError(f"shape {kind}")


def _paint(canvas: Canvas, shape: ElementTree.Element) -> tuple[int, int]:
    """Set colours and width; whether to fill and to stroke."""
    style = dict(pair.split(":", 1) for pair in shape.attrib["style"].strip(";").split(";"))
    fill, stroke = style.get("fill", "none"), style.get("stroke", "none")
    if fill != "none":
        canvas.setFillColor(_colour(fill))
    if stroke != "none":
        canvas.setStrokeColor(_colour(stroke))
        canvas.setLineWidth(float(style.get("stroke-width", "1")))
        canvas.setLineCap(1)
        dashes = [float(word) for word in re.findall(r"[\d.]+", style.get("stroke-dasharray", ""))]
        canvas.setDash(dashes)
    return int(fill != "none"), int(stroke != "none")


def _colour(name: str) -> Color:
    colour: Color = HexColor(name) if name.startswith("#") else toColor(name)
    return colour


def _path(canvas: Canvas, words: list[str], stroke: int, fill: int) -> None:
    path = canvas.beginPath()
    command, numbers = "", list[float]()
    for word in words:
        if word.isalpha():
            command, numbers = word, []
            if command == "Z":
                path.close()
            elif command not in "MLC":
                raise ValueError(f"path command {command}")
            continue
        numbers.append(float(word))
        if command == "M" and len(numbers) == 2:
            path.moveTo(numbers[0], -numbers[1])
            command, numbers = "L", []
        elif command == "L" and len(numbers) == 2:
            path.lineTo(numbers[0], -numbers[1])
            numbers = []
        elif command == "C" and len(numbers) == 6:
            path.curveTo(*(number if index % 2 == 0 else -number for index, number in enumerate(numbers)))
            numbers = []
    canvas.drawPath(path, stroke, fill)


def _text(canvas: Canvas, shape: ElementTree.Element) -> None:
    size = float(shape.attrib["font-size"])
    canvas.setFont("Helvetica-Bold" if shape.attrib.get("font-weight") == "bold" else "Helvetica", size)
    canvas.setFillColor(_colour(shape.attrib.get("fill", "black")))
    x, y = float(shape.attrib["x"]), float(shape.attrib["y"])
    spans = list(shape.iter(f"{SVG}tspan"))
    pieces = [(float(span.attrib.get("dy", 0)), span.text or "") for span in spans] or [(0.0, shape.text or "")]
    for down, words in pieces:
        y += down
        match shape.attrib.get("text-anchor", "start"):
            case "middle":
                canvas.drawCentredString(x, -y, words)
            case "end":
                canvas.drawRightString(x, -y, words)
            case _:
                canvas.drawString(x, -y, words)
