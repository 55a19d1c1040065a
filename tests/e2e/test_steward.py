"""The real processes under `outbox run`: a commit that nobody confirmed is taken back, whoever was killed meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.interface.client import Unreachable, ask

SETTINGS = """format = 1
[box]
mail_name = "outbox.example"
[[listener]]
name = "lan"
address = "127.0.0.1"
port = {port}
tls = "none"
auth = "none"
[spool]
directory = "{folder}/spool"
segment_bytes = 1048576
ready_bytes = 4194304
free_min_bytes = 1048576
[control]
socket = "{folder}/control.sock"
steward_socket = "{folder}/steward.sock"
[paths]
accounts = "{folder}/accounts.json"
credentials = "{folder}/credentials.toml"
password = "{folder}/password.json"
settings = "{folder}/settings"
tls = "{folder}/tls"
"""
WAIT_S = 60.0
CONSOLE = """import json, socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
for verb, args in (("settings.set", {"path": "listener.lan.port", "value": sys.argv[2]}),
                   ("settings.commit", {"confirm_min": 0.25})):
    peer.sendall(json.dumps({"verb": verb, "args": args}).encode() + b"\\n")
    print(peer.recv(65536).decode().strip(), flush=True)
peer.recv(1)
"""


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


class Box:
    def __init__(self, folder: Path) -> None:
        self.folder, (self.port, self.other) = folder, free_ports(2)
        (folder / "outbox.toml").write_text(SETTINGS.format(folder=folder, port=self.port))
        command = [sys.executable, "-m", "appliance.cli", "run", "--config", f"{folder}/outbox.toml"]
        self.log = folder / "log"
        self.keeper = subprocess.Popen([*command, "--without", "panel", "--without", "page", "--log", str(self.log)])

    def steward(self, verb: str, **args: Any) -> Any:
        return ask(f"{self.folder}/steward.sock", verb, args, WAIT_S)

    def greets(self, port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as probe:
            return probe.recv(4) == b"220 "
        return False

    def pid(self, part: str) -> int:
        """Of the newest process of a part, from the log."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith(f"{part} started as process ")]
        return int(lines[-1].split()[-1])

    def kill(self, part: str) -> None:
        os.kill(self.pid(part), signal.SIGKILL)

    def commit_on_a_console_that_is_killed(self) -> None:
        console = subprocess.Popen(
            [sys.executable, "-c", CONSOLE, f"{self.folder}/steward.sock", str(self.other)], stdout=subprocess.PIPE
        )
        assert console.stdout
        answers = [console.stdout.readline() for _ in range(2)]
        console.kill()
        console.wait()
        console.stdout.close()
        assert all(b'"ok": true' in each for each in answers), answers


def until(condition: Any, what: str) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    try:
        until(lambda: made.greets(made.port), "the relay did not greet")
        until(lambda: (tmp_path / "steward.sock").exists(), "no steward")
        yield made
    finally:
        made.keeper.terminate()
        assert made.keeper.wait(WAIT_S) == 0
        with pytest.raises(Unreachable):
            made.steward("version")


def test_an_unconfirmed_commit_is_taken_back_though_console_relay_and_steward_are_killed(box: Box) -> None:
    box.commit_on_a_console_that_is_killed()
    until(lambda: box.greets(box.other), "the commit does not count")
    box.kill("steward")
    box.kill("relay")
    until(lambda: box.greets(box.port), f"not taken back:\n{box.log.read_text()}")
    assert str(box.other) not in (box.folder / "outbox.toml").read_text()
    until(lambda: not box.greets(box.other), "the new port is still open")


def test_a_commit_with_which_the_relay_cannot_start_is_taken_back(box: Box) -> None:
    box.steward("settings.set", path="listener.lan.address", value="192.0.2.77")  # not an address of this machine
    box.steward("settings.commit", confirm_min=0.25)
    until(lambda: "the relay cannot start" in box.log.read_text(), "it started")
    assert box.steward("settings.pending")["left_s"] is not None
    until(lambda: box.greets(box.port), f"not taken back:\n{box.log.read_text()}")


def test_a_broken_settings_file_keeps_the_relay_down_and_the_steward_mends_it(box: Box) -> None:
    config = box.folder / "outbox.toml"
    config.write_text(config.read_text() + "[dns]\nservers = ['fish']\n")
    box.kill("relay")
    box.kill("steward")
    until(lambda: "dns.servers[1] = 'fish'" in box.log.read_text(), "no complaint in the log")

    def mended() -> bool:
        with contextlib.suppress(Unreachable):
            box.steward("settings.rollback", n=0)
            return bool(box.steward("settings.commit", comment="mended")["committed"])
        return False

    until(mended, "no steward")
    until(lambda: box.greets(box.port), f"the relay did not come back:\n{box.log.read_text()}")


def test_what_is_committed_counts_and_outlives_the_box(box: Box) -> None:
    box.steward("settings.set", path="listener.lan.port", value=str(box.other))
    assert box.steward("settings.commit")["warnings"] == []
    until(lambda: box.greets(box.other), "the commit does not count")
    assert f"port = {box.other}" in (box.folder / "outbox.toml").read_text()
    assert any("220" not in line for line in box.steward("log", lines=5)["lines"])
