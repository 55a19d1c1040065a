"""Which clients may relay."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from appliance.core.access import AccessList

CONNECTED = [
    ip_network("192.168.7.0/24"),
    ip_network("fd00:7::/64"),
    ip_network("fe80::/10"),
    ip_network("203.0.113.0/24"),
]
SHIPPED = AccessList([("private", True)])


@pytest.mark.parametrize(
    ("client", "allowed"),
    [
        ("192.168.7.9", True),
        ("::ffff:192.168.7.9", True),
        ("192.168.8.9", False),  # private, but not ours
        ("10.0.0.1", False),
        ("fd00:7::5", True),
        ("fd00:8::5", False),
        ("fe80::1%eth0", True),
        ("fe80::1", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("203.0.113.5", False),  # connected, but public
        ("8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("64:ff9b::c0a8:709", False),
        ("2002:c0a8:709::1", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_as_shipped_only_connected_private_networks_may_relay(client: str, allowed: bool) -> None:
    assert SHIPPED.allows(client, CONNECTED) is allowed


def test_the_first_row_that_matches_decides() -> None:
    rows = AccessList([("192.168.7.9", False), ("192.168.7.0/24", True), ("any", False), ("10.0.0.0/8", True)])
    assert not rows.allows("192.168.7.9", []) and rows.allows("192.168.7.10", []) and not rows.allows("10.1.1.1", [])


def test_without_rows_nobody_may_relay() -> None:
    assert not AccessList([]).allows("127.0.0.1", CONNECTED)


def test_a_mapped_network_counts_as_its_ipv4_network() -> None:
    assert AccessList([("::ffff:192.0.2.0/120", True)]).allows("192.0.2.77", [])


def test_a_row_that_is_no_network_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="192"):
        AccessList([("192.0.2.0/99", True)])
