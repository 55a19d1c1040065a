"""The machine's own addresses, out of what Linux says."""

from appliance.delivery.own import OwnAddresses, ipv4, ipv6
from tests.fakes.clock import FakeClock

FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
        |-- 192.0.2.2
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
        |-- 192.0.2.2
           /32 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
"""
IF_INET6 = """00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000009 02 40 00 00     eth0
nonsense
"""


def test_local_addresses_are_found_once_and_nothing_else() -> None:
    assert ipv4(FIB_TRIE) == ["127.0.0.1", "192.0.2.2"]
    assert ipv6(IF_INET6) == ["::1", "2001:db8::9"]
    assert ipv4("") == ipv6("") == []


def test_this_machine_has_a_loopback_address() -> None:
    own = OwnAddresses(FakeClock())
    assert "127.0.0.1" in own()
    assert own() is own()
