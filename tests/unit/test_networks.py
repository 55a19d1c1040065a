"""Which addresses may be a next hop."""

import pytest

from appliance.core.networks import address_of, deliverable, networks


def may(text: str, own: tuple[str, ...] = (), lab: tuple[str, ...] = ()) -> bool:
    address = address_of(text)
    known = [found for each in own if (found := address_of(each))]
    return address is not None and deliverable(address, known, networks(lab))


NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255
192.0.0.8 192.0.2.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::7f00:1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::a00:1
2002:7f00:1:: 2002:c0a8:101::1 2001::1 2001:db8::1 3fff::1 fc00::1 fd12::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1
100::1 5f00::1 localhost 8.8.8 08.8.8.8 8.8.8.8/32
"""


@pytest.mark.parametrize("text", ["8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "100.63.255.255"])
def test_public_addresses_are_deliverable(text: str) -> None:
    assert may(text)


@pytest.mark.parametrize(
    "text",
    NOT_PUBLIC.split(),
)
def test_everything_else_is_not(text: str) -> None:
    assert not may(text)


def test_6to4_is_judged_by_the_address_inside() -> None:
    assert may("2002:808:808::1")


def test_the_box_itself_is_not_deliverable_in_any_spelling() -> None:
    assert not may("8.8.8.8", own=("8.8.8.8",))
    assert not may("::ffff:8.8.8.8", own=("8.8.8.8",))
    assert not may("2a00::1", own=("2a00:0::1",))


def test_a_lab_network_is_deliverable_and_nothing_beside_it() -> None:
    assert may("127.0.0.9", lab=("127.0.0.0/8",))
    assert may("::ffff:127.0.0.9", lab=("127.0.0.0/8",))
    assert not may("10.0.0.1", lab=("127.0.0.0/8", "no network"))
    assert may("10.0.0.1", lab=("private",))
    assert may("fd12::1", lab=("any",))


@pytest.mark.parametrize("inside", ["64:ff9b::7f00:1", "2002:7f00:1::"])
def test_a_lab_network_does_not_open_what_carries_it(inside: str) -> None:
    assert not may(inside, lab=("127.0.0.0/8",))
