"""Factory reset: everything as on the first day, but queued mail only goes where the operator said.

`mail` is keep (it stays in the spool and is delivered with the settings to come), bounce (its senders are told),
delete, or export (each message becomes a file in a folder or on the USB stick, then leaves the queue). Without a choice
it goes on only when the queue is known to be empty. Mail is dealt with by the relay, so with a dead relay it can only
be kept. What is to be wiped is written down first: a power cut in the middle ends with the reset done at the next
start.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from pathlib import Path
from typing import Any, Final

from appliance import durable
from appliance.interface.client import Unreachable, ask
from appliance.ports import Clock, Refused
from appliance.settings import table
from appliance.settings.schema import Settings
from appliance.settings.store import Store
from appliance.steward.machine import Machine
from appliance.steward.pending import Pending

CHOICES: Final = ("keep", "bounce", "delete", "export")
ASKED_S: Final = 900.0
ROUNDS_MAX: Final = 1000
PERSONAL: Final = ("history.jsonl", "attempts.jsonl", "bounces.jsonl", "clients.json")  # beside the mail, in the spool
log = logging.getLogger(__name__)


class Reset:
    """`marker` is the file in which it stands what is to be wiped."""

    def __init__(self, store: Store, pending: Pending, machine: Machine, clock: Clock, marker: Path) -> None:
        self._store, self._pending, self._machine, self._clock = store, pending, machine, clock
        self._marker = marker
        self._asked_at: float | None = None

    def asked(self) -> bool:
        """Whether the button asked for a reset a short while ago: the console then asks about the mail."""
        return self._asked_at is not None and self._clock.monotonic() - self._asked_at < ASKED_S

    async def button(self) -> dict[str, Any]:
        """Reset at once when no mail waits; else the console has to ask."""
        if await self._waiting() == 0:
            return await self.ask("keep")
        self._asked_at = self._clock.monotonic()
        log.warning("the button asked for a factory reset: the console asks what becomes of the mail that waits")
        return {"asked": True}

    async def ask(self, mail: str, folder: str = "") -> dict[str, Any]:
        """Raises Refused, OSError; nothing is wiped then."""
        waiting = await self._waiting()
        if not mail and waiting == 0:
            mail = "keep"
        if mail not in CHOICES:
            count = "unknown" if waiting is None else str(waiting)
            raise Refused(f"what becomes of the mail that waits ({count}): " + ", ".join(CHOICES))
        if mail == "export" and not folder:
            async with self._machine.stick() as stick:
                await self._empty(mail, stick)
        elif mail == "export" and not Path(folder).is_dir():
            raise Refused("a folder is needed to export the mail to")
        elif mail != "keep":
            await self._empty(mail, Path(folder))
        for verb in ("acknowledge", "erase"):  # bounces and history name people
            await self._quietly(verb)
        self._begin()
        self.finish()
        notes = await self._machine.wiped(self._store.good())
        return {"reset": True, "mail": mail, "warnings": notes}

    # -- mail -------------------------------------------------------------------------------------------------------

    async def relay(self, verb: str, **args: Any) -> Any:
        """Raises Refused, also when the relay does not answer."""
        path = self._store.good().control.socket
        try:
            return await asyncio.to_thread(ask, path, verb, args, 30.0)
        except Unreachable as error:
            raise Refused(f"the relay does not answer: {error}") from error

    async def _quietly(self, verb: str) -> None:
        try:
            await self.relay(verb)
        except Refused as refused:
            log.warning("reset: %s: %s", verb, refused)

    async def _waiting(self) -> int | None:
        """None = unknown."""
        try:
            return len(await self.relay("queue.list", limit=1000))
        except Refused:
            return None

    async def _empty(self, mail: str, folder: Path) -> None:
        for _ in range(ROUNDS_MAX):
            items = [item for item in await self.relay("queue.list", limit=1000) if item["phase"] != "done"]
            if mail == "bounce":  # a report of our own has nobody to be told: it stays and is delivered
                items = [item for item in items if item["from"] != "<>"]
            if not items:
                return
            for item in items:
                if mail == "export":
                    await self._export(item, folder)
                await self.relay("queue.bounce" if mail == "bounce" else "queue.delete", id=item["id"])
        raise Refused("mail comes in faster than it can be dealt with; nothing was reset")

    async def _export(self, item: dict[str, Any], folder: Path) -> None:
        whole = await self.relay("queue.show", id=item["id"])
        got = await self.relay("queue.export", id=item["id"])
        durable.write(folder / f"{item['id']}.json", json.dumps(whole, indent=1).encode(), None)
        durable.write(folder / f"{item['id']}.eml", base64.b64decode(got["content"]), None)

    # -- everything else --------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        settings = self._store.good()
        paths = settings.paths
        files = [paths.accounts, paths.credentials, paths.password]
        files += [f"{settings.spool.directory}/{name}" for name in PERSONAL]
        files += [f"{paths.tls}/{name}.{end}" for name in ("self-signed", "own") for end in ("key", "pem")]
        files += self._machine.traces
        files += [each for each in (settings.tls.private_key, settings.tls.certificate) if each]
        text = table.write(_places(settings))
        durable.write(self._marker, json.dumps({"format": 1, "files": files, "settings": text}).encode())

    def finish(self) -> None:
        """Also at a start, when a power cut came in between; nothing when no reset is under way. Raises OSError."""
        try:
            order = json.loads(self._marker.read_text())
            files, text = [str(each) for each in order["files"]], str(order["settings"])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):
            durable.remove(self._marker)
            return
        for name in files:
            if name.startswith("/"):
                durable.remove(Path(name))
        self._pending.end()
        self._store.erase(text)
        durable.remove(self._marker)
        self._asked_at = None
        log.warning("factory reset: settings, accounts, passwords and keys are gone")


def _places(settings: Settings) -> table.Data:
    """What must stay so that the mail which was kept is found again: where things are."""
    data = table.of(settings)
    kept: table.Data = {name: data[name] for name in ("format", "control", "paths") if name in data}
    if spool := {
        name: value for name, value in data.get("spool", {}).items() if name in ("directory", "segment_bytes")
    }:
        kept["spool"] = spool
    return kept
