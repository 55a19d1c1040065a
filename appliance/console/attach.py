"""A small terminal program: the person's own terminal becomes the terminal of a serial line; ^] leaves.

For a console of `outbox demo`, and for a real box at a USB adapter. Nothing is interpreted on the way. Raises OSError
when the line cannot be opened or is lost.
"""

from __future__ import annotations

import os
import select
import sys
import tempfile
import termios
import time
import tty
from pathlib import Path
from typing import Final

from appliance.console.serial_port import SerialLine

LEAVE: Final = b"\x1d"  # ^]
SILENCE_S: Final = 2.0
DEMO_CONSOLE: Final = "outbox-demo-*/console"


def attach(path: str, speed: int) -> None:
    """Until ^], or the end of standard input and SILENCE_S without an answer. Raises ValueError for a speed or a URL
    that does not exist."""
    line = SerialLine(path, speed)
    sys.stderr.write(f"Connected to {path}; ^] leaves.\r\n")
    before = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        if before:
            tty.setraw(0)
        line.write(b"\r")
        _carry(line)
    finally:
        if before:
            termios.tcsetattr(0, termios.TCSADRAIN, before)
        line.close()
        sys.stderr.write("\r\nLeft.\r\n")


def _carry(line: SerialLine) -> None:
    ended, heard_at = False, time.monotonic()
    while True:
        arrived = line.read(wait=ended)
        os.write(1, arrived)
        if arrived or not ended:
            heard_at = time.monotonic()
        elif time.monotonic() - heard_at > SILENCE_S:
            return
        if not ended and select.select([0], [], [], 0.0 if arrived else 0.02)[0]:
            typed = os.read(0, 1024)
            before, leave, _ = typed.partition(LEAVE)
            line.write(before)
            if leave:
                return
            ended = not typed


def demo_console() -> str:
    """The console of the newest running demo of this user. Raises FileNotFoundError."""
    paths = Path(tempfile.gettempdir()).glob(DEMO_CONSOLE)
    found = [path for path in paths if path.exists() and path.parent.stat().st_uid == os.getuid()]
    if not found:
        raise FileNotFoundError("no demo is running: start one with outbox demo, in another window")
    return str(max(found, key=lambda path: path.lstat().st_mtime))
