"""One emulated Pi 3: power on, power cut, the operator's line, the chip's registers.

`power_on` returns at once; `cut` ends the emulator in an instant, as a pulled plug does. It never runs for longer than
LIFE_S, and only ever one at a time with lowered priority. Raises TimeoutError when the monitor does not answer.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.image.card import Card
from tests.image.lan import TAP

LIFE_S: Final = 3600
LEVELS: Final = 0x3F200034  # GPLEV0
MAC: Final = "52:54:00:0b:0f:01"


class Emulator:
    """`words` are more words for the kernel's command line."""

    def __init__(self, card: Card, folder: Path, words: str = "") -> None:
        self._card, self._folder, self._words = card, folder, words
        self._process: subprocess.Popen[bytes] | None = None
        self._monitor: socket.socket | None = None
        self.line: socket.socket | None = None
        self.on_at = 0.0

    def power_on(self, drive: str = "") -> None:
        loader, tree = self._card.machine(self._words)
        for name in ("line.sock", "monitor.sock"):
            (self._folder / name).unlink(missing_ok=True)
        command = [
            "nice", "-n", "5", "timeout", "--signal=KILL", str(LIFE_S), "qemu-system-aarch64", "-M", "raspi3b",
            "-kernel", loader, "-dtb", tree, "-drive", f"if=sd,format=raw,file={self._card.path}{drive}",
            "-serial", f"file:{self._folder / 'uart0.log'}",
            "-serial", f"unix:{self._folder / 'line.sock'},server=on,wait=off",
            "-monitor", f"unix:{self._folder / 'monitor.sock'},server=on,wait=off",
            "-netdev", f"tap,id=n0,ifname={TAP},script=no,downscript=no", "-device", f"usb-net,netdev=n0,mac={MAC}",
            "-display", "none",
        ]  # fmt: skip
        with (self._folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)  # fmt: skip
        self.on_at = time.monotonic()
        self.line = self._connect("line.sock")
        self._monitor = self._connect("monitor.sock")
        self._prompt()

    def _connect(self, name: str) -> socket.socket:
        until = time.monotonic() + 20
        made = socket.socket(socket.AF_UNIX)
        while True:
            try:
                made.connect(str(self._folder / name))
                return made
            except OSError:
                if time.monotonic() > until:
                    raise TimeoutError((self._folder / "qemu.log").read_text()[-2000:]) from None
                time.sleep(0.1)

    def cut(self) -> None:
        """No power, now."""
        for each in (self.line, self._monitor):
            if each is not None:
                each.close()
        if self._process is not None:
            child = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False)
            for pid in child.stdout.split():
                subprocess.run(["kill", "-KILL", pid], check=False)
            self._process.kill()
            self._process.wait(20)
        self._process = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def monitor(self, command: str) -> str:
        assert self._monitor is not None
        self._monitor.sendall(command.encode() + b"\n")
        return self._prompt()

    def _prompt(self) -> str:
        assert self._monitor is not None
        self._monitor.settimeout(20)
        text = b""
        while not text.endswith(b"(qemu) "):
            piece = self._monitor.recv(4096)
            if not piece:
                raise TimeoutError("the emulator ended")
            text += piece
        return text.decode("ascii", "replace")

    def levels(self) -> int:
        """The level of GPIO 0 to 31, one bit each, as the chip has it."""
        found = re.search(r"[0-9a-f]{16}: 0x([0-9a-f]{8})", self.monitor(f"xp /1wx {LEVELS:#x}"))
        assert found
        return int(found[1], 16)

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.cut()
