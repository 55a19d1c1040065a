"""The verb password.check of the relay: the page asks it, which may not read the hash itself."""

from __future__ import annotations

import asyncio
from typing import Any

from appliance.passwords import Passwords
from appliance.ports import Refused


class PasswordCheck:
    """One password is looked at after the other, so that asking many times at once gains nothing."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords, self._turn = passwords, asyncio.Lock()

    async def check(self, args: dict[str, Any]) -> dict[str, Any]:
        """{"right": bool}; refused while guessing is slowed down, and when no password is set."""
        password = args.get("password")
        if not isinstance(password, str):
            raise Refused("a password is needed")
        async with self._turn:
            return {"right": await asyncio.to_thread(self._passwords.check, password)}
