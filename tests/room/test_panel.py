"""The panel with gpiozero's mock pins, a relay that answers as it is told, and a clock that the test moves."""

import asyncio
import contextlib
import io
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance import pins
from appliance.core.lamps import DEAD, SETTINGS, STARTING, lamps
from appliance.core.status import Dns, Status
from appliance.interface.server import InterfaceServer
from appliance.panel.actions import Actions
from appliance.panel.gpiod_factory import GpiodFactory, GpiodLines, MockFactory
from appliance.panel.process import TICK_S, Panel
from appliance.panel.terminal import CLEAR, REDRAW, Terminal
from appliance.panel.watcher import DEAD_S, START_S, Seen, Watcher
from appliance.ports import Refused, Verb
from tests.fakes.clock import FakeClock
from tests.unit.test_selftest import MemoryLines

WELL = Status(accepting=True, now=1_800_000_000.0, link=True, dns=Dns(ok=True))


class Relay:
    """Offers verbs at a socket, in a thread of its own."""

    def __init__(self, path: Path, verbs: dict[str, Verb]) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = InterfaceServer(str(path), verbs, {})
        self._loop.run_until_complete(self._server.start())
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def stop(self) -> None:
        async def end() -> None:
            await self._server.stop()
            await asyncio.sleep(0.05)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(
        f'format = 1\n[control]\nsocket = "{tmp_path}/control.sock"\nsteward_socket = "{tmp_path}/steward.sock"\n'
    )
    return path


class Board:
    """A panel on mock pins; time passes in its steps."""

    def __init__(self, config: Path, powering_on: bool = False) -> None:
        self.clock, self.factory = FakeClock(), MockFactory()
        self.watcher = Watcher(config, self.clock)
        self.panel = Panel(self.watcher, self.clock, self.factory, powering_on)
        self.presses: list[str] = []
        self.panel.actions.put = self.presses.append  # type: ignore[method-assign, assignment]

    def see(self, status: Status | None, trouble: str = "") -> None:
        self.watcher.seen = Seen(status, trouble)

    def levels(self) -> tuple[bool, ...]:
        return tuple(bool(self.factory.pin(pin.bcm).state) for pin in pins.LAMPS)

    def run(self, seconds: float) -> list[tuple[bool, ...]]:
        """The levels of the four pins after each tick."""
        frames = []
        for _ in range(round(seconds / TICK_S)):
            self.clock.pass_by(TICK_S)
            self.panel.tick()
            frames.append(self.levels())
        return frames

    def rises(self, seconds: float) -> list[int]:
        """How often each pin went high."""
        frames = [self.levels(), *self.run(seconds)]
        pairs = list(itertools.pairwise(frames))
        return [sum(now[place] and not before[place] for before, now in pairs) for place in range(4)]


@pytest.fixture
def board(config: Path) -> Iterator[Board]:
    made = Board(config)
    made.run(4)  # the lamp test of the start
    yield made
    made.panel.close()
    assert made.levels() == (False,) * 4
    made.factory.reset()


def test_it_begins_with_a_lamp_test_in_which_each_lamp_is_seen_alone(config: Path) -> None:
    made = Board(config)
    made.see(WELL)
    frames = made.run(3.4)
    alone = {tuple(place == each for place in range(4)) for each in range(4)}
    assert set(frames) == alone | {(True,) * 4, (False,) * 4}
    assert set(made.run(2)[12:]) == {(True, False, False, False)}
    made.panel.close()


