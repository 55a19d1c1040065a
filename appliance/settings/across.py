"""What only several settings together can get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.settings.complaint import Complaint
from appliance.settings.schema import Settings

UART: Final = (14, 15)  # GPIO of the serial line
LINES: Final = ("system", "queue", "bounce", "activity", "button")


def across(settings: Settings) -> Iterator[Complaint]:
    """Every such complaint."""
    yield from _incomplete(settings)
    yield from _doubled(settings)
    yield from _doors(settings)
    yield from _families(settings)
    if not any(row.name == "default" for row in settings.domain):
        yield Complaint("domain", "no row named default", "a list with a row named default")


def _incomplete(settings: Settings) -> Iterator[Complaint]:
    if bool(settings.tls.certificate) != bool(settings.tls.private_key):
        yield Complaint("tls.private_key", repr(settings.tls.private_key), "given together with tls.certificate")
    for way, address in (("ipv4", "address"), ("ipv6", "address6")):
        if getattr(settings.network, way) == "static" and not getattr(settings.network, address):
            yield Complaint(f"network.{address}", "''", f"given, as network.{way} is static")
    for number, relay in enumerate(settings.relay, 1):
        if relay.auth and not relay.user:
            yield Complaint(f"relay[{number}].user", "''", "given, as auth is set")


def _doubled(settings: Settings) -> Iterator[Complaint]:
    lines = [getattr(settings.panel, f"{name}_gpio") for name in LINES]
    if len({*lines, *UART}) < len(lines) + len(UART):
        yield Complaint("panel", repr(lines), "five different pins, none of them 14 or 15 (the serial line)")
    for name in ("listener", "relay", "domain"):
        seen: set[str] = set()
        for number, row in enumerate(getattr(settings, name), 1):
            if row.name in seen:
                yield Complaint(f"{name}[{number}].name", repr(row.name), "different from the rows before it")
            seen.add(row.name)


def _doors(settings: Settings) -> Iterator[Complaint]:
    """Two that would listen at the same port of the same address: one of them could not start."""
    page = settings.page
    doors = [(f"listener[{number}].port", row.address, row.port) for number, row in enumerate(settings.listener, 1)]
    if page.enabled:
        doors += [("page.port", page.address, page.port), ("page.tls_port", page.address, page.tls_port)]
    for number, (key, address, port) in enumerate(doors):
        taken = [other for other, at, same in doors[:number] if same == port and (at == address or "" in (at, address))]
        if port and taken:
            yield Complaint(key, str(port), f"another port than that of {taken[0]}")


def _families(settings: Settings) -> Iterator[Complaint]:
    for name in ("address", "gateway", "address6", "gateway6"):
        value, six = getattr(settings.network, name), name.endswith("6")
        if value and (":" in value) != six:
            yield Complaint(f"network.{name}", repr(value), f"an address of IPv{6 if six else 4}")
