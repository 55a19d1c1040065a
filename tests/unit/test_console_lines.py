"""Settings as lines, and facts as words."""

from __future__ import annotations

from appliance.console.call import folded
from appliance.console.setlines import set_lines
from appliance.console.table import GRAMMAR
from appliance.console.wording import facts, size, span
from appliance.settings.schema import AccessRule, Box, Device, Dns, Domain, Listener, Relay, Settings

FULL = Settings(
    box=Box(mail_name="mail.office.example"),
    listener=(Listener(name="lan", port=2525, tls="none"), Listener(name="old devices", port=26)),
    access=(AccessRule(network="192.0.2.0/24"), AccessRule(network="any", action="deny")),
    device=(Device(network="192.0.2.7", name='Copier "big"'),),
    dns=Dns(servers=("192.0.2.1", "192.0.2.2"), timeout_s=2.5),
    domain=(Domain(), Domain(name=".office.example", direct_attempts=0)),
    relay=(Relay(name="provider", host="relay.example", user="office"),),
)


def test_the_lines_tell_all_that_is_not_as_shipped() -> None:
    lines = list(set_lines(FULL, ["provider", "gone"]))
    assert lines == [
        "set box mail-name mail.office.example",
        "no listener submissions",
        "no listener submission",
        "set listener lan port 2525",
        "set listener lan tls none",
        'set listener "old devices" port 26',
        "set access 1 network 192.0.2.0/24",
        "set access 2 network any",
        "set access 2 action deny",
        "set device 1 network 192.0.2.7",
        'set device 1 name "Copier \\"big\\""',
        "set dns servers 192.0.2.1 192.0.2.2",
        "set dns timeout-s 2.5",
        "set domain .office.example direct-attempts 0",
        "set relay provider host relay.example",
        "set relay provider user office",
        "set relay provider password ********",
    ]
    assert list(set_lines(Settings())) == []


def test_every_line_is_a_command() -> None:
    for line in set_lines(FULL, ["provider"]):
        assert GRAMMAR.parse(line, True).command.configure


def test_times_and_sizes_are_words() -> None:
    assert [span(each) for each in (5, 600, 10800, 432000)] == ["5 s", "10 min", "3 h", "5 days"]
    assert [size(each) for each in (10, 2048, 3 << 20, 5 << 30, None)] == [
        "10 octets", "2.0 KiB", "3.0 MiB", "5.0 GiB", "unknown",
    ]  # fmt: skip
    assert list(facts({"link": True, "left_s": 60, "card": {"free_bytes": 2048}, "names": []})) == [
        "link: yes", "left: 60 s", "card:", "  free: 2.0 KiB", "names: none",
    ]  # fmt: skip


def test_long_lines_are_folded_between_words_and_made_printable() -> None:
    parts = folded("  " + "word " * 40 + "\x1b[2J", 80)
    assert all(len(part) <= 80 and part.isprintable() for part in parts) and len(parts) > 2
    assert folded("x" * 200, 80)[0] == "x" * 80
