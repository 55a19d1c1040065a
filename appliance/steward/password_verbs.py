"""The verbs password.*: the one password of console and page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from appliance.passwords import LONGEST, Passwords
from appliance.ports import Verb
from appliance.steward.settings_verbs import words


class PasswordVerbs:
    """One password is looked at after the other, so that asking many times at once gains nothing."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords, self._turn = passwords, asyncio.Lock()

    def table(self) -> Mapping[str, Verb]:
        return {
            "password.exists": lambda args: {"exists": self._passwords.exists()},
            "password.check": self.check,
            "password.set": self.set,
        }

    async def check(self, args: dict[str, Any]) -> dict[str, Any]:
        """{"right": bool}; refused while guessing is slowed down."""
        async with self._turn:
            return {"right": await asyncio.to_thread(self._passwords.check, words(args, "password", LONGEST))}

    async def set(self, args: dict[str, Any]) -> dict[str, Any]:
        """The first password needs no `old`."""
        old, new = words(args, "old", LONGEST, ""), words(args, "new", LONGEST)
        async with self._turn:
            await asyncio.to_thread(self._passwords.change, old, new)
        return {"set": True}
