"""Candidate -> running, with a way back: commit, commit confirmed, confirm, and going back when nobody confirmed.

The order of writes is the promise (P7): what to go back to is on the card before the new running file is. Nothing here
needs the relay: `machine` is told afterwards, and what it could not do comes back as notes; a steward that was killed
before it told the machine does so when it starts again. A commit while another waits for its confirmation keeps the way
back of the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from pathlib import Path
from typing import Any, Final

from appliance import durable
from appliance.ports import Refused
from appliance.settings import table
from appliance.settings.parse import parse
from appliance.settings.render import render
from appliance.settings.schema import Settings
from appliance.settings.store import Store
from appliance.steward.machine import Machine
from appliance.steward.pending import Pending
from appliance.steward.sockets import ensure_reachable

CONFIRM_MAX_MIN: Final = 1440.0
LOOK_S: Final = 30.0  # how often what is left is brought to the card, and how soon a failed way back is tried again
log = logging.getLogger(__name__)


class Commits:
    """`applied` is the file that says which settings the machine was told of, in which start of it (`boot`)."""

    def __init__(self, store: Store, pending: Pending, machine: Machine, applied: Path, boot: str) -> None:
        self._store, self._pending, self._machine = store, pending, machine
        self._applied, self._boot = applied, boot
        self._changed, self._turn = asyncio.Event(), asyncio.Lock()

    async def commit(self, comment: str, confirm_min: float) -> dict[str, Any]:
        """Make the candidate the running settings; with `confirm_min` only until `confirm` or that many minutes."""
        if not 0 <= confirm_min <= CONFIRM_MAX_MIN:
            raise Refused(f"the time to confirm is at most {CONFIRM_MAX_MIN:.0f} minutes")
        async with self._turn:
            return await self._commit(comment, confirm_min)

    async def _commit(self, comment: str, confirm_min: float) -> dict[str, Any]:
        if complaints := self._store.check():
            raise Refused("; ".join(str(each) for each in complaints[:20]))
        old, new = self._store.running(), parse(text := table.write(self._store.candidate()))
        assert isinstance(new, Settings)
        if new == old:
            if self._pending.active:
                return self.confirm()
            raise Refused("nothing to commit: the candidate is what is running")
        ensure_reachable(old.control if isinstance(old, Settings) else None, new.control)
        self._write(text, comment, confirm_min)
        self._changed.set()
        notes = await self._apply(old if isinstance(old, Settings) else None, new)
        left = self._pending.left_s() if self._pending.active else None
        return {"committed": True, "confirm_s": left, "warnings": notes}

    async def _apply(self, old: Settings | None, new: Settings) -> list[str]:
        notes = await self._machine.apply(old, new)
        for note in notes:
            log.warning("%s", note)
        self._note(new)
        return notes

    def _note(self, settings: Settings) -> None:
        with contextlib.suppress(OSError):
            durable.write(self._applied, json.dumps({"boot": self._boot, "settings": _digest(settings)}).encode())

    async def catch_up(self) -> None:
        """When the steward starts: tell the machine what an earlier one, killed in the middle, did not."""
        settings, told = self._store.good(), {}
        with contextlib.suppress(OSError, ValueError):
            told = json.loads(self._applied.read_text())
        known = isinstance(told, dict) and told.get("boot") == self._boot
        if known and told.get("settings") != _digest(settings):
            log.warning("the settings were changed and nobody told the machine: doing it now")
            await self._apply(None, settings)
        elif not known:  # a new start of the machine has begun with these settings
            self._note(settings)

    def _write(self, text: str, comment: str, confirm_min: float) -> None:
        self._store.adopt()
        fresh = not self._pending.active
        if confirm_min:
            self._pending.begin(confirm_min * 60, self._way_back() if fresh else self._pending.text)
        try:
            self._store.write(text, comment)
        except OSError:
            if fresh and self._pending.active:
                self._pending.end()
            raise
        self._store.discard()
        if not confirm_min and self._pending.active:
            self._pending.end()

    def _way_back(self) -> str:
        """The running file as it is, or when that is broken the newest good settings."""
        good = isinstance(self._store.running(), Settings)
        return self._store.running_text() if good else table.write(table.of(self._store.good()))

    def confirm(self) -> dict[str, Any]:
        if not self._pending.active:
            raise Refused("no commit waits for a confirmation")
        self._pending.end()
        return {"confirmed": True}

    async def go_back(self) -> None:
        """The settings before the commit that nobody confirmed. Raises OSError when the card refuses."""
        async with self._turn:
            if self._pending.active and self._pending.left_s() <= 0:
                await self._go_back()

    async def _go_back(self) -> None:
        text, old = self._pending.text, self._store.running()
        if not isinstance(parse(text), Settings) or not text:  # the way back was damaged: the commit before, or shipped
            commits = self._store.commits()[1:]
            text = next((each.text for each in commits if isinstance(parse(each.text), Settings)), "format = 1\n")
        self._store.write(text, "rolled back: the commit before was not confirmed")
        self._pending.end()
        log.warning("the last commit was not confirmed in time: the settings before it are back")
        new = parse(text)
        assert isinstance(new, Settings)
        await self._apply(old if isinstance(old, Settings) else None, new)

    async def watch(self) -> None:
        """Until cancelled: go back when time is up."""
        while True:
            self._changed.clear()
            wait: float | None = None
            if self._pending.active:
                wait = await self._look()
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    async def _look(self) -> float:
        """Seconds until the next look."""
        try:
            if self._pending.left_s() <= 0:
                await self.go_back()
                return 0.0
            self._pending.save()
        except OSError as error:
            log.error("commit confirmed: the card refuses: %s", error)
            return LOOK_S
        return min(self._pending.left_s(), LOOK_S)


def _digest(settings: Settings) -> str:
    return hashlib.sha256(render(settings).encode()).hexdigest()
