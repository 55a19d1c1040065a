"""The steward: one process behind one Unix socket with a fixed list of verbs, allowed by user id.

It starts whatever the settings file holds: a broken one makes it use the newest good settings, or as far as they can be
read the file's own [control] and [paths], else the shipped ones. The console's user may use every verb, the panel's
those of the button, the page's those that files pass through. A card that refuses is a sentence, not a crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import signal
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

from appliance.clock import SystemClock
from appliance.interface.server import InterfaceServer
from appliance.notify import WATCHDOG_SHARE, notify, watchdog_s
from appliance.passwords import Passwords
from appliance.ports import Clock, Refused, Verb
from appliance.settings.salvage import load_or_salvage
from appliance.settings.schema import Settings
from appliance.settings.store import Store
from appliance.steward.backup import Backups
from appliance.steward.box_verbs import BoxVerbs
from appliance.steward.certificate_verbs import CertificateVerbs
from appliance.steward.commits import Commits
from appliance.steward.machine import Machine, PlainMachine
from appliance.steward.password_verbs import PasswordVerbs
from appliance.steward.pending import Pending, boot_id
from appliance.steward.reset import Reset
from appliance.steward.secret_files import SecretFiles
from appliance.steward.settings_verbs import SettingsVerbs
from appliance.steward.updates import Updates

BUTTON: Final = frozenset({"button.short", "button.long", "button.password-reset", "button.factory-reset"})
PAGE: Final = frozenset({"version", "backup", "support-bundle", "update.install", "update.status", "certificate.set"})
MakeMachine = Callable[[Settings, Callable[[], None]], Machine]
log = logging.getLogger(__name__)


class Steward:
    """All of it, wired. `boot` names this start of the machine."""

    def __init__(self, config: Path, make: MakeMachine = PlainMachine, clock: Clock | None = None,
                 boot: str = "") -> None:  # fmt: skip
        self.stopping = asyncio.Event()
        self.settings = load_or_salvage(config)
        self.clock = clock or SystemClock(self.settings.paths.clock_stamp)
        folder = Path(self.settings.paths.settings)
        self.store = Store(config, folder, self.clock)
        self.machine = make(self.settings, self.stopping.set)
        boot = boot or boot_id()
        self.pending = Pending(folder / "pending.json", self.clock, boot)
        self.commits = Commits(self.store, self.pending, self.machine, folder / "applied.json", boot)
        self.passwords = Passwords(self.settings.paths.password, self.clock, self.machine.owner)
        self.secrets = SecretFiles(lambda: self.store.good().paths, self.machine.owner)
        self.reset = Reset(self.store, self.pending, self.machine, self.clock, folder / "reset.json")
        self.updates = Updates(self.machine, Path(self.settings.control.steward_socket).parent / "update.json")
        control, table = self.settings.control, {name: _on_card(verb) for name, verb in self._verbs().items()}
        allowed: dict[int, Collection[str]] = dict.fromkeys(control.panel_uids, BUTTON)
        allowed |= dict.fromkeys(control.page_uids, PAGE) | dict.fromkeys(control.console_uids, table)
        self.server = InterfaceServer(control.steward_socket, table, allowed)
        self.crashed = False
        self._watch: asyncio.Task[None] | None = None

    def _verbs(self) -> Mapping[str, Verb]:
        return {
            **SettingsVerbs(self.store, self.commits, self.pending).table(),
            **PasswordVerbs(self.passwords).table(),
            **self.secrets.table(),
            **Backups(self.store, self.secrets, self.machine, self.reset, self.clock).table(),
            **CertificateVerbs(self.store, self.machine, self.clock).table(),
            **BoxVerbs(self.store.good, self.machine, self.passwords, self.reset, self.updates).table(),
        }

    async def start(self) -> None:
        """Raises OSError when the socket cannot be made."""
        for name in self.store.newer():
            log.warning("%s is of a newer release and left alone", name)
        with contextlib.suppress(OSError):  # a card that refuses: the console works all the same
            self.reset.finish()
            self.store.adopt()
        await self.server.start()
        for warning in await self.machine.start(self.store.good()):
            log.warning("%s", warning)
        await self.commits.catch_up()
        self._watch = asyncio.create_task(self.commits.watch())
        self._watch.add_done_callback(self._ended)

    def _ended(self, watch: asyncio.Task[None]) -> None:
        """Only a bug ends the watch: the steward ends with it, and its keeper starts it again."""
        if not watch.cancelled() and (error := watch.exception()) is not None:
            log.error("a bug ends the steward", exc_info=error)
            self.crashed = True
            self.stopping.set()

    async def stop(self) -> None:
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self.updates.stop()
        await self.server.stop()


def _on_card(verb: Verb) -> Verb:
    """`verb`, with a card that refuses told in a sentence."""

    async def carded(args: dict[str, Any]) -> Any:
        try:
            result = verb(args)
            return await result if inspect.isawaitable(result) else result
        except OSError as error:
            log.error("the card refuses: %s", error)
            raise Refused(f"the card refuses: {error.strerror or error}") from error

    return carded


async def run(config: Path, make: MakeMachine = PlainMachine) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    steward = Steward(config, make)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, steward.stopping.set)
    await steward.start()
    log.info("the steward listens at %s", steward.settings.control.steward_socket)
    notify("READY=1")
    alive = asyncio.create_task(_alive())
    await steward.stopping.wait()
    notify("STOPPING=1")
    alive.cancel()
    await steward.stop()
    return 1 if steward.crashed else 0


async def _alive() -> None:
    """Tell the service manager that the loop turns."""
    while span := watchdog_s():
        notify("WATCHDOG=1")
        await asyncio.sleep(span * WATCHDOG_SHARE)
