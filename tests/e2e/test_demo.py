"""The demonstration holds what it shows: a newcomer's first minute, run as they would run it."""

import subprocess
import sys

from tests.e2e.box import free_port


def test_the_demonstration_checks_itself() -> None:
    port = str(free_port())
    command = [sys.executable, "-c", f"from appliance.demo import run; raise SystemExit(run(check=True, port={port}))"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    steps = [line for line in ran.stdout.splitlines() if line[:2] in {f"{number}." for number in range(1, 10)}]
    assert len(steps) == 7
    assert "lamp QUEUE   slow blink: deferred mail waits" in ran.stdout
