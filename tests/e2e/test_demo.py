"""The demonstration holds what it shows: a newcomer's first minute, run as they would run it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.e2e.box import free_port


def test_the_demonstration_checks_itself() -> None:
    port = str(free_port())
    command = [sys.executable, "-c", f"from appliance.demo import run; raise SystemExit(run(check=True, port={port}))"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    steps = [line for line in ran.stdout.splitlines() if line[:2] in {f"{number}." for number in range(1, 10)}]
    assert len(steps) == 7
    assert "lamp QUEUE   slow blink: deferred mail waits" in ran.stdout


def test_a_demonstration_whose_terminal_is_closed_leaves_nothing_behind() -> None:
    port = free_port()
    command = [sys.executable, "-c", f"from appliance.demo import run; raise SystemExit(run(port={port}))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        folder = next(
            re.findall(r"--config (\S+)/settings.toml", line)[0] for line in demo.stdout if "--config" in line
        )
        assert Path(folder, "console").exists()
        demo.send_signal(signal.SIGHUP)
        assert demo.wait(60) == 0
    assert not Path(folder).exists()
    assert subprocess.run(["pgrep", "-f", folder], check=False, capture_output=True).stdout == b""
