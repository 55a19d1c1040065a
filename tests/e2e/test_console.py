"""The serial console against the real processes: what still works when the others do not."""

from __future__ import annotations

import contextlib
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.console.serial_port import open_port
from appliance.interface.client import Unreachable, ask
from appliance.pretend.internet import Internet
from appliance.pretend.null_modem import NullModem
from tests.e2e.box import START_S, Box

PLACES = """
[control]
steward_socket = "{dir}/steward.sock"
[paths]
settings = "{dir}/settings"
password = "{dir}/password.json"
"""
PASSWORD = "tulips in May"
PROMPT = re.compile(r"outbox[>#] $")


class House:
    """Relay, steward and console of one box, and a person at the line."""

    def __init__(self, folder: Path) -> None:
        self.net = Internet("mail.pretend.example A 127.0.0.12", "")
        self.box = Box(folder, PLACES, self.net.dns_port, self.net.mail_port)
        self.modem = NullModem()
        self.port = open_port(self.modem.ends[1], 115200, timeout_s=0.05)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Returns when each can be spoken to."""
        for name in names:
            more = ["--port", self.modem.ends[0]] if name == "console" else []
            command = [sys.executable, "-m", "appliance.cli", name, *more, "--config", str(self.box.config)]
            with self.box.stderr_path.open("ab") as log:
                self.running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if name == "console":
                self.until("begin.\r\n")
            else:
                self._answers(name)

    def _answers(self, name: str) -> None:
        socket = {"steward": "steward.sock", "relay": "control.sock"}[name]
        until = time.monotonic() + START_S
        while True:
            with contextlib.suppress(Unreachable):
                ask(str(self.box.folder / socket), "password.exists" if name == "steward" else "status", timeout_s=5)
                return
            assert time.monotonic() < until and self.running[name].poll() is None, self.box.words()
            time.sleep(0.05)

    def kill(self, *names: str) -> None:
        for name in names:
            process = self.running.pop(name)
            process.kill()
            process.wait()

    def until(self, end: str | re.Pattern[str], wait_s: float = START_S) -> str:
        pattern = re.compile(re.escape(end) + "$") if isinstance(end, str) else end
        got, until = b"", time.monotonic() + wait_s
        while not pattern.search(got.decode(errors="replace")):
            assert time.monotonic() < until, f"{got!r}\n{self.box.words()}"
            assert self.running["console"].poll() is None, self.box.words()
            got += self.port.read(max(1, self.port.in_waiting))
        return got.decode().replace("\r\n", "\n")

    def type(self, line: str, end: str | re.Pattern[str] = PROMPT) -> str:
        """What comes back for a line, the echo included."""
        self.port.write(line.encode() + b"\r")
        return self.until(end)

    def login(self) -> str:
        """The banner."""
        banner = self.type("", re.compile(r"[Pp]assword: $"))
        if "New password: " in banner:
            self.type(PASSWORD, "Once more: ")
        self.type(PASSWORD)
        self.type("terminal length 0")
        return banner

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)
        self.port.close()
        self.modem.close()
        self.net.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.close()


def test_the_first_visitor_chooses_a_password_and_sees_the_box(house: House) -> None:
    house.start("steward", "relay", "console")
    banner = house.login()
    assert "No password is set yet." in banner and "Accepting mail." in banner
    assert "queue: empty" in house.type("show status")
    house.type("exit", "begin.\r\n")
    assert "New password" not in house.login()


def test_it_ends_at_once_when_told_to_and_says_why_it_cannot_begin(house: House) -> None:
    house.start("steward", "console")
    house.login()
    console = house.running.pop("console")
    console.terminate()
    assert console.wait(5) == 0
    for arguments, status, words in (
        (["console"], 2, "needs --port, --attach or --demo"),
        (["console", "--attach", "/dev/nothing"], 1, "No such file"),
        (["console", "--attach", "nothing://x"], 1, "invalid URL"),
        (["console", "--attach", house.modem.ends[0], "--speed", "-5"], 1, "-5"),
    ):
        ran = house.box.outbox(*arguments)
        assert (ran.returncode, words in ran.stderr, "Traceback" in ran.stderr) == (status, True, False), ran.stderr


def test_it_works_without_the_relay(house: House) -> None:
    house.start("steward", "console")
    assert "The relay is dead" in house.login()
    assert "% " in house.type("show queue")
    house.type("configure terminal")
    house.type("set box mail_name mail.office.example")
    assert "mail.office.example" in house.type("show | compare")
    assert "In force." in house.type("commit")
    assert "mail.office.example" in house.box.config.read_text()


def test_it_works_without_the_steward(house: House) -> None:
    house.start("steward", "relay", "console")
    house.login()
    house.type("exit", "begin.\r\n")
    house.kill("steward")
    assert "The steward is dead" in house.login()
    assert "the queue is empty" in house.type("show queue")
    assert "% " in house.type("configure terminal") + house.type("set box mail_name mail.office.example")


def test_broken_settings_are_put_right_at_the_console(house: House) -> None:
    house.start("steward", "console")
    house.login()
    for line in ("configure terminal", "set box mail_name mail.office.example", "commit", "exit"):
        house.type(line)
    house.type("exit", "begin.\r\n")
    house.kill("steward", "console")
    house.box.config.write_text(house.box.config.read_text().replace('"mail.office.example"', '"mail office"'))
    house.start("steward", "console")
    assert "The settings are broken" in house.login()
    house.type("configure terminal")
    house.type("set box mail_name post.office.example")
    assert "In force." in house.type("commit")
    house.start("relay")


def test_a_commit_that_nobody_confirmed_goes_back_though_console_relay_and_steward_were_killed(house: House) -> None:
    house.start("steward", "relay", "console")
    house.login()
    before = house.box.config.read_text()
    house.type("configure terminal")
    house.type("set box mail_name wrong.office.example")
    house.type("commit confirmed 5", "keeps it.\r\n")
    assert "wrong.office.example" in house.box.config.read_text()
    house.kill("console", "relay", "steward")
    pending = house.box.folder / "settings" / "pending.json"
    record = json.loads(pending.read_text())
    assert 200 < record["left_s"] <= 300
    pending.write_text(json.dumps({**record, "left_s": 31.0, "boot": "an earlier start"}))  # nearly five minutes later
    house.start("steward", "console")
    until = time.monotonic() + START_S
    while "wrong.office.example" in house.box.config.read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "outbox.example" in before and "outbox.example" in house.box.config.read_text()
    house.login()
    assert "wrong.office" not in house.type("show running-config")


def test_a_card_that_refuses_is_said_and_the_console_goes_on(house: House) -> None:
    house.start("steward", "console")
    house.login()
    (house.box.folder / "settings.toml.new").mkdir()  # stands in the way of every write
    house.type("configure terminal")
    house.type("set box mail_name mail.office.example")
    assert "% the card refuses" in house.type("commit")
    assert "outbox.example" in house.type("show running-config")


def test_the_button_makes_way_for_a_new_password(house: House) -> None:
    house.start("steward", "console")
    house.login()
    ask(str(house.box.folder / "steward.sock"), "button.password-reset")
    assert "version: " in house.type("show version")
    house.type("exit", "begin.\r\n")
    assert "No password is set yet." in house.login()


TOKENS = [
    *("show", "queue", "history", "set", "no", "device", "1", "name", "configure", "terminal", "replace", "menu"),
    *("wizard", "explain", "bounce", "compare", " ", " ", " ", "\r", "\r", "?", "\t", '"', "|", "\x1b[A", "\x1b[D"),
    *("\x7f", "\x17", "\x03", "\x1b", "\0", "é"),
]


def test_whatever_is_typed_the_next_command_is_answered(house: House) -> None:
    house.start("steward", "relay", "console")
    house.login()
    chance = random.Random(2)
    for _ in range(200):
        typed = "".join(chance.choices(TOKENS, k=chance.randrange(1, 25))).encode()
        typed += bytes(chance.choices([octet for octet in range(256) if octet != 4], k=chance.randrange(12)))
        house.port.write(typed)
        house.port.write(b"\x03q\x03\x03\x03 \x01\x0b")  # out of a pager, a question, a menu, a paste
        house.port.write(b"show version\r")
        came = house.until(re.compile(r"\nversion: \d.*\npython: .*\noutbox[>#] $", re.DOTALL))
        assert not {char for char in came if ord(char) < 32} - set("\n\b\r"), came
    assert "Traceback" not in house.box.words()


def test_what_it_shows_can_be_pasted_back_and_changes_nothing(house: House) -> None:
    house.start("steward", "console")
    house.login()
    shown = house.type("show running-config")
    lines = shown.split("\n")[1:-1]
    house.type("configure terminal")
    house.type("configure replace terminal", re.compile(r"\n$"))
    for line in lines:
        house.port.write(line.encode() + b"\r")
    came = house.until(PROMPT) if lines[-1] == "end" else house.type("end")
    assert "% " not in came
    assert "no differences" in house.type("show | compare")


def test_a_backup_that_was_shown_can_be_pasted_into_another_box(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> None:
    house.start("steward", "console")
    house.login()
    for line in ("configure terminal", "set box mail_name mail.office.example", "commit", "end"):
        house.type(line)
    house.type("backup", "backup: ")
    house.type("a long phrase", "once more: ")
    shown = house.type("a long phrase").split("\n")
    text = shown[shown.index("-----BEGIN OUTBOX BACKUP-----") : -1]
    other = House(tmp_path_factory.mktemp("other"))
    try:
        other.start("steward", "console")
        other.login()
        other.type("restore", "gives up.\r\n")
        for line in text:
            other.port.write(line.encode() + b"\r")
        other.until("passphrase: ")
        other.type("a long phrase", "[y/N] ")
        assert "% " not in other.type("y")
        assert "mail.office.example" in other.type("show candidate")
    finally:
        other.close()


def test_a_pasted_configuration_of_2_kb_is_done_with_in_under_3_s_at_9600_baud(house: House) -> None:
    house.start("steward", "console")
    house.login()
    house.type("configure terminal")
    lines = [
        f"set device {row} {what}"
        for row in range(1, 26)
        for what in (f"network 192.0.2.{row}", f"name printer-{row:02}-of-the-whole-office")
    ]
    text = "".join(line + "\r" for line in lines)
    assert len(text) >= 2048
    house.port.write(text.encode())
    came = house.until(re.compile(re.escape(lines[-1]) + r"\r\noutbox# $"))
    assert came == "\noutbox# ".join([*lines, ""])
    assert len(came) + came.count("\n") < 3 * 960  # with every prompt, and CR LF for each CR
    assert sum(line.startswith("+ ") for line in house.type("show | compare").split("\n")) >= len(lines)