def read(frames: list[tuple[bool, ...]], place: int) -> str:
    """What a person reads from one lamp: dark, lit, slow, or the number of flashes between pauses."""
    runs = [(lit, len(list(run)) * TICK_S) for lit, run in itertools.groupby(levels[place] for levels in frames)]
    if len(runs) == 1:
        return "lit" if runs[0][0] else "dark"
    whole = runs[1:-1]
    if all(0.9 < span < 1.1 for _, span in whole):
        return "slow"
    pauses = [number for number, (lit, span) in enumerate(whole) if not lit and span > 1.4]
    counts = {(later - first) // 2 for first, later in itertools.pairwise(pauses)}
    return ", ".join(map(str, sorted(counts)))


@pytest.mark.parametrize(
    ("status", "trouble", "expected"),
    [
        (None, DEAD, "1 dark dark"),
        (None, SETTINGS, "4 dark dark"),
        (None, STARTING, "slow dark dark"),
        (WELL, "", "lit dark dark"),
        (replace(WELL, updating=True), "", "slow dark dark"),
        (replace(WELL, fault="full", accepting=False), "", "2 dark 5"),
        (replace(WELL, fault="failing", accepting=False), "", "3 dark 5"),
        (replace(WELL, fault="busy", accepting=False), "", "5 dark dark"),
        (replace(WELL, queue={"active": 1}, bounces=1), "", "lit lit lit"),
        (replace(WELL, queue={"deferred": 1}), "", "lit slow dark"),
        (replace(WELL, queue={"queued": 1}, oldest_at=1.0), "", "lit 2 dark"),
        (replace(WELL, link=False), "", "lit dark 2"),
        (replace(WELL, dns=Dns(ok=False)), "", "lit dark 3"),
        (replace(WELL, port25="blocked"), "", "lit dark 4"),
        (replace(WELL, clock_known=False), "", "lit dark 6"),
    ],
)
def test_a_person_reads_the_state_from_the_pins(
    board: Board, status: Status | None, trouble: str, expected: str
) -> None:
    board.see(status, trouble)
    board.run(0.5)
    frames = board.run(20)
    assert [read(frames, place) for place in range(3)] == expected.split()
    assert read(frames, 3) == "dark"


def test_each_message_is_one_flash_of_activity(board: Board) -> None:
    board.see(replace(WELL, accepted=7))
    assert board.rises(2)[3] == 0
    board.see(replace(WELL, accepted=8, delivered=1))
    assert board.rises(3)[3] == 2


def test_lamp_test_and_locate_show_when_the_relay_is_told_so(board: Board) -> None:
    board.see(WELL)
    board.run(1)
    board.see(replace(WELL, locating=True))
    board.run(1)
    assert set(board.run(3)) == {(True,) * 4, (False,) * 4}
    board.see(replace(WELL, testing_lamps=True))
    assert (False, False, False, True) in board.run(4)
    assert set(board.run(2)[25:]) == {(True, False, False, False)}  # once, however long it is told


def test_no_lamp_flashes_more_than_three_times_a_second_whatever_changes(board: Board) -> None:
    moods: list[tuple[Status | None, str]] = [(WELL, ""), (None, DEAD), (replace(WELL, locating=True), "")]
    frames = []
    for number in range(50):
        board.see(*moods[number % 3])
        frames += board.run(0.1)
    for place in range(4):
        at = [n for n in range(1, len(frames)) if frames[n][place] and not frames[n - 1][place]]
        assert all((later - first) * TICK_S >= 0.33 for first, later in itertools.pairwise(at))


def press(board: Board, seconds: float) -> list[tuple[bool, ...]]:
    pin = board.factory.pin(pins.BUTTON.bcm)
    pin.drive_low()
    frames = board.run(seconds)
    pin.drive_high()
    board.run(0.2)
    return frames


def test_the_button_is_felt_and_all_lamps_light_when_a_long_press_is_long_enough(board: Board) -> None:
    board.see(WELL)
    press(board, 0.3)
    frames = press(board, 5.5)
    assert board.presses == ["short", "long"]
    assert frames[-1] == (True,) * 4 and frames[100] == (True, False, False, False)


def test_held_while_the_power_comes_on_resets_the_password(config: Path) -> None:
    made = Board(config, powering_on=True)
    press(made, 6)
    press(made, 11)
    assert made.presses == ["password-reset", "factory-reset"]
    made.panel.close()


def test_on_the_kernels_lines_the_lamps_go_dark_before_the_lines_are_given_back(config: Path) -> None:
    lines, clock = MemoryLines(), FakeClock()
    watcher = Watcher(config, clock)
    panel = Panel(watcher, clock, GpiodFactory(lines))
    clock.pass_by(TICK_S)
    panel.tick()
    lamp_lines = [f"GPIO{pin.bcm}" for pin in pins.LAMPS]
    assert [lines.level[name] for name in lamp_lines] == [True] * 4  # the lamp test
    assert lines.claimed[f"GPIO{pins.BUTTON.bcm}"] == (False, "up")
    panel.close()
    assert [lines.level[name] for name in lamp_lines] == [False] * 4
    assert lines.claimed == {}


def test_a_line_that_is_taken_is_named_and_the_others_are_given_back(config: Path) -> None:
    lines = MemoryLines()
    lines.claim(f"GPIO{pins.BUTTON.bcm}", False, "up")
    with pytest.raises(OSError, match=f"GPIO{pins.BUTTON.bcm} busy"):
        Panel(Watcher(config, FakeClock()), FakeClock(), GpiodFactory(lines))
    assert list(lines.claimed) == [f"GPIO{pins.BUTTON.bcm}"]


# -- the relay and the steward


def test_it_says_starting_then_what_the_relay_tells_then_dead_after_five_seconds(config: Path, tmp_path: Path) -> None:
    clock = FakeClock()
    watcher = Watcher(config, clock)
    watcher.look()
    assert watcher.seen == Seen(None, STARTING)
    relay = Relay(tmp_path / "control.sock", {"status": lambda args: {"accepting": True, "bounces": 3} | args})
    watcher.look()
    assert watcher.seen.status is not None and watcher.seen.status.bounces == 3
    relay.stop()
    clock.pass_by(DEAD_S - 0.1)
    watcher.look()
    assert watcher.seen.status is not None
    clock.pass_by(0.2)
    watcher.look()
    assert watcher.seen == Seen(None, DEAD)
    config.write_text("format = 1\n[box\n")
    watcher.look()
    assert watcher.seen == Seen(None, SETTINGS)


def test_a_relay_that_never_comes_up_is_dead_after_a_minute(config: Path) -> None:
    clock = FakeClock()
    watcher = Watcher(config, clock)
    clock.pass_by(START_S + 1)
    watcher.look()
    assert watcher.seen == Seen(None, DEAD)


def test_a_broken_settings_file_is_shown_at_once_and_does_not_keep_the_panel_down(config: Path) -> None:
    steward = Watcher(config, FakeClock()).settings.control.steward_socket
    config.write_text(config.read_text() + "[panel]\nbutton_gpio = 6\n[intake]\nhops_max = 1\n")
    made = Board(config)
    assert made.watcher.seen == Seen(None, SETTINGS)
    assert (made.watcher.settings.control.steward_socket, made.watcher.settings.panel.button_gpio) == (steward, 6)
    made.panel.close()


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\n", b'{"ok": true, "result": 7}\n', b'{"ok": true, "result": {"queue": 5}}\n']
)
def test_nonsense_from_the_socket_never_ends_the_panel(config: Path, tmp_path: Path, answer: bytes) -> None:
    watcher = Watcher(config, FakeClock())
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "control.sock"))
        listening.listen()

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        watcher.look()
        thread.join()
    lamps(watcher.seen.status, watcher.seen.trouble)


