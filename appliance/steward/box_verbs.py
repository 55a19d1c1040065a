"""The verbs about the box itself: version, log, network, clock, power, update, and those of the button.

`machine` does it; times are typed in the box's own time zone. The button's short press and its longest one talk to the
relay, which may be dead: then they say so. Raises ports.Refused.
"""

from __future__ import annotations

import asyncio
import datetime
import platform
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any, Final

from appliance import __version__
from appliance.passwords import Passwords
from appliance.ports import Refused, Verb
from appliance.settings.schema import FORMAT, Settings
from appliance.steward.machine import Machine
from appliance.steward.reset import Reset
from appliance.steward.settings_verbs import whole, words
from appliance.steward.updates import Updates

LINES_MAX: Final = 2000
EARLIEST: Final = 1767225600.0  # 2026: before the software existed
LATEST: Final = 4102444800.0  # 2100


class BoxVerbs:
    """`settings` gives the present ones."""

    def __init__(self, settings: Callable[[], Settings], machine: Machine, passwords: Passwords, reset: Reset,
                 updates: Updates) -> None:  # fmt: skip
        self._settings, self._machine, self._passwords = settings, machine, passwords
        self._reset, self._updates = reset, updates

    def table(self) -> Mapping[str, Verb]:
        return {
            "version": self.version,
            "log": self.log,
            "network.show": self.network,
            "clock.set": self.clock,
            "reboot": self.reboot,
            "shutdown": self.shut_down,
            "update.install": self.install,
            "update.status": lambda args: self._updates.status(),
            "factory-reset": self.factory_reset,
            "factory-reset.asked": lambda args: {"asked": self._reset.asked()},
            "button.short": self.short,
            "button.long": self.shut_down,
            "button.password-reset": self.password_reset,
            "button.factory-reset": self.button_reset,
        }

    async def version(self, args: dict[str, Any]) -> dict[str, Any]:
        return {"version": __version__, "settings_format": FORMAT, "python": platform.python_version(),
                "system": f"{platform.system()} {platform.release()} {platform.machine()}",
                **await self._machine.release()}  # fmt: skip

    async def log(self, args: dict[str, Any]) -> dict[str, Any]:
        return {"lines": await self._machine.log(max(1, min(whole(args, "lines", 50), LINES_MAX)))}

    async def network(self, args: dict[str, Any]) -> dict[str, Any]:
        wanted = self._settings().network
        asked = {name: getattr(wanted, name) for name in wanted.__slots__}
        return {"settings": {name: value for name, value in asked.items() if value}, **await self._machine.network()}

    async def clock(self, args: dict[str, Any]) -> dict[str, Any]:
        """`time` like 2026-11-24 13:05 in the box's time zone, or with its own offset."""
        text, zone = words(args, "time", 60).strip(), self._zone()
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise Refused("a time such as 2026-11-24 13:05 is needed") from None
        at = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
        if not EARLIEST <= at <= LATEST:
            raise Refused("this cannot be: the time is between the years 2026 and 2100")
        await self._machine.set_clock(at)
        return {"time": datetime.datetime.fromtimestamp(at, zone).isoformat(" ", "seconds")}

    def _zone(self) -> datetime.tzinfo:
        try:
            return zoneinfo.ZoneInfo(self._settings().network.timezone)
        except (OSError, ValueError):
            return datetime.UTC

    async def reboot(self, args: dict[str, Any]) -> dict[str, Any]:
        await self._machine.reboot()
        return {"rebooting": True}

    async def shut_down(self, args: dict[str, Any]) -> dict[str, Any]:
        await self._machine.power_off()
        return {"shutting_down": True}

    async def install(self, args: dict[str, Any]) -> dict[str, Any]:
        """Begin; update.status tells how far it is. The box starts anew afterwards unless `reboot` is false."""
        return self._updates.begin(words(args, "source", 2000), args.get("reboot", True) is not False)

    async def factory_reset(self, args: dict[str, Any]) -> dict[str, Any]:
        return await self._reset.ask(words(args, "mail", 20, ""), words(args, "folder", 1000, ""))

    async def short(self, args: dict[str, Any]) -> dict[str, Any]:
        """All bounces seen, all mail due."""
        return {**await self._reset.relay("acknowledge"), **await self._reset.relay("flush")}

    async def password_reset(self, args: dict[str, Any]) -> dict[str, Any]:
        """Who can hold the button may choose a new password."""
        await asyncio.to_thread(self._passwords.remove)
        return {"removed": True}

    async def button_reset(self, args: dict[str, Any]) -> dict[str, Any]:
        return await self._reset.button()
