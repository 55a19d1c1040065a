"""The real panel beside a real relay that freezes, is started with wrong settings, and comes back."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.box import Box, free_port

SOON_S = 20.0


class Shown:
    """What the panel's lamps say, line by line."""

    def __init__(self, config: Path) -> None:
        command = [sys.executable, "-m", "appliance.cli", "panel", "--pins", "terminal", "--config", str(config)]
        self.panel = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.panel.stdout is not None
        for line in self.panel.stdout:
            with self._news:
                self.lines.append(line.strip())
                self._news.notify_all()

    def until(self, line: str) -> float:
        """Waits for a line that comes from now on; how long it took."""
        began = time.monotonic()
        with self._news:
            self.lines.clear()
            assert self._news.wait_for(lambda: line in self.lines, SOON_S), self.lines
        return time.monotonic() - began

    def stop(self) -> None:
        self.panel.terminate()
        assert self.panel.wait(SOON_S) == 0
        self._reader.join()
        assert self.panel.stdout is not None
        self.panel.stdout.close()


@contextmanager
def shown(config: Path) -> Iterator[Shown]:
    made = Shown(config)
    try:
        yield made
    finally:
        made.stop()


def test_a_relay_that_is_frozen_or_kept_down_by_its_settings_is_shown_and_so_is_its_return(tmp_path: Path) -> None:
    box = Box(tmp_path, "", free_port(), free_port())
    box.start()
    with shown(box.config) as lamps:
        lamps.until("SYSTEM steady: accepting mail")
        assert box.process is not None
        box.process.send_signal(signal.SIGSTOP)
        assert 4 < lamps.until("SYSTEM 1 flash, pause: relay dead") < 10
        box.process.send_signal(signal.SIGCONT)
        lamps.until("SYSTEM steady: accepting mail")
        right = box.config.read_text()
        box.config.write_text(right + "[intake]\nhops_max = 1\n")
        box.kill()
        lamps.until("SYSTEM 4 flashes, pause: bad settings")
        box.config.write_text(right)
        box.start()
        lamps.until("SYSTEM steady: accepting mail")
    assert box.stop() == 0
