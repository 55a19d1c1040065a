"""What the demonstration says to the person in front of it."""

from __future__ import annotations

import sys

from appliance.panel.terminal import CLEAR


class Failed(Exception):
    """A step did not hold; one plain sentence."""


def say(text: str) -> None:
    """A line of its own; the lamps, drawn on the last line of the same terminal, come again below it."""
    shared = sys.stdout.isatty() and sys.stderr.isatty()
    sys.stdout.write(f"{CLEAR if shared else ''}{text}\n")
    sys.stdout.flush()
