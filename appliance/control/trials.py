"""The verbs test.…: what an operator may try. Arguments are checked here; the trying is a ports.Probe's.

Each takes "servers" (DNS servers to use instead of those in force, at most SERVERS_MAX). A trial takes at most TRIAL_S,
and there are at most TRIALS_MAX at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from appliance.core import mailbox
from appliance.ports import Probe, Refused, Verb
from appliance.settings.kinds import KINDS
from appliance.settings.schema import Settings

TRIAL_S: Final = 50.0
TRIALS_MAX: Final = 4
SERVERS_MAX: Final = 8


class Trials:
    """`settings` gives the DNS servers and the domain that are used when none is named."""

    def __init__(self, probe: Probe, settings: Settings) -> None:
        self._probe, self._settings = probe, settings
        self._under_way = 0

    def table(self) -> Mapping[str, Verb]:
        return {"test.dns": self.dns, "test.mx": self.mx, "test.smtp": self.smtp, "test.port25": self.port25}

    async def dns(self, args: dict[str, Any]) -> Any:
        """Each DNS server is asked."""
        name = self._domain(args, "name", self._usual() or "example.com")
        servers = self._servers(args)
        return {"name": name, "servers": await self._bounded(lambda: self._probe.dns(servers, name))}

    async def mx(self, args: dict[str, Any]) -> Any:
        servers, domain = self._servers(args), self._domain(args, "domain", "")
        return await self._bounded(lambda: self._probe.mx(servers, domain))

    async def smtp(self, args: dict[str, Any]) -> Any:
        host, port = args.get("host"), args.get("port", 25)
        if not isinstance(host, str) or len(host) > 255 or KINDS["host"](host):
            raise Refused("a host name or an address is needed")
        if type(port) is not int or not 0 < port < 65536:
            raise Refused("a port is a number from 1 to 65535")
        servers = self._servers(args)
        return await self._bounded(lambda: self._probe.smtp(servers, host, port))

    async def port25(self, args: dict[str, Any]) -> Any:
        if not args.get("domain") and not self._usual():
            raise Refused("no owner is set, so name a domain to try, such as office.example")
        servers, domain = self._servers(args), self._domain(args, "domain", self._usual())
        return await self._bounded(lambda: self._probe.port25(servers, domain))

    def _servers(self, args: dict[str, Any]) -> list[str]:
        servers = args.get("servers") or list(self._settings.dns.servers)
        fine = isinstance(servers, list) and len(servers) <= SERVERS_MAX
        if not fine or any(not isinstance(each, str) or len(each) > 100 or KINDS["server"](each) for each in servers):
            raise Refused(f"servers are at most {SERVERS_MAX} addresses such as 192.168.1.1 or [2001:db8::1]:53")
        return servers

    def _domain(self, args: dict[str, Any], name: str, usual: str) -> str:
        text = args.get(name) or usual
        domain = mailbox.domain_of(text) if isinstance(text, str) and len(text) <= 255 else None
        if domain is None:
            raise Refused("a domain such as office.example is needed")
        return domain

    def _usual(self) -> str:
        """A domain that certainly matters to this office."""
        return self._settings.box.owner.rpartition("@")[2]

    async def _bounded(self, trial: Callable[[], Awaitable[Any]]) -> Any:
        if self._under_way >= TRIALS_MAX:
            raise Refused("enough is being tried, please ask again in a moment")
        self._under_way += 1
        try:
            async with asyncio.timeout(TRIAL_S):
                return await trial()
        except TimeoutError:
            raise Refused(f"no result within {TRIAL_S:.0f} seconds") from None
        finally:
            self._under_way -= 1
