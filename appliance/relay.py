"""The relay: builds the mail path from Settings, starts it, stops it.

One asyncio process: spool, scheduler, delivery, intake, control socket. SIGTERM ends it within ten seconds, clients
are told 421 and what was under way returns to the queue. An exception in any part is a bug and ends the process with
status 1: starting again from the spool is always safe.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from appliance import __version__
from appliance.addresses import own_addresses
from appliance.clock import SystemClock
from appliance.control.lookup import Lookup
from appliance.control.password import PasswordCheck
from appliance.control.trials import Trials
from appliance.control.verbs import PRESSING, READING, Verbs
from appliance.delivery.attempt import Attempt
from appliance.delivery.bounces import Bounces
from appliance.delivery.probe import Probe
from appliance.delivery.reports import Reporter
from appliance.delivery.resolver import Resolver
from appliance.delivery.routes import MxRouter
from appliance.delivery.scheduler import Scheduler
from appliance.delivery.transport import SmtpTransport
from appliance.facts import Facts
from appliance.intake.server import Intake
from appliance.interface.server import InterfaceServer
from appliance.notify import WATCHDOG_SHARE, notify, watchdog_s
from appliance.passwords import Passwords
from appliance.ports import Verb
from appliance.settings.credentials import Credentials
from appliance.settings.schema import Settings
from appliance.spool.files import Files
from appliance.spool.history import WRITE_S, FileHistory
from appliance.spool.journal import open_spool

log = logging.getLogger(__name__)


class MailPath:
    """All parts of the mail path, wired. `crashed` is set by a bug anywhere."""

    def __init__(self, settings: Settings, card: Files | None = None) -> None:
        self.settings, self.clock = settings, SystemClock(settings.paths.clock_stamp)
        folder = Path(settings.spool.directory)
        files = card or Files()
        self.spool = open_spool(settings.spool, self.clock, files)
        days, most = settings.spool.history_days, settings.spool.history_max_bytes
        self.history = FileHistory(folder, days, most, self.clock, settings.page.subject_days, files)
        self.bounces = Bounces(folder, files.append)
        self.resolver = Resolver(settings.dns, self.clock)
        self.router = MxRouter(settings, self.resolver, self._own_names, own_addresses, self.clock, random.Random())
        self.transport = SmtpTransport(settings, Credentials(settings.paths.credentials).password, self.clock)
        attempt = Attempt(settings, self.router, self.transport, self.spool)
        reporter = Reporter(settings, self.spool, self.bounces, self.clock, self.own_name)
        self.stopping = asyncio.Event()
        self.crashed = False
        self.scheduler = Scheduler(settings, self.spool, self.history, attempt, reporter, self.clock, self._crash)
        null_mx = self.router.null_mx if settings.dns.servers and settings.intake.refuse_null_mx_senders else None
        self.intake = Intake(
            settings, self.spool, self.scheduler, self.clock, null_mx, own_addresses(), f"box {self.spool.box_id:x}",
            folder / "clients.json",
        )  # fmt: skip
        self.facts = Facts(
            settings, self.clock, self.own_name, self.spool, self.scheduler, self.bounces, self.intake, self.resolver,
            self.transport.port25,
        )  # fmt: skip
        self._watches: list[asyncio.Task[None]] = []
        self.control = InterfaceServer(settings.control.socket, *self._verbs())

    def _verbs(self) -> tuple[Mapping[str, Verb], dict[int, Collection[str]]]:
        """The verbs, and which of them other users than the relay's own may use."""
        verbs = Verbs(
            self.scheduler, self.spool, self.history, self.bounces, self.clock, self.facts.status, self.own_name
        ).table()
        control = self.settings.control
        lookup = Lookup(self.scheduler, self.history, self.clock, self.settings.device, self.intake.clients)
        lamps: dict[str, Verb] = {"locate": self.facts.locate, "lamps.test": self.facts.test_lamps}
        password = PasswordCheck(Passwords(self.settings.paths.password, self.clock))
        probe = Probe(self.settings, self.clock, self._own_names, own_addresses, self.transport.port25)
        trials = Trials(probe, self.settings).table()
        table = {
            **verbs,
            **lookup.table(),
            **lamps,
            **trials,
            "restart": self._restart,
            "password.check": password.check,
        }
        allowed: dict[int, Collection[str]] = dict.fromkeys(control.reader_uids, READING)
        allowed |= dict.fromkeys(control.panel_uids, PRESSING)
        return table, {**allowed, **dict.fromkeys(control.operator_uids, table)}

    def _restart(self, args: dict[str, Any]) -> dict[str, Any]:
        """End in order; whoever keeps the relay running starts it again, with the settings as they are then."""
        self.stopping.set()
        return {"restarting": True}

    def stumbled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback of the loop raised: a timer of ours would never ring again, so that ends the process. Trouble
        with one connection is logged and costs that connection only."""
        error = context.get("exception")
        if "handle" in context and error is not None and not isinstance(error, OSError):
            log.error("a bug ends the relay: %s", context.get("message"), exc_info=error)
            self._crash(error)
        else:
            loop.default_exception_handler(context)

    def _crash(self, error: BaseException) -> None:
        self.crashed = True
        self.stopping.set()

    def own_name(self) -> str:
        return self.settings.box.mail_name or socket.gethostname() or "outbox.local"

    def _own_names(self) -> list[str]:
        return [self.settings.box.mail_name] if self.settings.box.mail_name else []

    async def start(self) -> None:
        await self.spool.start()
        self.scheduler.start()
        self.history.attempts.keep_only({item.queue_id for item in self.scheduler.items()})
        await self.control.start()
        await self.intake.start()
        self._watches = [asyncio.create_task(work) for work in (self.resolver.watch(), self._keep_history())]
        log.info("version %s accepting mail at %s", __version__, self.intake.bound)

    async def stop(self) -> None:
        """Clients and attempts under way end side by side, so that both have most of the ten seconds."""
        await asyncio.gather(self.intake.stop(), self.scheduler.stop())
        for watch in self._watches:
            watch.cancel()
        self.transport.close()
        await self.control.stop()
        await self.spool.stop()
        self.history.write()

    async def _keep_history(self) -> None:
        """Bring it to the card also when nothing happens any more."""
        while True:
            await asyncio.sleep(WRITE_S)
            self.history.write()


async def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    path = MailPath(settings)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(path.stumbled)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, path.stopping.set)
    await path.start()
    notify("READY=1")
    watchdog = asyncio.create_task(_watch(path.scheduler))
    await path.stopping.wait()
    notify("STOPPING=1")
    watchdog.cancel()
    await path.stop()
    return 1 if path.crashed else 0


async def _watch(scheduler: Scheduler) -> None:
    """Tell systemd that the loop turns and that due mail is begun; a relay that does neither is killed and started
    again."""
    span = watchdog_s()
    while span:
        if scheduler.overdue_s < span:
            notify("WATCHDOG=1")
        await asyncio.sleep(span * WATCHDOG_SHARE)
