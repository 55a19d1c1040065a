"""The self-test: each check passes on good hardware and fails on hardware that is wrong."""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from appliance import cli, pins, selftest
from appliance.panel.gpiod_factory import GpiodFactory, GpiodLines, MockFactory, button, lamp
from appliance.selftest_card import capacity_finding, flush_finding
from appliance.selftest_system import clock_findings, network_findings


class MemoryLines:
    """A chip in memory: level of each line, pulled as asked."""

    def __init__(self) -> None:
        self.level: dict[str, bool] = {}
        self.claimed: dict[str, tuple[bool, str]] = {}

    def claim(self, name: str, output: bool, pull: str) -> str:
        if name in self.claimed:
            raise OSError(16, f"{name} busy")
        self.claimed[name] = (output, pull)
        self.level[name] = not output and pull == "up"
        return name

    def read(self, handle: str, name: str) -> bool:
        return self.level[handle]

    def write(self, handle: str, name: str, high: bool) -> None:
        self.level[handle] = high

    def release(self, handle: str) -> None:
        del self.claimed[handle]


def bench(**changes: Any) -> tuple[selftest.Bench, list[str]]:
    said: list[str] = []
    values: dict[str, Any] = {"factory": MockFactory(), "pause": lambda _: None, "say": said.append} | changes
    return selftest.Bench(**values), said


def test_each_lamp_is_lit_alone_and_asked_for() -> None:
    factory = MockFactory()
    lit: list[list[int]] = []

    def look(question: str) -> bool:
        lit.append([pin.bcm for pin in pins.LAMPS if factory.pin(pin.bcm).state])
        return True

    table, said = bench(ask=look, factory=factory)
    assert selftest.walk(table, ["lamps"]) == 0
    assert lit == [[pin.bcm] for pin in pins.LAMPS]
    assert [line[:4] for line in said[:-1]] == ["pass"] * 4
    assert "GPIO17, header pin 11, green" in said[0]


def test_a_lamp_that_nobody_saw_fails_and_one_that_nobody_looked_at_is_skipped() -> None:
    table, said = bench(ask=lambda question: "QUEUE" not in question)
    assert selftest.walk(table, ["lamps"]) == 1
    assert [line[:4] for line in said[:-1]] == ["pass", "FAIL", "pass", "pass"]
    table, said = bench()
    assert selftest.walk(table, ["lamps"]) == 0
    assert [line[:4] for line in said[:-1]] == ["skip"] * 4


def finger(factory: Any, moves: dict[int, str]) -> Callable[[float], None]:
    """A pause that presses or lets go of the button at the given poll."""
    count = iter(range(1_000_000))

    def pause(_: float) -> None:
        match moves.get(next(count)):
            case "down":
                factory.pin(pins.BUTTON.bcm).drive_low()
            case "up":
                factory.pin(pins.BUTTON.bcm).drive_high()

    return pause


def test_a_line_that_is_stuck_fails_whatever_was_seen() -> None:
    class Shorted(MemoryLines):
        def write(self, handle: str, name: str, high: bool) -> None:
            self.level[handle] = name == "GPIO17"  # one stuck high, the others low

    table, said = bench(ask=lambda _: True, factory=GpiodFactory(Shorted()))
    assert selftest.walk(table, ["lamps"]) == 1
    assert [line[:4] for line in said[:-1]] == ["FAIL"] * 4
    assert "does not go low" in said[0]
    assert "does not go high" in said[1]


@pytest.mark.parametrize(
    ("moves", "word"),
    [
        ({3: "down", 13: "up"}, "pass  button           GPIO5, header pin 29: pressed for about 0.20 s"),
        ({}, "not pressed within 20 s"),
        ({3: "down"}, "not released within 20 s"),
    ],
)
def test_the_button_is_pressed_and_released(moves: dict[int, str], word: str) -> None:
    factory = MockFactory()
    table, said = bench(ask=lambda _: True, factory=factory, pause=finger(factory, moves))
    selftest.walk(table, ["button"])
    assert word in said[1]


