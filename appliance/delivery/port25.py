"""Whether the office's line lets mail servers be reached at all: many providers block port 25 outwards.

Learnt from connections that are made anyway. "blocked" when connections to hosts of NETWORKS different networks failed
to open within SPAN_S and none opened meanwhile; "open" from the first that opens on. Pure counting on times that the
caller gives (monotonic seconds); at most KEPT networks are remembered.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

from appliance.core.networks import address_of

NETWORKS: Final = 3
SPAN_S: Final = 3600.0
KEPT: Final = 64


class Port25:
    """`port` is the one that MX hosts listen on."""

    def __init__(self, port: int = 25) -> None:
        self.port = port
        self.state = "unknown"
        self._failed: dict[str, float] = {}

    def opened(self, port: int) -> None:
        """A connection came about."""
        if port == self.port:
            self.state = "open"
            self._failed.clear()

    def failed(self, address: str, port: int, now: float) -> None:
        """Nobody answered there, or the connection was refused."""
        if port != self.port:
            return
        self._failed[_network(address)] = now
        self._failed = dict([row for row in self._failed.items() if now - row[1] <= SPAN_S][-KEPT:])
        if len(self._failed) >= NETWORKS:
            self.state = "blocked"


def _network(address: str) -> str:
    """Hosts of one network often fail together for a reason of their own."""
    found = address_of(address)
    if found is None:
        return address
    bits = 80 if isinstance(found, IPv6Address) else 8
    return f"{found.version}:{int(found) >> bits}"
