"""The relay: builds the mail path from Settings, starts it, stops it.

One asyncio process: spool, scheduler, delivery, intake, control socket. SIGTERM ends it within ten seconds, clients
are told 421 and what was under way returns to the queue. An exception in any part is a bug and ends the process with
status 1: starting again from the spool is always safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
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
from appliance.control.verbs import READING, Verbs
from appliance.core.item import Phase
from appliance.delivery.attempt import Attempt
from appliance.delivery.bounces import Bounces
from appliance.delivery.reports import Reporter
from appliance.delivery.resolver import Resolver
from appliance.delivery.routes import MxRouter
from appliance.delivery.scheduler import Scheduler
from appliance.delivery.transport import SmtpTransport
from appliance.intake.server import Intake
from appliance.interface.server import InterfaceServer
from appliance.ports import Verb
from appliance.settings.credentials import Credentials
from appliance.settings.schema import Settings
from appliance.spool.files import Files
from appliance.spool.history import FileHistory
from appliance.spool.journal import open_spool

WATCHDOG_SHARE = 0.4
log = logging.getLogger(__name__)


class MailPath:
    """All parts of the mail path, wired. `crashed` is set by a bug anywhere."""

    def __init__(self, settings: Settings, card: Files | None = None) -> None:
        self.settings, self.clock = settings, SystemClock(settings.paths.clock_stamp)
        folder = Path(settings.spool.directory)
        self.spool = open_spool(settings.spool, self.clock, card)
        days, most = settings.spool.history_days, settings.spool.history_max_bytes
        self.history = FileHistory(folder, days, most, self.clock, settings.page.subject_days)
        self.bounces = Bounces(folder)
        self.resolver = Resolver(settings.dns, self.clock)
        self.router = MxRouter(settings, self.resolver, self._own_names, own_addresses, self.clock, random.Random())
        self.transport = SmtpTransport(settings, Credentials(settings.paths.credentials).password, self.clock)
        attempt = Attempt(settings, self.router, self.transport, self.spool)
        reporter = Reporter(settings, self.spool, self.bounces, self.clock, self.own_name)
        self.stopping = asyncio.Event()
        self.crashed = False
        self.scheduler = Scheduler(settings, self.spool, self.history, attempt, reporter, self.clock, self._crash)
        null_mx = self.router.null_mx if settings.dns.servers and settings.intake.refuse_null_mx_senders else None
        self.intake = Intake(settings, self.spool, self.scheduler, self.clock, null_mx, own_addresses())
        self.control = InterfaceServer(settings.control.socket, *self._verbs())

    def _verbs(self) -> tuple[Mapping[str, Verb], dict[int, Collection[str]]]:
        """The verbs, and which of them other users than the relay's own may use."""
        verbs = Verbs(
            self.scheduler, self.spool, self.history, self.bounces, self.clock, self.status, self.own_name
        ).table()
        control = self.settings.control
        lookup = Lookup(self.scheduler, self.history, self.clock, self.settings.device, self.intake.clients)
        table = {**verbs, **lookup.table(), "restart": self._restart}
        return table, {**dict.fromkeys(control.reader_uids, READING), **dict.fromkeys(control.operator_uids, table)}

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
        self.history.attempts.keep_only({item.queue_id for item in self.spool.items()})
        self.scheduler.start()
        await self.control.start()
        await self.intake.start()
        log.info("version %s accepting mail at %s", __version__, self.intake.bound)

    async def stop(self) -> None:
        """Clients and attempts under way end side by side, so that both have most of the ten seconds."""
        await asyncio.gather(self.intake.stop(), self.scheduler.stop())
        self.transport.close()
        await self.control.stop()
        await self.spool.stop()
        self.history.write()

    def status(self) -> dict[str, Any]:
        """The facts of the whole box; wording is made where they are shown."""
        phases = dict.fromkeys((str(phase) for phase in Phase), 0)
        oldest = None
        for item in self.scheduler.items():
            phases[item.phase] += 1
            oldest = item.arrival.at if oldest is None else min(oldest, item.arrival.at)
        facts = self.spool.facts()
        return {
            "version": __version__,
            "mail_name": self.own_name(),
            "accepting": not facts.fault,
            "fault": facts.fault,
            "queue": phases,
            "oldest_at": oldest,
            "bounces": len(self.bounces.unread()),
            "accepted": self.scheduler.accepted_count,
            "delivered": self.scheduler.delivered_count,
            "failed": self.scheduler.failed_count,
            "clock_known": self.clock.known(),
            "now": self.clock.wall(),
            "spool": {name: getattr(facts, name) for name in facts.__slots__},
            "damage": self.spool.damage[-20:],
            "listeners": [list(row) for row in self.intake.bound],
            "intake": self.intake.facts(),
        }


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
    span = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
    while span:
        if scheduler.overdue_s < span:
            notify("WATCHDOG=1")
        await asyncio.sleep(span * WATCHDOG_SHARE)


def notify(text: str) -> None:
    """A word to systemd, if it listens."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)