def actions(config: Path, done: list[str]) -> Actions:
    settings = Watcher(config, FakeClock()).settings
    return Actions(lambda: settings, lambda: done.append("done"), pause=lambda seconds: done.append(f"wait {seconds}"))


def test_a_short_press_acknowledges_and_retries_at_the_relay(config: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    noted: dict[str, Verb] = {
        "acknowledge": lambda args: asked.append("acknowledge"),
        "flush": lambda args: asked.append("flush"),
    }
    relay = Relay(tmp_path / "control.sock", noted)
    assert actions(config, []).carry_out("short") is True
    relay.stop()
    assert asked == ["acknowledge", "flush"]
    assert actions(config, []).carry_out("short") is False


@pytest.mark.parametrize("meaning", ["long", "password-reset", "factory-reset"])
def test_other_presses_go_to_the_steward_which_may_still_be_starting(
    config: Path, tmp_path: Path, meaning: str
) -> None:
    asked: list[str] = []
    made: list[Relay] = []

    def pause(seconds: float) -> None:
        made.append(Relay(tmp_path / "steward.sock", {f"button.{meaning}": lambda args: asked.append(meaning)}))

    settings = Watcher(config, FakeClock()).settings
    assert Actions(lambda: settings, lambda: None, pause).carry_out(meaning) is True
    made[0].stop()
    assert asked == [meaning]


def test_a_refusal_of_the_steward_is_not_repeated(config: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def refuse(args: dict[str, Any]) -> None:
        asked.append("long")
        raise Refused("an update is being installed")

    steward = Relay(tmp_path / "steward.sock", {"button.long": refuse})
    assert actions(config, asked).carry_out("long") is False
    steward.stop()
    assert asked == ["long"]


# -- the terminal


def test_the_terminal_says_each_change_once_and_draws_the_lamps() -> None:
    words, drawing = io.StringIO(), io.StringIO()
    terminal = Terminal(words, drawing)
    for lit in ((True, False, False, False), (True, False, False, False), (True, True, False, False)):
        terminal.show(lamps(replace(WELL, queue={"deferred": 1})), lit)
    assert words.getvalue().splitlines() == [
        "SYSTEM steady: accepting mail", "QUEUE slow blink: deferred mail waits", "BOUNCE off: nothing to read",
    ]  # fmt: skip
    assert drawing.getvalue().count(CLEAR) == 2
    assert drawing.getvalue().count("●") == 3 and "○ BOUNCE" in drawing.getvalue()
    for _ in range(REDRAW + 1):
        terminal.show(lamps(WELL), (True, True, False, False))
    assert drawing.getvalue().count(CLEAR) == 4  # once for the new words, once more for whoever wrote in between


# -- the process


@contextlib.contextmanager
def process(config: Path, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "appliance.cli", "panel", "--config", str(config), *options]
    made = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    try:
        yield made
    finally:
        made.kill()
        made.communicate()


def test_a_machine_without_gpio_is_told_so_in_a_sentence(config: Path) -> None:
    if list(Path("/dev").glob("gpiochip*")):
        pytest.skip("this machine has GPIO chips")
    with process(config) as made:
        out, err = made.communicate(timeout=20)
        assert made.returncode == 1 and "gpiochip" in err and "GPIO17" in err and "Traceback" not in err and out == ""


def test_lines_on_no_chip_are_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="GPIO17"):
        GpiodLines(tmp_path).claim("GPIO17", True, "floating")
    (tmp_path / "gpiochip0").write_text("")
    with pytest.raises(OSError, match="gpiochip0 cannot be opened"):
        GpiodLines(tmp_path).claim("GPIO17", True, "floating")


def test_the_process_shows_the_relay_tells_systemd_that_it_lives_and_ends_in_order(
    config: Path, tmp_path: Path
) -> None:
    relay = Relay(tmp_path / "control.sock", {"status": lambda args: {"accepting": True, "bounces": 1}})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        with process(config, "--pins", "terminal", **environment) as made:
            assert [systemd.recv(100), systemd.recv(100)] == [b"READY=1", b"WATCHDOG=1"]
            assert made.stdout is not None
            said = iter(made.stdout.readline, "")
            assert next(line for line in said if line.startswith("BOUNCE steady")) == "BOUNCE steady: bounces to read\n"
            made.send_signal(signal.SIGTERM)
            assert made.wait(10) == 0
        while (word := systemd.recv(100)) == b"WATCHDOG=1":
            pass
        assert word == b"STOPPING=1"
    relay.stop()


def test_the_command_tells_the_lamps_in_words_and_as_data(config: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "appliance.cli", "lamps", "--config", str(config)]

    def run(*more: str) -> str:
        return subprocess.run([*command, *more], capture_output=True, text=True, timeout=30, check=True).stdout

    assert "SYSTEM   1 flash, pause    relay dead" in run()
    relay = Relay(tmp_path / "control.sock", {"status": lambda args: {"accepting": True, "queue": {"deferred": 2}}})
    told = json.loads(run("--json"))
    relay.stop()
    assert [(row["lamp"], row["pattern"]) for row in told] == [
        ("SYSTEM", "steady"), ("QUEUE", "slow blink"), ("BOUNCE", "off"), ("ACTIVITY", "off"),
    ]  # fmt: skip
