"""Which addresses may be a next hop (design P5; RFC 6890, RFC 6052, RFC 3056).

Pure tables and questions; nothing raises on a bad address: what cannot be read may not be delivered to.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC_4: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(
    ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_WORDS: Final = {
    "any": ("0.0.0.0/0", "::/0"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"),
}


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that settings name, the words private and any included; what is none is left out."""
    found: list[Network] = []
    for text in texts:
        for each in _WORDS.get(text, (text,)):
            try:
                found.append(ipaddress.ip_network(each, strict=False))
            except ValueError:
                continue
    return tuple(found)


def address_of(text: str) -> Address | None:
    """`text` as an address without a zone, an IPv4-mapped one as IPv4; None when it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return None
        return address.ipv4_mapped or address
    return address


def public(address: Address) -> bool:
    """Whether the Internet routes it. What carries an IPv4 address inside (NAT64, 6to4) is judged by that."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.ipv4_mapped:
        return public(address.ipv4_mapped)
    if address in _NAT64:
        return public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour:
        return public(address.sixtofour)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def inside(address: Address, among: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in among)


def deliverable(address: Address, own: Iterable[Address], lab: Iterable[Network]) -> bool:
    """Whether mail may be sent there: public and not the box itself, or in a network that a setting names."""
    return inside(address, lab) or (public(address) and address not in set(own))
