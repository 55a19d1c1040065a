from pathlib import Path

import pytest

from appliance.prepare import run
from appliance.settings.parse import parse
from appliance.settings.schema import Listener, Settings
from appliance.steward.system_files import EVERY, FIREWALL, HTTP, NETWORK, SMTP, SOCKETS, sockets, system_files

ROOT = Path(__file__).parent.parent.parent


def files(text: str) -> dict[str, str]:
    settings = parse(text)
    assert isinstance(settings, Settings), settings
    return system_files(settings)


def test_the_images_first_rules_are_those_of_the_shipped_settings() -> None:
    assert (ROOT / "image/files/usr/share/outbox/nftables.conf").read_text() == system_files(Settings())[FIREWALL]


def test_the_shipped_listeners_need_no_drop_in_since_the_unit_has_them() -> None:
    assert SOCKETS not in system_files(Settings())
    unit = (ROOT / "systemd/outbox-relay.socket").read_text()
    for listener in Settings().listener:
        for address in ("0.0.0.0", "[::]"):
            assert f"ListenStream={address}:{listener.port}\n" in unit


def test_the_images_settings_file_is_right() -> None:
    assert isinstance(parse((ROOT / "image/files/usr/share/outbox/outbox.toml").read_text()), Settings)


def test_only_configured_ports_are_let_in_and_listened_on() -> None:
    made = files('[[listener]]\nname = "a"\nport = 2525\naddress = "192.0.2.5"\n[page]\nport = 0\ntls_port = 8443\n')
    assert made[SOCKETS] == "[Socket]\nListenStream=\nListenStream=192.0.2.5:2525\n"
    doors = [line.strip() for line in made[FIREWALL].splitlines() if "tcp dport" in line]
    assert doors == ["ip daddr 192.0.2.5 tcp dport 2525 accept", "tcp dport 8443 accept"]
    assert "Port=2525" in made[SMTP]
    assert "_https._tcp" in made[HTTP]


def test_a_page_that_is_off_has_no_door() -> None:
    made = files("[page]\nenabled = false\n")
    assert HTTP not in made
    assert "tcp dport 80 " not in made[FIREWALL]


@pytest.mark.parametrize(
    ("settings", "there", "absent"),
    [
        ("", ["DHCP=yes", "IPv6AcceptRA=yes", "MulticastDNS=yes"], ["Address="]),
        (
            'ipv4 = "static"\naddress = "192.0.2.5/24"\ngateway = "192.0.2.1"\nipv6 = "off"',
            ["DHCP=no", "Address=192.0.2.5/24", "Gateway=192.0.2.1", "LinkLocalAddressing=no", "IPv6AcceptRA=no"],
            [],
        ),
        (
            'ipv4 = "off"\nipv6 = "static"\naddress6 = "2001:db8::5/64"\ngateway6 = "fe80::1"',
            ["DHCP=no", "Address=2001:db8::5/64", "Gateway=fe80::1"],
            ["192.0.2"],
        ),
    ],
)
def test_the_network_is_as_set(settings: str, there: list[str], absent: list[str]) -> None:
    text = files("[network]\n" + settings)[NETWORK]
    lines = text.splitlines()
    assert [each for each in there if each not in lines] == []
    assert not [each for each in absent if each in text]


def test_a_zone_is_neither_a_specifier_nor_a_line_of_its_own() -> None:
    made = sockets((Listener(address="fe80::1%eth0\nExecStart=x", port=25),))
    assert made == "[Socket]\nListenStream=\nListenStream=[fe80::1]:25%%eth0ExecStartx\n"


def test_the_first_start_takes_the_given_settings_once(tmp_path: Path) -> None:
    config, given, shipped = tmp_path / "outbox.toml", tmp_path / "given.toml", tmp_path / "shipped.toml"
    shipped.write_text("format = 1\n")
    given.write_text("[page]\nport = 8080\n")
    assert run(config, tmp_path / "run", given, shipped) == 0
    assert config.read_text() == given.read_text()
    assert "tcp dport 8080 accept" in (tmp_path / "run" / FIREWALL).read_text()
    given.write_text("[page]\nport = 9090\n")
    assert run(config, tmp_path / "run", given, shipped) == 0
    assert "8080" in config.read_text()


def test_given_settings_with_a_mistake_are_not_used(tmp_path: Path) -> None:
    config, given, shipped = tmp_path / "outbox.toml", tmp_path / "given.toml", tmp_path / "shipped.toml"
    shipped.write_text("format = 1\n")
    given.write_text("[page]\nport = 99999\n")
    assert run(config, tmp_path / "run", given, shipped) == 0
    assert config.read_text() == "format = 1\n"


def test_systemd_is_told_to_look_again_only_when_the_sockets_changed(tmp_path: Path) -> None:
    config, run_dir = tmp_path / "outbox.toml", tmp_path / "run"
    config.write_text("[[listener]]\nport = 2525\n")
    for expected in (True, False):
        run(config, run_dir, tmp_path / "none", tmp_path / "none")
        assert (run_dir / "outbox-system/reload").exists() is expected
    config.write_text("format = 1\n")
    run(config, run_dir, tmp_path / "none", tmp_path / "none")
    assert (run_dir / "outbox-system/reload").exists()
    assert not (run_dir / SOCKETS).exists()
    assert {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()} <= {
        *EVERY, "outbox-system/reload", "outbox-system/localtime",
    }  # fmt: skip
