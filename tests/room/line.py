"""A console of the test's own shell on one end of a null modem, and pyserial at the other."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.clock import SystemClock
from appliance.console.gate import Gate
from appliance.console.process import Configuration, Keeper
from appliance.console.serial_port import open_port
from appliance.pretend.null_modem import NullModem
from tests.fakes.passwords import Passwords
from tests.fakes.shell import FakeShell

WAIT_S = 20.0
QUIET_S = 0.4


class Ended(Exception):
    """The test is over: the keeper's thread ends."""


class Caller:
    """The person's end."""

    def __init__(self, path: str) -> None:
        self.port = open_port(path, 115200, timeout_s=0.05)

    def type(self, octets: bytes) -> None:
        self.port.write(octets)

    def read(self, count: int, wait_s: float = WAIT_S) -> bytes:
        """That many octets, or what came in time."""
        got, until = b"", time.monotonic() + wait_s
        while len(got) < count and time.monotonic() < until:
            got += self.port.read(count - len(got))
        return got

    def until(self, end: bytes, wait_s: float = WAIT_S) -> bytes:
        got, stop_at = b"", time.monotonic() + wait_s
        while not got.endswith(end):
            assert time.monotonic() < stop_at, got
            got += self.port.read(max(1, self.port.in_waiting))
        return got

    def login(self, invited: bool = False) -> None:
        if not invited:
            self.until(b"begin.\r\n")
        self.type(b"\r")
        self.until(b"Password: ")
        self.type(b"open sesame\r")
        self.until(b"box> ")


@contextmanager
def keeping(path: str, folder: Path, gate: Gate, shell: FakeShell) -> Iterator[Keeper]:
    """A keeper in a thread; at the end its line must be closed by the caller, so that it ends."""
    over = threading.Event()

    def pause(seconds: float) -> None:
        if over.wait(min(seconds, 0.1)):
            raise Ended

    def run() -> None:
        with suppress(Ended):
            keeper.keep(pause)

    clock = SystemClock()
    keeper = Keeper(path, Configuration(folder / "settings.toml", clock), gate, lambda: shell, clock)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield keeper
    finally:
        over.set()
        thread.join(WAIT_S)


@contextmanager
def console(
    folder: Path, password: str | None = "open sesame", rate: float = 0.0
) -> Iterator[tuple[Caller, FakeShell]]:
    """A console and its caller."""
    shell, passwords, modem = FakeShell(), Passwords(folder / "steward", password), NullModem(rate)
    caller = Caller(modem.ends[1])
    try:
        with keeping(modem.ends[0], folder, Gate(passwords.path, SystemClock()), shell):
            yield caller, shell
            modem.close()
    finally:
        caller.port.close()
        passwords.close()


def octets(text: str) -> bytes:
    """What a line of a golden file stands for."""
    known = {"r": b"\r", "n": b"\n", "t": b"\t", "b": b"\b", "\\": b"\\"}
    parts = re.split(r"\\(x[0-9a-f]{2}|[rntb\\])", text)
    return b"".join(
        part.encode() if number % 2 == 0 else known.get(part) or bytes([int(part[1:], 16)])
        for number, part in enumerate(parts)
    )


def steps(golden: str) -> Iterator[tuple[bytes, bytes]]:
    """What is typed, and all that must come back before the next is typed."""
    typed, expected = b"", b""
    for line in golden.splitlines():
        if line.startswith(">"):
            if expected:
                yield typed, expected
                typed, expected = b"", b""
            typed += octets(line[2:])
        elif line.startswith("<"):
            text = line[2:]
            expected += octets(text[:-1]) if text.endswith("\\") else octets(text) + b"\r\n"
    yield typed, expected
