"""The lamps of the demonstration: the real `outbox panel`, drawn in the terminal, and what its lamps say.

The panel draws on standard error when that is a terminal, and writes a line for each change, which is read here.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from appliance.demo.words import say

STOP_S = 10.0


class ShownLamps:
    """`saying` is what each lamp says now, as "steady: accepting mail"; `log` takes what the panel complains of when
    standard error is no terminal."""

    def __init__(self, config: Path, log: Path) -> None:
        self.saying: dict[str, str] = {}
        command = [sys.executable, "-m", "appliance.cli", "panel", "--pins", "terminal", "--config", str(config)]
        with log.open("wb") as file:
            errors = None if sys.stderr.isatty() else file
            self.panel = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.panel.stdout is not None
        for line in self.panel.stdout:
            label, _, words = line.decode(errors="replace").strip().partition(" ")
            self.saying[label] = words
            say(f"     lamp {label:7} {words}")

    def stop(self) -> int:
        """The panel's exit status."""
        self.panel.terminate()
        try:
            status = self.panel.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.panel.kill()
            status = self.panel.wait()
        self._reader.join(STOP_S)
        if self.panel.stdout is not None:
            self.panel.stdout.close()
        return status
