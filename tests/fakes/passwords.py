"""The steward's three verbs about the password, at a real Unix socket, in a thread of its own."""

import asyncio
import threading
from pathlib import Path
from typing import Any

from appliance.interface.server import InterfaceServer
from appliance.ports import Refused


class Passwords:
    """`password` None = none was ever set; `checked` counts the tries."""

    def __init__(self, path: Path, password: str | None = "open sesame") -> None:
        self.path, self.password, self.checked = str(path), password, 0
        self.answer: Any = None  # instead of what is true
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        verbs = {
            "password.exists": lambda args: {"exists": self.password is not None},
            "password.check": self._check,
            "password.set": self._set,
        }
        self._server = InterfaceServer(self.path, verbs, {})
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(5)

    def _check(self, args: dict[str, Any]) -> Any:
        self.checked += 1
        return {"right": args["password"] == self.password} if self.answer is None else self.answer

    def _set(self, args: dict[str, Any]) -> dict[str, Any]:
        if len(args["new"]) < 8:
            raise Refused("a password has at least 8 characters")
        self.password = args["new"]
        return {}

    def forget(self) -> None:
        """What holding the button while powering on does."""
        self.password = None

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
