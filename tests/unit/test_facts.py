"""What the box learns about its surroundings: port 25, DNS, link, temperature, updates."""

from pathlib import Path

import pytest

from appliance import surroundings
from appliance.delivery.dns_health import DnsHealth
from appliance.delivery.port25 import SPAN_S, Port25


def test_port_25_is_blocked_when_three_networks_do_not_answer_and_open_again_with_the_first_that_does() -> None:
    port = Port25()
    for address in ("192.0.2.1", "198.51.100.1"):
        port.failed(address, 25, 10.0)
    assert port.state == "unknown"
    port.failed("2001:db8::1", 25, 20.0)
    assert port.state == "blocked"
    port.opened(25)
    assert port.state == "open"
    port.failed("192.0.2.1", 25, 30.0)
    assert port.state == "open"


def test_one_dead_network_other_ports_and_long_ago_say_nothing_about_port_25() -> None:
    port = Port25()
    for number in range(10):
        port.failed(f"192.0.2.{number}", 25, 0.0)
        port.failed(f"198.51.{number}.1", 587, 0.0)
    port.failed("203.0.113.1", 25, SPAN_S)
    port.failed("198.51.100.1", 25, SPAN_S * 2)
    assert port.state == "unknown"


def said(health: DnsHealth) -> tuple[bool | None, str]:
    return health.ok, health.why


def test_no_server_set_is_no_dns() -> None:
    assert (DnsHealth([]).ok, DnsHealth([]).why) == (False, "no DNS server is set")
    assert DnsHealth(["192.0.2.53"]).ok is None


def test_no_dns_is_told_after_a_failed_test_and_until_an_answer() -> None:
    health = DnsHealth(["192.0.2.53"])
    assert health.failed("x.example", silent=True) is True
    assert said(health) == (None, "")
    health.test_failed("DNS server 192.0.2.53:53 does not answer")
    assert said(health) == (False, "DNS server 192.0.2.53:53 does not answer")
    assert health.failed("y.example", silent=True) is False  # it is known already
    health.answered()
    assert said(health) == (True, "")


def test_one_broken_domain_raises_no_suspicion_but_three_in_a_row_do() -> None:
    health = DnsHealth(["192.0.2.53"])
    names = ["broken.example"] * 5 + ["two.example", "three.example", "four.example"]
    assert [health.failed(name, silent=False) for name in names] == [False] * 6 + [True, True]
    health.answered()
    assert health.failed("five.example", silent=False) is False


def test_a_dead_server_is_told_although_another_answers() -> None:
    health = DnsHealth(["192.0.2.53", "192.0.2.54"])
    health.server_silent("192.0.2.53:53", "DNS server 192.0.2.53:53 does not answer")
    health.answered()
    assert (health.ok, health.why) == (True, "DNS server 192.0.2.53:53 does not answer")


def interface(root: Path, name: str, carrier: str | None, hardware: bool = True) -> None:
    folder = root / "sys/class/net" / name
    (folder / "device" if hardware else folder).mkdir(parents=True)
    if carrier is not None:
        (folder / "carrier").write_text(carrier + "\n")


def test_a_carrier_on_any_real_interface_is_a_link(tmp_path: Path) -> None:
    assert surroundings.link(tmp_path) is None
    interface(tmp_path, "lo", "1", hardware=False)
    assert surroundings.link(tmp_path) is False
    interface(tmp_path, "eth0", None)
    interface(tmp_path, "veth7", "1", hardware=False)
    assert surroundings.link(tmp_path) is False
    interface(tmp_path, "usb0", "1")
    assert surroundings.link(tmp_path) is True


def test_the_hottest_sensor_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    assert surroundings.temperature_c(tmp_path) is None
    for number, text in enumerate(("41500", "nonsense", "47250", "9999999")):
        zone = tmp_path / f"sys/class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "temp").write_text(text + "\n")
    assert surroundings.temperature_c(tmp_path) == 47.25


@pytest.mark.parametrize(
    ("note", "expected"),
    [('{"updating": true}', True), ('{"updating": false}', False), ("[", False), ("7", False), ("[" * 9999, False)],
)
def test_the_stewards_note_says_whether_an_update_is_under_way(tmp_path: Path, note: str, expected: bool) -> None:
    assert surroundings.updating(tmp_path / "absent") is False
    (tmp_path / "update.json").write_text(note)
    assert surroundings.updating(tmp_path / "update.json") is expected
