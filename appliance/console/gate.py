"""Who may log in: the password, kept by the steward, and the pause after each wrong one.

One Gate serves all lines of a process, so that pulling a plug does not shorten the pause. Raises ports.Refused with the
steward's own words, Unreachable when there is no steward.
"""

from __future__ import annotations

from typing import Final

from appliance.interface.client import ask
from appliance.ports import Clock

PAUSE_MAX_S: Final = 60.0
ANSWER_S: Final = 10.0


class Gate:
    """The steward at `socket`."""

    def __init__(self, socket: str, clock: Clock) -> None:
        self._socket, self._clock = socket, clock
        self._wrong, self._open_at = 0, 0.0

    def exists(self) -> bool:
        """Whether a password was ever set."""
        return ask(self._socket, "password.exists", timeout_s=ANSWER_S)["exists"] is not False

    def check(self, password: str) -> bool:
        """Whether it is the password. Each wrong one doubles the pause: 1 s, 2 s, … PAUSE_MAX_S."""
        self._count_wrong()  # before asking, so that a caller who goes away meanwhile has not gained anything
        right = ask(self._socket, "password.check", {"password": password}, ANSWER_S)["right"] is True
        if right:
            self._wrong, self._open_at = 0, 0.0
        return right

    def set(self, password: str) -> None:
        """The first password."""
        ask(self._socket, "password.set", {"old": "", "new": password}, ANSWER_S)

    def pause_s(self) -> float:
        """Seconds until the next password may be tried."""
        return max(0.0, self._open_at - self._clock.monotonic())

    def _count_wrong(self) -> None:
        self._wrong += 1
        self._open_at = self._clock.monotonic() + min(2.0 ** min(self._wrong - 1, 10), PAUSE_MAX_S)
