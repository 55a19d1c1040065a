"""`--More--`: long answers a page at a time; `length` 0 shows all at once.

Space shows the next page, Enter the next line, q or ^C ends. Any other character ends too and begins the next command,
so that pasted commands survive a long answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from appliance.console.keys import Key, Typed
from appliance.console.row import columns

MORE: Final = "--More--"
WIPE: Final = "\r" + " " * len(MORE) + "\r"


class Screen(Protocol):
    """The terminal as the pager needs it."""

    width: int
    length: int

    def say(self, text: str) -> None: ...
    def write(self, text: str) -> None: ...
    def next_key(self) -> Typed: ...
    def put_back(self, key: Typed) -> None: ...
    def interrupted(self, wait_s: float = 0.0) -> bool: ...


def page(screen: Screen, lines: Iterable[str], clean: Callable[[str], str]) -> None:
    """Show `lines` on `screen`; `clean` makes one fit for it."""
    used = 0
    for raw in lines:
        line = clean(raw)
        rows = max(1, -(-columns(line) // screen.width))
        if screen.length > 1 and used + rows > screen.length - 1 and used:
            more = _more(screen)
            if more is None:
                return
            used = screen.length - 2 if more == 1 else 0
        elif screen.length <= 1 and screen.interrupted():
            return
        screen.say(line)
        used += rows


def _more(screen: Screen) -> int | None:
    """How many more lines are wanted: 0 a page, 1 one; None = enough."""
    screen.write(MORE)
    while True:
        key = screen.next_key()
        if key in (" ", Key.ENTER):
            screen.write(WIPE)
            return 0 if key == " " else 1
        if key in ("q", "Q", Key.INTERRUPT) or not isinstance(key, Key):
            screen.write(WIPE)
            if key not in ("q", "Q", Key.INTERRUPT):
                screen.put_back(key)
            return None
