"""An update under way: one at a time, begun by a verb, looked at by another; the machine does it.

State: idle, installing, installed, failed. Words of the installer are made printable. After a success the machine
starts anew when that was asked for, PAUSE_S later, so that whoever asked still hears of it.
"""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
from pathlib import Path
from typing import Any, Final

from appliance.core.reply import printable
from appliance.ports import Refused
from appliance.steward.machine import Machine

PAUSE_S: Final = 5.0
log = logging.getLogger(__name__)


class Updates:
    def __init__(self, machine: Machine, pause_s: float = PAUSE_S) -> None:
        self._machine, self._pause_s = machine, pause_s
        self._state, self._percent, self._words = "idle", 0, ""
        self._task: asyncio.Task[None] | None = None

    def status(self) -> dict[str, Any]:
        return {"state": self._state, "percent": self._percent, "words": self._words}

    def begin(self, source: str, reboot: bool) -> dict[str, Any]:
        """`source` is the absolute path of a bundle or an http(s) address. Raises Refused."""
        if self._state == "installing":
            raise Refused("an update is under way already")
        if not _is_bundle(source):
            raise Refused("the path of an update bundle on this box or an http or https address is needed")
        self._tell(0, "begun")
        self._state = "installing"
        self._task = asyncio.create_task(self._install(source, reboot))
        return self.status()

    def _tell(self, percent: int, words: str) -> None:
        self._percent, self._words = percent, printable(words, 300)

    async def _install(self, source: str, reboot: bool) -> None:
        try:
            await self._machine.install(source, self._tell)
        except Refused as refused:
            self._state = "failed"
            self._tell(self._percent, str(refused))
            log.error("update: %s", self._words)
            return
        self._state = "installed"
        self._tell(100, "installed; it counts after the next start")
        log.warning("update: %s", self._words)
        if reboot:
            await asyncio.sleep(self._pause_s)
            await self._machine.reboot()

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _is_bundle(source: str) -> bool:
    if not source.isprintable() or " " in source:
        return False
    if source.startswith("/"):
        return Path(source).is_file()
    try:
        parts = urllib.parse.urlsplit(source)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
