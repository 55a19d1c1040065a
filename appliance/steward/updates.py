"""An update under way: one at a time, begun by a verb, looked at by another; the machine does it.

State: idle, installing, installed, failed. Words of the installer are made printable. After a success the machine
starts anew when that was asked for, PAUSE_S later, so that whoever asked still hears of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import urllib.parse
from pathlib import Path
from typing import Any, Final

from appliance import durable
from appliance.core.reply import printable
from appliance.ports import Refused
from appliance.steward.machine import Machine

PAUSE_S: Final = 5.0
log = logging.getLogger(__name__)


class Updates:
    """`note` is a file that says to other processes whether an update is under way."""

    def __init__(self, machine: Machine, note: Path, pause_s: float = PAUSE_S) -> None:
        self._machine, self._note, self._pause_s = machine, note, pause_s
        self._state, self._percent, self._words = "idle", 0, ""
        self._task: asyncio.Task[None] | None = None

    def status(self) -> dict[str, Any]:
        return {"state": self._state, "percent": self._percent, "words": self._words}

    def begin(self, source: str, reboot: bool) -> dict[str, Any]:
        """`source` is the absolute path of a bundle, an http(s) address, or "stick": the last *.raucb on the USB stick.
        Raises Refused."""
        if self._state == "installing":
            raise Refused("an update is under way already")
        if source != "stick" and not _is_bundle(source):
            raise Refused("the path of an update bundle on this box, an http or https address, or stick is needed")
        self._tell(0, "begun")
        self._set("installing")
        self._task = asyncio.create_task(self._install(source, reboot))
        return self.status()

    def _set(self, state: str) -> None:
        self._state = state
        text = json.dumps({"updating": state == "installing"}) + "\n"
        with contextlib.suppress(OSError):
            durable.write(self._note, text.encode(), 0o644)

    def _tell(self, percent: int, words: str) -> None:
        self._percent, self._words = percent, printable(words, 300)

    async def _install(self, source: str, reboot: bool) -> None:
        try:
            await self._install_from(source)
        except (Refused, OSError) as refused:
            self._set("failed")
            self._tell(self._percent, str(refused))
            log.error("update: %s", self._words)
            return
        self._set("installed")
        self._tell(100, "installed; it counts after the next start")
        log.warning("update: %s", self._words)
        if reboot:
            await asyncio.sleep(self._pause_s)
            await self._machine.reboot()

    async def _install_from(self, source: str) -> None:
        if source != "stick":
            await self._machine.install(source, self._tell)
            return
        async with self._machine.stick() as folder:
            bundles = sorted(folder.glob("*.raucb"))
            if not bundles:
                raise Refused("there is no update bundle (a file ending in .raucb) on the stick")
            await self._machine.install(str(bundles[-1]), self._tell)

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
