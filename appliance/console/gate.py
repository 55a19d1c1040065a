"""Who may log in: the password, kept by the steward, and the pause after each wrong one.

One Gate serves all lines of a process, so that pulling a plug does not shorten the pause. While the steward is dead the
password is compared with the file itself, if this user may read it. Raises ports.Refused with plain words, Unreachable
when there is neither.
"""

from __future__ import annotations

import os
from typing import Final

from appliance.interface.client import Unreachable, ask
from appliance.passwords import Passwords
from appliance.ports import Clock

PAUSE_MAX_S: Final = 60.0
ANSWER_S: Final = 10.0


class Gate:
    """The steward at `socket`; `file` is that of the hashed password, "" = never look at it."""

    def __init__(self, socket: str, clock: Clock, file: str = "") -> None:
        self._socket, self._clock, self._file = socket, clock, file
        self._passwords = Passwords(file, clock)
        self._wrong, self._open_at = 0, 0.0

    def move(self, socket: str, file: str) -> None:
        """From now on they are there: the settings were changed."""
        if file != self._file:
            self._file, self._passwords = file, Passwords(file, self._clock)
        self._socket = socket

    def exists(self) -> bool:
        """Whether a password was ever set."""
        try:
            return ask(self._socket, "password.exists", timeout_s=ANSWER_S)["exists"] is not False
        except Unreachable:
            if not self._readable():
                raise
            return True

    def check(self, password: str) -> bool:
        """Whether it is the password. Each wrong one doubles the pause: 1 s, 2 s, … PAUSE_MAX_S."""
        self._count_wrong()  # before asking, so that a caller who goes away meanwhile has not gained anything
        try:
            right = ask(self._socket, "password.check", {"password": password}, ANSWER_S)["right"] is True
        except Unreachable:
            if not self._readable():
                raise
            right = self._passwords.check(password)
        if right:
            self._wrong, self._open_at = 0, 0.0
        return right

    def set(self, password: str) -> None:
        """The first password."""
        ask(self._socket, "password.set", {"old": "", "new": password}, ANSWER_S)

    def pause_s(self) -> float:
        """Seconds until the next password may be tried."""
        return max(0.0, self._open_at - self._clock.monotonic())

    def _readable(self) -> bool:
        return bool(self._file) and os.access(self._file, os.R_OK)

    def _count_wrong(self) -> None:
        self._wrong += 1
        self._open_at = self._clock.monotonic() + min(2.0 ** min(self._wrong - 1, 10), PAUSE_MAX_S)
