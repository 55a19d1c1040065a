"""One real relay process for a scenario: its folder, its settings file, start, kill, stop, and the command `outbox`.

Waits are bounded (START_S, STOP_S) and end in an AssertionError that carries what the relay wrote to stderr.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

START_S = 30.0
STOP_S = 15.0
BASE = Path(__file__).parent / "base.toml"


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: tables are merged, everything else is replaced."""
    result = dict(base)
    for name, value in over.items():
        known = result.get(name)
        result[name] = merged(known, value) if isinstance(value, dict) and isinstance(known, dict) else value
    return result


def toml_text(data: dict[str, Any]) -> str:
    """`data` of one level of tables and lists of tables as TOML."""
    plain: list[str] = []
    tables: list[str] = []
    for name, value in data.items():
        if isinstance(value, dict):
            tables.append(f"[{name}]\n{toml_text(value)}")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            tables += [f"[[{name}]]\n{toml_text(row)}" for row in value]
        else:
            plain.append(f"{name} = {_toml_value(value)}\n")
    return "".join(plain + tables)


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Box:
    """`settings` is TOML text laid over base.toml; {smtp}, {smtps}, {dns}, {mail} and {dir} are filled in. A relay
    "isp" has a password. `wrapper` goes before the relay's command line (strace, unshare)."""

    def __init__(self, folder: Path, settings: str, dns: int, mail: int, wrapper: tuple[str, ...] = ()) -> None:
        self.folder, self.smtp, self.smtps, self.wrapper = folder, free_port(), free_port(), wrapper
        self.process: subprocess.Popen[bytes] | None = None
        self.stderr_path = folder / "relay.log"
        places = {"{smtp}": self.smtp, "{smtps}": self.smtps, "{dns}": dns, "{mail}": mail, "{dir}": folder}

        def fill(text: str) -> dict[str, Any]:
            for place, value in places.items():
                text = text.replace(place, str(value))
            return tomllib.loads(text)

        self.config = folder / "settings.toml"
        passwords = folder / "credentials.toml"
        passwords.write_text('[isp]\npassword = "secret"\n')
        passwords.chmod(0o600)
        self.config.write_text(toml_text(merged(fill(BASE.read_text()), fill(settings))))

    def launch(self) -> subprocess.Popen[bytes]:
        command = [*self.wrapper, sys.executable, "-m", "appliance.cli", "relay", "--config", str(self.config)]
        with self.stderr_path.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self.process

    def start(self) -> None:
        """Returns when the relay greets."""
        process = self.launch()
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert process.poll() is None, f"relay ended with {process.returncode}: {self.words()}"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.smtp), 5) as probe:
                if probe.recv(3) == b"220":
                    with probe.makefile("rb") as replies:
                        replies.readline()
                        probe.sendall(b"QUIT\r\n")
                        replies.readline()
                    return
            time.sleep(0.02)
        raise AssertionError(f"relay did not greet: {self.words()}")

    def words(self) -> str:
        return self.stderr_path.read_text(errors="replace")[-4000:] if self.stderr_path.exists() else ""

    def bugs(self) -> str:
        """The last traceback in what the relay wrote, "" when there is none."""
        text = self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""
        return text[text.rfind("Traceback") :][:4000] if "Traceback" in text else ""

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """As a pulled plug, for the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)

    def outbox(self, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """The command, run once; `said` on its standard input."""
        command = [sys.executable, "-m", "appliance.cli", *arguments, "--config", str(self.config)]
        environment = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(
            command, capture_output=True, text=True, input=said, timeout=START_S, env=environment, check=False
        )
