"""Who may relay: an ordered list of allow and deny rows of client networks.

The first row that matches an address decides; no match is a denial. The word "private" stands for private (RFC 1918),
unique-local (RFC 4193), link-local and loopback addresses *in a directly connected network*; "any" for all. A mapped
address (::ffff:192.0.2.1) counts as the IPv4 address in it, a zone ("%eth0") is ignored. What is no address at all is
denied; nothing here raises on a bad address. A bad row raises ValueError when the list is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PRIVATE: Final = tuple(
    ip_network(each)
    for each in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@lru_cache(4096)
def address_of(text: str) -> Address | None:
    """`text` as an address: without its zone, and unmapped. None when it is none."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        return found.ipv4_mapped
    return found


def network_of(text: str) -> Network:
    """`text` such as "192.0.2.0/24" or one address; host bits are dropped. Raises ValueError."""
    found = ip_network(text, strict=False)
    if isinstance(found, IPv6Network) and found.prefixlen >= 96 and found.network_address.ipv4_mapped:
        return IPv4Network((found.network_address.ipv4_mapped, found.prefixlen - 96))
    return found


def within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)


def is_private(address: Address, connected: Iterable[Network]) -> bool:
    """Whether `address` is a private one in a network that the box is connected to (loopback always is)."""
    if not within(address, PRIVATE):
        return False
    return within(address, LOOPBACK) or within(address, connected)


class AccessList:
    """Rows of (network or word, allow?) in order."""

    def __init__(self, rows: Iterable[tuple[str, bool]]) -> None:
        self._rows = [(None if word in ("private", "any") else network_of(word), word, ok) for word, ok in rows]

    def allows(self, client: str, connected: Iterable[Network]) -> bool:
        """`connected` = the networks that the box has an interface in."""
        address = address_of(client)
        if address is None:
            return False
        for network, word, allowed in self._rows:
            if network is None:
                matches = word == "any" or is_private(address, connected)
            else:
                matches = within(address, (network,))
            if matches:
                return allowed
        return False


def client_key(peer: str) -> str:
    """The address that counts as one client."""
    address = address_of(peer)
    if isinstance(address, IPv6Address) and not address.is_link_local and not address.is_loopback:
        return str(IPv6Address(int(address) >> 64 << 64)) + "/64"
    return str(address) if address else peer
