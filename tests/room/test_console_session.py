"""Login, back-off and silence, with a clock that only moves while the console waits."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.console.faces import Gone, Terminal
from appliance.console.gate import Gate
from appliance.console.serial_port import SerialLine
from appliance.console.session import Session
from appliance.console.terminal import LineTerminal, Lost
from appliance.passwords import Passwords as KeptPassword
from tests.fakes.clock import FakeClock
from tests.fakes.passwords import Passwords
from tests.fakes.shell import FakeShell


class Line:
    """A line at which everything was typed before. A wait passes the time; the line is lost after `silent_s` without a
    key, so that every test ends. A float in `typed` is a pause of that many seconds."""

    def __init__(self, clock: FakeClock, *typed: bytes | float, silent_s: float = 3600.0) -> None:
        self._clock, self._typed, self._silent_s = clock, list(typed), silent_s
        self.shown = b""
        self.times: list[tuple[float, bytes]] = []

    def read(self, wait: bool = True) -> bytes:
        if self._typed and isinstance(self._typed[0], bytes) and wait:
            return self._typed.pop(0)  # type: ignore[return-value]
        if wait:
            self._pass_by(0.2)
        return b""

    def _pass_by(self, span_s: float) -> None:
        self._clock.pass_by(span_s)
        if self._typed and isinstance(self._typed[0], float):
            self._typed[0] -= span_s
            if self._typed[0] <= 0:
                self._typed.pop(0)
        elif not self._typed:
            self._silent_s -= span_s
            if self._silent_s <= 0:
                raise OSError("the test is over")

    def write(self, octets: bytes) -> None:
        self.times.append((self._clock.ticks, octets))
        self.shown += octets


@pytest.fixture
def passwords(tmp_path: Path) -> Iterator[Passwords]:
    steward = Passwords(tmp_path / "steward")
    yield steward
    steward.close()


def visited(
    line: Line, gate: Gate, clock: FakeClock, idle_s: float = 600.0, shell: FakeShell | None = None
) -> FakeShell:
    shell = shell or FakeShell()
    with pytest.raises(Lost):
        while True:
            Session(LineTerminal(line, clock), gate, lambda: shell, idle_s).visit(lambda: False)
    return shell


def test_silence_logs_out_and_noise_does_not_keep_the_door_open(passwords: Passwords) -> None:
    clock = FakeClock()
    nuls = [piece for _ in range(100) for piece in (b"\0\x1b[9;9R", 10.0)]
    line = Line(clock, b"\r", b"open sesame\r", b"hello\r", 590.0, b"hello\r", *nuls, b"hello\r")
    shell = visited(line, Gate(passwords.path, clock), clock)
    assert shell.ran == ["hello", "hello"]
    assert line.shown.count(b"Logged out after 10 min of silence.") == 1


def test_zero_means_never(passwords: Passwords) -> None:
    clock = FakeClock()
    line = Line(clock, b"\r", b"open sesame\r", 50_000.0, b"hello\r")
    assert visited(line, Gate(passwords.path, clock), clock, idle_s=0).ran == ["hello"]


def test_a_visitor_who_gives_no_password_is_sent_away_after_a_minute(passwords: Passwords) -> None:
    clock = FakeClock()
    line = Line(clock, b"\r", 61.0, b"open sesame\r", b"hello\r", silent_s=30)
    assert visited(line, Gate(passwords.path, clock), clock).ran == []
    assert b"Logged out after 1 min of silence." in line.shown


def test_each_wrong_password_doubles_the_pause_on_all_lines_and_the_right_one_ends_it(passwords: Passwords) -> None:
    clock = FakeClock()
    gate = Gate(passwords.path, clock)
    asked_at = []
    for wrong in range(9):
        line = Line(clock, b"\r", b"guess\r", silent_s=1)
        visited(line, gate, clock)
        asked_at.append(gate.pause_s())
        assert passwords.checked == wrong + 1
        assert b"Wrong password.\r\n" in line.shown
        clock.pass_by(gate.pause_s())
    assert [round(pause + 1) for pause in asked_at] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_nothing_typed_during_the_pause_counts(passwords: Passwords) -> None:
    clock = FakeClock()
    gate = Gate(passwords.path, clock)
    guesses = [b"guess\r"] * 200
    line = Line(clock, b"\r", *guesses, silent_s=1)
    visited(line, gate, clock)
    assert passwords.checked < 10


def test_a_dead_steward_is_said_and_the_banner_stays(tmp_path: Path) -> None:
    clock = FakeClock()
    line = Line(clock, b"\r", 5.0, b"\r", silent_s=5)
    visited(line, Gate(str(tmp_path / "nobody"), clock), clock)
    assert line.shown.count(b"Outbox for tests\r\n") == 2
    assert line.shown.count(b"does not answer: nobody can log in now.\r\n") == 2
    assert b"Password" not in line.shown


def test_a_steward_that_talks_nonsense_lets_nobody_in_and_ends_nothing(passwords: Passwords) -> None:
    clock = FakeClock()
    passwords.answer = "nonsense"
    line = Line(clock, b"\r", b"open sesame\r", 5.0, b"\r", b"open sesame\r", silent_s=5)
    assert visited(line, Gate(passwords.path, clock), clock).ran == []
    assert line.shown.count(b"nobody can log in now.\r\n") == 2


def test_while_the_steward_is_dead_the_password_file_opens_the_door(tmp_path: Path) -> None:
    clock = FakeClock()
    keeper = KeptPassword(str(tmp_path / "password.json"), clock)
    keeper.change("", "open sesame")
    gate = Gate(str(tmp_path / "nobody"), clock, str(tmp_path / "password.json"))
    line = Line(clock, b"\r", b"guess\r", 1.0, b"open sesame\r", b"hello\r", silent_s=1)
    assert visited(line, gate, clock).ran == ["hello"]
    assert line.shown.count(b"Wrong password.") == 1


def test_after_a_reset_by_the_button_a_new_password_is_chosen(passwords: Passwords) -> None:
    clock = FakeClock()
    gate = Gate(passwords.path, clock)
    passwords.forget()
    line = Line(clock, b"\r", b"a new secret\r", b"a new secret\r", b"hello\r", silent_s=1)
    assert visited(line, gate, clock).ran == ["hello"]
    assert passwords.password == "a new secret"
    assert b"secret" not in line.shown


def test_a_banner_with_a_bug_does_not_shut_the_console(passwords: Passwords) -> None:
    class Broken(FakeShell):
        def banner(self) -> list[str]:
            raise KeyError("addresses")

    clock = FakeClock()
    line = Line(clock, b"\r", b"open sesame\r", b"hello\r", silent_s=1)
    assert visited(line, Gate(passwords.path, clock), clock, shell=Broken()).ran == ["hello"]


def test_a_bug_in_the_help_logs_out_and_no_more(passwords: Passwords) -> None:
    class Broken(FakeShell):
        def help(self, line: str) -> list[str]:
            raise KeyError(line)

    clock = FakeClock()
    line = Line(clock, b"\r", b"open sesame\r", b"sh?", b"\r", b"open sesame\r", b"hello\r", silent_s=1)
    assert visited(line, Gate(passwords.path, clock), clock, shell=Broken()).ran == ["hello"]
    assert b"sh?\r\n\r\nTrouble inside the console" in line.shown


def test_a_command_tidies_up_when_the_line_is_lost(passwords: Passwords) -> None:
    tidied = []

    class Asking(FakeShell):
        def run(self, line: str, io: Terminal) -> bool:
            try:
                io.ask("Sure? ")
            except Gone:
                tidied.append(line)
                raise
            return True

    clock = FakeClock()
    visited(
        Line(clock, b"\r", b"open sesame\r", b"x\r", silent_s=9), Gate(passwords.path, clock), clock, shell=Asking()
    )
    assert tidied == ["x"]


def test_a_line_that_echoes_everything_does_not_keep_the_console_busy(passwords: Passwords) -> None:
    clock = FakeClock()

    class Loop(Line):
        """pyserial's loop://, which sends back all that is written."""

        def __init__(self) -> None:
            super().__init__(clock, silent_s=1)
            self.loop, self.written, self.reads = SerialLine("loop://", 115200), 0, 0

        def read(self, wait: bool = True) -> bytes:
            octets = self.loop.read(False)
            if not octets and wait:
                self._clock.pass_by(0.2)
            if self._clock.ticks > 1000:
                raise OSError("the test is over")
            return octets

        def write(self, octets: bytes) -> None:
            self.written += len(octets)
            self.loop.write(octets)

    line = Loop()
    line.loop.write(b"\r")
    visited(line, Gate(passwords.path, clock), clock)
    assert line.written < 50_000  # octets in 1000 s
    assert passwords.checked < 40


