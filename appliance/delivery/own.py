"""The addresses of this machine, as Linux tells them in /proc/net; the router must know them to see a loop.

`addresses` never fails: what cannot be read is left out. Looked up anew when more than SECONDS old, since addresses
come and go.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Final

from appliance.ports import Clock

SECONDS: Final = 5.0
_IPV4: Final = Path("/proc/net/fib_trie")
_IPV6: Final = Path("/proc/net/if_inet6")
_LOCAL: Final = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL")


def ipv4(fib_trie: str) -> list[str]:
    """The local ones of a dump of the routing trie, each once."""
    return sorted(set(_LOCAL.findall(fib_trie)))


def ipv6(if_inet6: str) -> list[str]:
    """One address a line, 32 hexadecimal digits first."""
    found = []
    for line in if_inet6.splitlines():
        digits = line.partition(" ")[0]
        if re.fullmatch(r"[0-9a-f]{32}", digits):
            found.append(str(ipaddress.IPv6Address(int(digits, 16))))
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


class OwnAddresses:
    """Called by the router for each route."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: list[str] = []
        self._at = float("-inf")

    def __call__(self) -> list[str]:
        now = self._clock.monotonic()
        if now - self._at > SECONDS:
            self._known, self._at = [*ipv4(_read(_IPV4)), *ipv6(_read(_IPV6))], now
        return self._known
