"""The dialogue that opens docs/console.md, typed at a real line of a new box: from the plug to the first message."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.console.dialogue import DIALOGUE, EXAMPLE, TYPED, echo
from appliance.console.serial_port import open_port
from appliance.interface.client import Unreachable, ask
from appliance.pretend.internet import Internet
from appliance.pretend.null_modem import NullModem
from tests.e2e.box import START_S, STOP_S, free_port

ROUTER = "192.168.1.1"  # the DNS server of the dialogue
ZONES = """
friendly.example MX 10 mail.friendly.example
mail.friendly.example A 127.0.0.11
office.example MX 10 mail.office.example
"""
NEW_BOX = """
format = 1
[[listener]]
name = "lan"
address = "127.0.0.1"
port = {smtp}
[spool]
directory = "{dir}/spool"
segment_bytes = 1048576
ready_bytes = 4194304
free_min_bytes = 0
[delivery]
ipv6 = false
lab_networks = ["127.0.0.0/8"]
lab_port = {mail}
[control]
socket = "{dir}/control.sock"
steward_socket = "{dir}/steward.sock"
[paths]
accounts = "{dir}/accounts.json"
credentials = "{dir}/credentials.toml"
password = "{dir}/password.json"
settings = "{dir}/settings"
tls = "{dir}/tls"
"""


class Line:
    """The person's end of the serial line of a box that is all there: `outbox run`."""

    def __init__(self, folder: Path) -> None:
        self.net, self.modem = Internet(ZONES), NullModem()
        self.port = open_port(self.modem.ends[1], 115200, timeout_s=0.05)
        self.log = folder / "log"
        config = folder / "outbox.toml"
        config.write_text(NEW_BOX.format(dir=folder, smtp=free_port(), mail=self.net.mail_port))
        command = [sys.executable, "-m", "appliance.cli", "run", "--config", str(config), "--console"]
        command += [self.modem.ends[0], "--without", "panel", "--without", "page", "--log", str(self.log)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self._wait(str(folder / "control.sock"))

    def _wait(self, relay: str) -> None:
        """A plugged-in box takes a moment until its relay answers."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with contextlib.suppress(Unreachable):
                ask(relay, "status")
                return
            time.sleep(0.1)

    def until(self, expected: str) -> None:
        """Wait for exactly this, but for what is marked as an example."""
        pattern = ".*".join(re.escape(part) for part in EXAMPLE.split(expected)[::2])
        until = time.monotonic() + START_S
        octets, came = b"", ""
        while not re.fullmatch(pattern, came):
            assert time.monotonic() < until, f"{came}\n--- instead of\n{expected}\n---\n{self.log.read_text()}"
            octets += self.port.read(max(1, self.port.in_waiting))
            came = octets.decode(errors="replace").replace("\r\n", "\n")
            came = came.replace(f"127.0.0.1:{self.net.dns_port}", ROUTER)

    def past(self, end: str) -> None:
        """Wait until what came ends so."""
        until, octets = time.monotonic() + START_S, b""
        while not octets.decode(errors="replace").replace("\r\n", "\n").endswith(end):
            assert time.monotonic() < until, f"{octets!r}\n{self.log.read_text()}"
            octets += self.port.read(max(1, self.port.in_waiting))

    def type(self, text: str) -> None:
        self.port.write(text.replace(ROUTER, f"127.0.0.1:{self.net.dns_port}").encode() + b"\r")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(STOP_S)
        self.port.close()
        self.modem.close()
        self.net.stop()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    made.close()


def test_a_new_user_gets_from_the_plug_to_the_first_message(line: Line) -> None:
    echoed, begun = "\n", 0
    for typed in TYPED.finditer(DIALOGUE):
        line.until(echoed + DIALOGUE[begun : typed.start()])
        line.type(typed[2])
        echoed, begun = echo(typed[1], typed[2]), typed.end()
    line.until(f"{echoed}{DIALOGUE[begun:]}\n")
    ((server, message),) = line.net.received
    assert server == "mail.friendly.example" and message.recipients == ["anna@friendly.example"]


def test_who_moves_the_steward_finds_it_again_after_a_logout(line: Line, tmp_path: Path) -> None:
    line.until("\nOutbox: press Enter to begin.\n")
    line.type("")
    for text, end in (
        ("correct horse", "New password: "), ("correct horse", "Once more: "), ("configure terminal", "outbox> "),
        (f"set control steward-socket {tmp_path}/moved.sock", "outbox# "), ("commit", "outbox# "),
        ("logout", "In force.\noutbox# "),
    ):  # fmt: skip
        line.past(end)
        line.type(text)
    line.past("begin.\n")
    until = time.monotonic() + START_S
    while not (tmp_path / "moved.sock").is_socket():
        assert time.monotonic() < until, line.log.read_text()
        time.sleep(0.1)
    line.type("")
    line.past("Password: ")
    line.type("correct horse")
    line.past("outbox> ")
    line.type("show changes")
    line.past("as found\noutbox> ")