def test_a_flood_during_a_long_answer_costs_little_and_an_interrupt_ends_it(passwords: Passwords) -> None:
    clock = FakeClock()

    class Flooded(Line):
        """Each look finds another 4 KB."""

        def read(self, wait: bool = True) -> bytes:
            self.reads = getattr(self, "reads", 0) + 1
            if self.reads < 300:
                return b"x" * 4096
            return b"xx\x03" if self.reads == 300 else super().read(wait)

    line = Flooded(clock, silent_s=1)
    io = LineTerminal(line, clock)
    io.length = 0
    begun = time.process_time()
    io.page(f"line {number}" for number in range(10_000))
    assert line.shown.count(b"\n") == 299
    assert time.process_time() - begun < 5
    with pytest.raises(Lost):
        io.next_key()


NOISE = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b"\r", b"hello\r", b"\x03", b"\x04", b"\x1b[A\r", b"open sesam\r", b"?", b"\t"]),
    ),
    max_size=30,
)


@given(NOISE, st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_but_the_password_opens_the_door(passwords: Passwords, noise: list[bytes], choosing: bool) -> None:
    passwords.password = None if choosing else "open sesame"
    clock = FakeClock()
    typed = [piece.replace(b"open sesame", b"") for piece in noise]
    line = Line(clock, b"\r", *typed, silent_s=200)
    ran = visited(line, Gate(passwords.path, clock), clock).ran
    assert ran == [] or (choosing and passwords.password is not None)
    assert not set(line.shown) & (set(range(0x20)) - set(b"\r\n\b"))
