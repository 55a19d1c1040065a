"""Gathers the facts of the whole box for the verb "status" (core/status.py names them).

Cheap enough to be asked several times a second with 50,000 items in the queue: counts are kept as things change, what
must be read from the system is read at most every LOOK_S. `locate` and `test_lamps` are wishes to the panel, which it
finds in the status.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance import __version__, surroundings
from appliance.core.access import address_of
from appliance.delivery.bounces import Bounces
from appliance.delivery.port25 import Port25
from appliance.delivery.resolver import Resolver
from appliance.delivery.scheduler import Scheduler
from appliance.intake.server import Intake
from appliance.ports import Clock, Refused
from appliance.settings.schema import Settings
from appliance.spool.journal import JournalSpool

LOOK_S: Final = 2.0
LOCATE_S: Final = 60.0
TEST_S: Final = 4.0
DAMAGE_MAX: Final = 20


class Facts:
    """The parts are those of relay.MailPath. `root` is where /sys is looked for."""

    def __init__(
        self, settings: Settings, clock: Clock, own_name: Callable[[], str], spool: JournalSpool, scheduler: Scheduler,
        bounces: Bounces, intake: Intake, resolver: Resolver, port25: Port25, root: Path = surroundings.ROOT,
    ) -> None:  # fmt: skip
        self._settings, self._clock, self._own_name, self._root = settings, clock, own_name, root
        self._spool, self._scheduler, self._bounces = spool, scheduler, bounces
        self._intake, self._resolver, self._port25 = intake, resolver, port25
        self._started = clock.monotonic()
        self._seen: dict[str, Any] = {}
        self._seen_at = self._locate_until = self._test_until = float("-inf")
        self._note = Path(settings.control.steward_socket).parent / "update.json"

    def status(self, args: dict[str, Any]) -> dict[str, Any]:
        """All of it; with {"brief": true} without what is long."""
        facts = self._mail() | self._counters() | self._box()
        if args.get("brief") is not True:
            facts |= {
                "spool": {name: getattr(self._spool.facts(), name) for name in self._spool.facts().__slots__},
                "damage": self._spool.damage[-DAMAGE_MAX:],
                "listeners": [list(row) for row in self._intake.bound],
                "intake": self._intake.facts(),
            }
        return facts

    def locate(self, args: dict[str, Any]) -> dict[str, Any]:
        """All lamps blink for LOCATE_S, or no longer with {"off": true}."""
        span = 0.0 if args.get("off") is True else LOCATE_S
        self._locate_until = self._clock.monotonic() + span
        return {"locating_s": span}

    def test_lamps(self, args: dict[str, Any]) -> dict[str, Any]:
        """Each lamp lights for a moment."""
        if args:
            raise Refused("the lamp test takes no arguments")
        self._test_until = self._clock.monotonic() + TEST_S
        return {"testing_s": TEST_S}

    def _mail(self) -> dict[str, Any]:
        now, wall = self._clock.monotonic(), self._clock.wall()
        fault = self._spool.facts().fault or ("busy" if self._intake.busy else "")
        age_s, wait_s = self._scheduler.oldest_age_s, self._scheduler.next_attempt_s
        return {
            "version": __version__,
            "mail_name": self._own_name(),
            "accepting": not fault,
            "fault": fault,
            "queue": {str(phase): count for phase, count in self._scheduler.census.counts.items()},
            "oldest_at": None if age_s is None else wall - age_s,
            "next_attempt_at": None if wait_s is None else wall + wait_s,
            "started_at": wall - (now - self._started),
            "now": wall,
            "clock_known": self._clock.known(),
            "alarm_age_s": self._settings.panel.alarm_age_s,
        }

    def _counters(self) -> dict[str, Any]:
        moved_at = self._scheduler.moved_at
        return {
            "bounces": self._bounces.count,
            "accepted": self._scheduler.accepted_count,
            "delivered": self._scheduler.delivered_count,
            "failed": self._scheduler.failed_count,
            "moved_s": None if moved_at is None else self._clock.monotonic() - moved_at,
        }

    def _box(self) -> dict[str, Any]:
        now = self._clock.monotonic()
        if now - self._seen_at > LOOK_S:
            self._seen, self._seen_at = self._look(), now
        return self._seen | {
            "dns": self._dns(),
            "port25": self._port25.state,
            "locating": now < self._locate_until,
            "testing_lamps": now < self._test_until,
        }

    def _look(self) -> dict[str, Any]:
        local = all(_is_loopback(listener.address) for listener in self._settings.listener)
        certificate = self._intake.certificate
        return {
            "host_name": surroundings.host_name(),
            "link": None if local else surroundings.link(self._root),  # who serves this machine only needs no cable
            "addresses": surroundings.lan_addresses(),
            "temperature_c": surroundings.temperature_c(self._root),
            "updating": surroundings.updating(self._note),
            "tls_fingerprint": certificate.fingerprint,
            "tls_ends_at": certificate.ends_at or None,
        }

    def _dns(self) -> dict[str, Any]:
        health = self._resolver.health
        if not self._settings.dns.servers and not self._needs_dns():
            return {"ok": None, "servers": [], "why": ""}
        return {"ok": health.ok, "servers": list(self._settings.dns.servers), "why": health.why}

    def _needs_dns(self) -> bool:
        """Not where all mail goes through relays that are given by their addresses."""
        direct = any(row.direct_attempts for row in self._settings.domain)
        return direct or any(relay.enabled and address_of(relay.host) is None for relay in self._settings.relay)


def _is_loopback(text: str) -> bool:
    address = address_of(text)
    return address is not None and address.is_loopback
