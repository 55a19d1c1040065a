"""The login: one password, asked of the relay, with a growing wait for each client that guesses.

`check` returns "" when the password is right, else one sentence for the person who typed it. Never raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from appliance.interface.client import Unreachable
from appliance.page.facts import Facts
from appliance.page.guard import Guesses
from appliance.ports import Refused

PASSWORD_MAX: Final = 1000


class Login:
    def __init__(self, facts: Facts, monotonic: Callable[[], float]) -> None:
        self._facts, self._guesses = facts, Guesses(monotonic)

    def check(self, client: str, password: str) -> str:
        if (wait := self._guesses.wait_s(client)) > 0:
            return f"Too many wrong passwords from here: please wait {int(wait) + 1} seconds."
        try:
            answer = self._facts.act("password.check", password=password[:PASSWORD_MAX])
        except Unreachable:
            return "The relay does not answer, so nobody can log in now."
        except Refused as refused:
            return str(refused)
        if isinstance(answer, dict) and answer.get("right") is True:
            self._guesses.right(client)
            return ""
        self._guesses.wrong(client)
        return "That is not the password."