def test_our_factory_drives_the_line_of_that_name_and_lets_it_go() -> None:
    lines = MemoryLines()
    factory = GpiodFactory(lines)
    with lamp(17, factory) as light:
        assert lines.claimed == {"GPIO17": (True, "floating")}
        assert not lines.level["GPIO17"]
        light.on()
        assert lines.read("GPIO17", "GPIO17")
    assert lines.claimed == {}


def test_our_factory_pulls_the_button_up_and_sees_it_go_low() -> None:
    lines = MemoryLines()
    with button(5, GpiodFactory(lines)) as device:
        assert lines.claimed["GPIO5"] == (False, "up")
        assert not device.is_pressed
        lines.level["GPIO5"] = False
        assert device.is_pressed


def test_a_taken_line_is_a_failure_with_its_name() -> None:
    lines = MemoryLines()
    lines.claim("GPIO17", True, "floating")
    table, said = bench(factory=GpiodFactory(lines))
    assert selftest.walk(table, ["lamps"]) == 1
    assert "GPIO17 busy" in said[0]


def test_a_machine_without_that_line_is_told_so(tmp_path: Path) -> None:
    table, said = bench(factory=GpiodFactory(GpiodLines(tmp_path)))
    assert selftest.walk(table, ["lamps", "button"]) == 1
    assert [line[:4] for line in said[:-1]] == ["FAIL"] * 5
    assert "no GPIO chip in" in said[0] and "GPIO17" in said[0]


def test_gpiozero_finds_our_factory_by_its_entry_point() -> None:
    (point,) = entry_points(group="gpiozero_pin_factories", name="gpiod")
    assert point.load() is GpiodFactory


def test_the_card_is_measured_and_left_as_it_was(tmp_path: Path) -> None:
    assert "median" in flush_finding(tmp_path, flushes=3).value
    finding = capacity_finding(tmp_path, 3 << 20)
    assert finding.passed
    assert "3 MiB written" in finding.value
    assert "0 MiB wrong" in finding.value
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_and_a_missing_line_fail_in_words(tmp_path: Path) -> None:
    table, said = bench(folder=tmp_path / "gone", serial=str(tmp_path / "ttyNONE"))
    assert selftest.walk(table, ["card", "serial"]) == 1
    assert [line[:4] for line in said[:-1]] == ["FAIL"] * 3


def system(root: Path, carrier: str, route: str, chip: str) -> Path:
    interface = root / "sys/class/net/eth0"
    (interface / "device").mkdir(parents=True)
    (interface / "carrier").write_text(carrier)
    (interface / "speed").write_text("1000\n")
    (root / "proc/net").mkdir(parents=True)
    (root / "proc/net/route").write_text("Iface\tDestination\tGateway\n" + route)
    (root / "sys/class/rtc/rtc0").mkdir(parents=True)
    (root / "sys/class/rtc/rtc0/since_epoch").write_text(chip)
    return root


def test_network_and_clock_of_a_good_box(tmp_path: Path) -> None:
    root = system(tmp_path, "1\n", "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\n", "1800000003\n")
    found = [*network_findings(root), *clock_findings(root, 1800000000.0)]
    assert [finding.passed for finding in found] == [True] * 4
    assert found[0].value.endswith("link up, 1000 Mbit/s")
    assert found[1].value == "gateway 192.168.0.1"
    assert found[3].value == "+3.0 s from the system clock"


def test_network_and_clock_of_a_bad_box(tmp_path: Path) -> None:
    root = system(tmp_path, "0\n", "", "1000\n")
    found = [*network_findings(root), *clock_findings(root, 60.0)]
    assert [finding.passed for finding in found] == [False] * 4


def test_a_wrong_argument_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert selftest.run(["--only", "toaster"]) == 2
    assert "toaster" in capsys.readouterr().err


def test_the_command_hands_its_options_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["selftest", "--unattended", "--only", "card", "--folder", str(tmp_path / "gone")]) == 1
    assert capsys.readouterr().out.startswith("FAIL  card")
