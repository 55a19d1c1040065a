"""A word to the service manager (systemd's notification protocol), if it listens; never raises."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Final

WATCHDOG_SHARE: Final = 0.4  # of the span within which a sign of life is expected


def notify(text: str) -> None:
    """The words are "READY=1", "WATCHDOG=1", "STOPPING=1"."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)


def watchdog_s() -> float:
    """Within how many seconds a sign of life is expected; 0 = none is."""
    text = os.environ.get("WATCHDOG_USEC", "0")
    return int(text) / 1e6 if text.isdecimal() else 0.0
