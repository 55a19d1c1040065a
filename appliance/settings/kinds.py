"""The stricter forms of a text that a setting may ask for: "" when it is right, else the words for what would be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from appliance.core import mailbox
from appliance.core.access import network_of


def _domain(raw: str) -> str:
    return "" if mailbox.domain_of(raw) else "a domain such as office.example"


def _pattern(raw: str) -> str:
    if raw == "default" or mailbox.domain_of(raw.removeprefix(".")):
        return ""
    return "a domain such as office.example, .office.example for what is below it, or default"


def _mailbox(raw: str) -> str:
    return "" if (found := mailbox.parse(raw)) and found.domain else "a mailbox such as name@office.example"


def _network(raw: str) -> str:
    return (
        "" if raw in ("private", "any") or not _range(raw) else "a network such as 192.168.1.0/24, or private, or any"
    )


def _range(raw: str) -> str:
    try:
        network_of(raw)
    except ValueError:
        return "an address or a network such as 192.168.1.0/24"
    return ""


def _address(raw: str) -> str:
    try:
        ipaddress.ip_address(raw)
    except ValueError:
        return "an address such as 192.168.1.5"
    return ""


def _cidr(raw: str) -> str:
    try:
        ipaddress.ip_interface(raw)
    except ValueError:
        raw = ""
    return "" if "/" in raw else "an address with its prefix length such as 192.168.1.5/24"


def _label(raw: str) -> str:
    fine = re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", raw, re.IGNORECASE | re.ASCII)
    return "" if fine else "letters, digits and hyphens, such as outbox"


def _timezone(raw: str) -> str:
    fine = re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}", raw, re.ASCII)
    return "" if fine else "a time zone such as Europe/Vienna"


def _server(raw: str) -> str:
    host, port = split_server(raw)
    return "" if not _address(host) and 1 <= port <= 65535 else "an address such as 192.168.1.1 or [2001:db8::1]:53"


def _host(raw: str) -> str:
    return "" if mailbox.domain_of(raw) or not _address(raw) else "a host name or an address"


def split_server(text: str) -> tuple[str, int]:
    """ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT apart; port 53 when not given, 0 when it is no number."""
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        if not closed:
            return host, 0
    elif text.count(":") == 1:
        host, rest = text[: text.index(":")], text[text.index(":") :]
    else:
        host, rest = text, ""
    if not rest:
        return host, 53
    port = rest[1:] if rest[0] == ":" else ""
    return host, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0


KINDS: Final[dict[str, Callable[[str], str]]] = {
    "": lambda _: "",
    "path": lambda raw: "" if raw.startswith("/") else "a path from the root such as /data/spool",
    "domain": _domain,
    "pattern": _pattern,
    "mailbox": _mailbox,
    "network": _network,
    "range": _range,
    "address": _address,
    "cidr": _cidr,
    "label": _label,
    "timezone": _timezone,
    "server": _server,
    "host": _host,
}
