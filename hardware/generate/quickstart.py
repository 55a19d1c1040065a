"""The quick start: one A4 page with plug, lamps, cable and first mail."""

from __future__ import annotations

from typing import Final

from hardware.generate.label import INK, URL
from hardware.generate.sheet import Sheet
from hardware.generate.table import Table

STEPS: Final = (
    (
        "1  Plug in",
        (
            "Push the memory card into the slot on the short side.",
            "Network cable to your switch or router.",
            "Power last. There is no switch.",
            "SYSTEM blinks slowly for about a minute,",
            "then stays on: the box takes mail.",
        ),
    ),
    (
        "2  Look at the page",
        (
            f"Open {URL} in a browser on the same network",
            "(or scan the code). It shows the box's address,",
            "what waits, what came back and what to do about it.",
        ),
    ),
    (
        "3  Or use the cable",
        (
            "Straight RS-232 cable, or a USB adapter, into the DE-9.",
            "Terminal program: 115200 baud, 8 data bits, no parity,",
            "1 stop bit, no flow control. Press Enter.",
            "Type ? for help at any place, or menu.",
        ),
    ),
    (
        "4  Send the first mail",
        (
            "In the copier or program, enter as mail server (SMTP):",
            "   server   outbox.local, or the address shown on the page",
            "   port     25 (or 587 with a login made on the box)",
            "   security none or STARTTLS",
            "Send a test to yourself. ACTIVITY flashes when it comes in",
            "and again when it has been delivered; QUEUE goes dark.",
        ),
    ),
)
TROUBLE: Final = (
    ("BOUNCE flashes 2", "no network link: check the cable and the switch"),
    ("BOUNCE flashes 3", "no name server answers: on the console, set dns server"),
    ("BOUNCE flashes 4", "your provider blocks port 25: enter its mail relay on the console"),
    ("BOUNCE steady", "a message came back: read why on the page, press the button"),
    ("QUEUE blinks", "a mail server said later: the box tries again for five days by itself"),
)


def svg(table: Table) -> str:
    """The page."""
    sheet = Sheet(210, 297)
    sheet.rect(0, 0, 210, 297, fill="white")
    sheet.text(18, 26, "Outbox: quick start", 9, bold=True)
    sheet.text(18, 34, "Takes mail from everything in the office, keeps it safe, delivers it, and tells you.", 4)
    sheet.qr(168, 14, 24, URL)
    sheet.text(180, 42.5, URL, 2.8, anchor="middle")
    for index, (title, lines) in enumerate(STEPS):
        x, y = 18 + 90 * (index % 2), 54 + 50 * (index // 2)
        sheet.rect(x - 3, y - 6, 87, 46, stroke="#a0a0a0", line=0.3, round_=2)
        sheet.text(x, y + 1, title, 5, bold=True)
        for row, words in enumerate(lines):
            sheet.text(x, y + 9 + 5 * row, words, 3.1)
    _lamps(sheet, table, 158)
    sheet.text(18, 236, "If it does not go well", 5, bold=True)
    for row, (what, do) in enumerate(TROUBLE):
        sheet.text(18, 244 + 6 * row, what, 3.3, bold=True)
        sheet.text(58, 244 + 6 * row, do, 3.3)
    sheet.text(18, 282, "To switch off: press the button for five seconds, wait until all lamps are dark, unplug. "
               "Pulling the plug loses no mail either.", 3.2)  # fmt: skip
    return sheet.svg("Outbox quick start")


def _lamps(sheet: Sheet, table: Table, top: float) -> None:
    sheet.text(18, top, "The four lamps", 5, bold=True)
    heads = ("", "off", "on", "slow blink", "counted flashes")
    columns = (18, 50, 79, 110, 144)
    for x, head in zip(columns, heads, strict=True):
        sheet.text(x, top + 7, head, 3.1, bold=True)
    sheet.line((15, top + 9), (195, top + 9), stroke="#a0a0a0", line=0.3)
    for row, lamp in enumerate(table.lamps):
        y = top + 16 + 15 * row
        sheet.circle(21, y - 1.1, 2.6, fill=INK[table.pin(lamp.signal).colour], line=0.3)
        sheet.text(26, y, lamp.signal.upper(), 3.4, bold=True)
        for x, words in zip(columns[1:4], (lamp.off, lamp.steady, lamp.blink), strict=True):
            sheet.text(x, y, words or "-", 2.9)
        for line, words in enumerate(_flashes(lamp.code, lamp.flash)):
            sheet.text(columns[4], y + 4 * line, words, 2.9)


def _flashes(code: tuple[str, ...], flash: str) -> list[str]:
    if flash:
        return ["one short flash:", flash]
    if code and code[0][0].isdigit():
        return ["   ".join(code[start : start + 2]) for start in range(0, len(code), 2)]
    return [" ".join(code)]
