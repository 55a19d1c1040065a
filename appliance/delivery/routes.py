"""Domain -> next hop by DNS (RFC 5321 5.1, RFC 7505), and a configured relay's addresses.

Every address handed out was checked and is the one to dial: names are never resolved again. Failures are Replies:
550 5.1.2 no such domain, 556 5.1.10 null MX, 554 5.4.6 we are the best MX ourselves, 451 4.4.3 DNS trouble,
451 4.4.4 mail servers without an address that may be used. Counts are bounded (HOSTS_MAX, delivery.addresses_max).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from appliance.core.mailbox import domain_of, literal_address
from appliance.core.networks import Address, address_of, deliverable, networks
from appliance.core.reply import Reply, printable
from appliance.delivery.resolver import Answer, Resolver
from appliance.ports import Clock, Hop, Host, TlsPolicy
from appliance.settings.schema import Settings

HOSTS_MAX: Final = 50  # MX hosts looked at; the rest of a longer list is ignored
OWN_S: Final = 5.0  # how long the box's own addresses are believed
_TLS_MODES: Final = {"none": "none", "opportunistic": "opportunistic", "required": "starttls"}


@dataclass(frozen=True, slots=True)
class _Found:
    """One MX host: `addresses` usable ones, `ours` = it is the box, `refused` and `failed` for the explanation."""

    preference: int
    name: str
    addresses: tuple[str, ...] = ()
    ours: bool = False
    refused: bool = False
    failed: str = ""


class MxRouter:
    """Implements ports.Router. `own_names` and `own_addresses` say who the box is; asked again as time goes by."""

    def __init__(
        self,
        settings: Settings,
        resolver: Resolver,
        own_names: Callable[[], Iterable[str]],
        own_addresses: Callable[[], Iterable[str]],
        clock: Clock,
        random: Random,
    ) -> None:
        self._delivery, self._resolver, self._clock, self._random = settings.delivery, resolver, clock, random
        self._own_names, self._own_addresses = own_names, own_addresses
        self._here: set[Address] = set()
        self._own_at = float("-inf")
        self._lab = networks(settings.delivery.lab_networks)

    async def route(self, domain: str) -> Hop | Reply:
        """The next hop for `domain`."""
        if domain.startswith("["):
            return self._literal(domain)
        answer = await self._resolver.ask(domain, "MX")
        listed = self._listed(domain, answer)
        if isinstance(listed, Reply):
            return listed
        names = {name.lower().rstrip(".") for name in self._own_names()}
        best = min((preference for preference, name in listed if name in names), default=None)
        candidates = [row for row in listed if best is None or row[0] < best]
        here = self._own()
        found = await asyncio.gather(*(self._find(*row, here) for row in candidates[: self._delivery.addresses_max]))
        own = [each.preference for each in found if each.ours] + ([] if best is None else [best])
        usable = [each for each in found if not own or each.preference < min(own)]
        hosts = self._bounded([each for each in usable if each.addresses])
        if hosts:
            return self._hop(domain, hosts)
        return _nothing(domain, usable, looped=bool(own), implicit=not answer.found)

    async def resolve(self, host: str, port: int) -> Host | Reply:
        """A configured relay: its setting names it, so it may stand in the LAN."""
        if (address := address_of(host.strip("[]"))) is not None:
            return Host(host, port, (str(address),))
        answers = await self._both(host)
        addresses = [value for answer in answers for value in answer.values if answer.found]
        checked = [text for text in addresses if (a := address_of(text)) and not (a.is_multicast or a.is_unspecified)]
        if checked:
            return Host(host, port, tuple(checked[: self._delivery.addresses_max]))
        why = next((answer.why for answer in answers if answer.failed), f"{host} has no address")
        return Reply(451, "4.4.3", f"relay {host}: {why}")

    async def null_mx(self, domain: str) -> bool:
        """Whether `domain` says that it takes no mail at all (RFC 7505)."""
        return not domain.startswith("[") and _is_null(await self._resolver.ask(domain, "MX"))

    def _literal(self, domain: str) -> Hop | Reply:
        address = literal_address(domain)
        checked = address_of(str(address)) if address else None
        if checked is None or not self._usable(checked, self._own()):
            return Reply(550, "5.1.2", f"{domain} is no address that mail may be sent to")
        return self._hop(domain, (Host(str(checked), self._delivery.lab_port, (str(checked),)),))

    def _hop(self, name: str, hosts: tuple[Host, ...]) -> Hop:
        policy = TlsPolicy(_TLS_MODES[self._delivery.tls])
        return Hop(name, hosts, policy, source_address=self._delivery.source_address)

    def _listed(self, domain: str, answer: Answer) -> list[tuple[int, str]] | Reply:
        """Preference and host in the order to try, or why there is none."""
        if answer.failed:
            return Reply(451, "4.4.3", answer.why)
        if answer.outcome == "nxdomain":
            return Reply(550, "5.1.2", f"domain {domain} does not exist")
        if not answer.found:
            return [(0, name)] if (name := domain_of(answer.name)) else []
        if _is_null(answer):
            return Reply(556, "5.1.10", f"domain {domain} takes no mail (null MX)")
        rows = []
        for value in answer.values:
            preference, _, host = value.partition(" ")
            name = domain_of(host)
            if preference.isdigit() and name is not None:
                rows.append((int(preference), name))
        self._random.shuffle(rows)
        rows.sort(key=lambda row: row[0])
        return rows[:HOSTS_MAX]

    async def _both(self, host: str) -> list[Answer]:
        """Its addresses, the preferred family first."""
        kinds = ["A"]
        if self._delivery.ipv6:
            kinds = ["AAAA", "A"] if self._delivery.prefer_ipv6 else ["A", "AAAA"]
        return list(await asyncio.gather(*(self._resolver.ask(host, kind) for kind in kinds)))

    async def _find(self, preference: int, host: str, own: set[Address]) -> _Found:
        answers = await self._both(host)
        addresses = [address_of(value) for answer in answers if answer.found for value in answer.values]
        ours = any(address in own for address in addresses if address)
        usable = [str(address) for address in addresses if address is not None and self._usable(address, own)]
        failed = next((answer.why for answer in answers if answer.failed), "")
        return _Found(preference, host, tuple(usable), ours, len(usable) < len(addresses), failed)

    def _own(self) -> set[Address]:
        """Without loopback, which is never a lawful next hop but in a lab, and there it is not we."""
        now = self._clock.monotonic()
        if now - self._own_at > OWN_S:
            every = (address_of(text) for text in self._own_addresses())
            self._here = {address for address in every if address is not None and not address.is_loopback}
            self._own_at = now
        return self._here

    def _usable(self, address: Address, own: set[Address]) -> bool:
        return address not in own and deliverable(address, own, self._lab)

    def _bounded(self, found: list[_Found]) -> tuple[Host, ...]:
        """At most addresses_max in all, and no host takes more than half when there are others."""
        left = self._delivery.addresses_max
        share = left if len(found) == 1 else max(1, left // 2)
        hosts = []
        for each in found:
            addresses = each.addresses[: min(share, left)]
            left -= len(addresses)
            if addresses:
                hosts.append(Host(each.name, self._delivery.lab_port, addresses))
        return tuple(hosts)


def _is_null(answer: Answer) -> bool:
    """Exactly one MX and its host is the root (RFC 7505 3)."""
    return answer.found and len(answer.values) == 1 and answer.values[0].endswith(" .")


def _nothing(domain: str, found: list[_Found], *, looped: bool, implicit: bool) -> Reply:
    """Why no host is left."""
    failed = next((each.failed for each in found if each.failed), "")
    if failed:
        return Reply(451, "4.4.3", failed)
    if any(each.refused for each in found):
        return Reply(451, "4.4.4", f"the mail servers of {domain} have only addresses that are not on the Internet")
    if looped:
        return Reply(554, "5.4.6", f"mail for {domain} loops back to this box: it is its own best mail server")
    if implicit:
        return Reply(550, "5.1.2", f"domain {domain} has neither mail servers nor an address")
    names = printable(", ".join(each.name for each in found), 200)
    return Reply(451, "4.4.4", f"no address for the mail servers of {domain}: {names or 'none usable'}")
