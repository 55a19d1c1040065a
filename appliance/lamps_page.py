"""Makes docs/lamps.md from the lamp language: `python -m appliance.lamps_page`."""

from __future__ import annotations

import sys

from appliance.core.lamps import LABELS, STATES

HEAD = """\
# The lamps and the button

Made by `make docs` from `appliance/core/lamps.py`; do not edit.

Four lamps, in this order on the lid. They are told apart by place, label and rhythm, never by colour alone. No lamp
lights up more than three times a second. Each shows the first of its states that applies, from the top of its table.

"""
TAIL = """\
## The rhythms

- *slow blink*: a second on, a second off.
- *n flashes, pause*: n flashes half a second apart, then a second and a half of dark. Count the flashes.
- *short flashes*: one for each message, at most two and a half a second.

At the start, and when asked (`test lamps` on the console), all four light up together and then each alone: a lamp that
stays dark then is broken. After *locate* (`outbox locate`, page) all four blink together, twice a second, for a minute.

When the relay does not answer for five seconds the panel says so by itself: SYSTEM gives one flash and a pause, or four
when the settings file has a mistake, and the other three stay dark. When the panel ends, all lamps go dark.

## The button

| press | what it does |
|---|---|
| short | acknowledges the bounces and tries all waiting mail now |
| five seconds | shuts the box down |
| held while the power comes on, five seconds | resets the password of console and page |
| after that, within a minute, ten seconds more | asks for a factory reset: the console asks about waiting mail |

A long press counts when you let go. All four lamps light up when it has been long enough; hold on for a minute, or let
go before they light up, and nothing happens. They light up once more when the box has done what was asked. After
shutting down, wait ten seconds from when the lamps went dark before you take the plug.

On a shell, `outbox lamps` prints what the lamps say, in words.
"""


def document() -> str:
    """The whole page."""
    parts = [HEAD]
    for label, colour in LABELS:
        parts.append(f"## {label} ({colour})\n\n| rhythm | says | means |\n|---|---|---|\n")
        parts += [f"| {row.pattern.name} | {row.name} | {row.meaning} |\n" for row in STATES[label]]
        parts.append("\n")
    return "".join(parts) + TAIL


if __name__ == "__main__":
    sys.stdout.write(document())
