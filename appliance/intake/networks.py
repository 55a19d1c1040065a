"""The networks that this machine has an interface in, as Linux tells them in /proc/net.

`connected` never fails: what cannot be read counts as not connected, so "private" in the access list then means
loopback only. Looked up anew when more than SECONDS old, since addresses come and go.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final

from appliance.core.access import Network

SECONDS: Final = 5.0
_ROUTES: Final = Path("/proc/net/route")
_ADDRESSES: Final = Path("/proc/net/if_inet6")


def connected() -> list[Network]:
    return [*_routes(_read(_ROUTES)), *_addresses(_read(_ADDRESSES)), ip_network("fe80::/10")]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _routes(text: str) -> list[IPv4Network]:
    """Rows without a gateway; numbers are in the machine's octet order."""
    found = []
    for row in text.splitlines()[1:]:
        columns = row.split()
        if len(columns) < 8 or int(columns[2], 16) or not int(columns[7], 16):
            continue
        base, mask = (socket.inet_ntoa(struct.pack("=I", int(columns[place], 16))) for place in (1, 7))
        found.append(IPv4Network(f"{base}/{mask}", strict=False))
    return found


def _addresses(text: str) -> list[IPv6Network]:
    found = []
    for row in text.splitlines():
        columns = row.split()
        if len(columns) >= 3:
            found.append(IPv6Network((int(columns[0], 16), int(columns[2], 16)), strict=False))
    return found


class Connected:
    """`connected`, remembered for a few seconds."""

    def __init__(self) -> None:
        self._known: list[Network] = []
        self._at = float("-inf")

    def networks(self, now: float) -> list[Network]:
        if now - self._at > SECONDS:
            self._known, self._at = connected(), now
        return self._known
