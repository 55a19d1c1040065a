"""Two serial sockets joined back to back, without hardware: what is written at one end is read at the other.

Each end is a device that any terminal program opens. Like a line of three wires it does not tell whether anybody is at
the other end: it stays up when one end is closed, and what nobody reads within a second is lost. `octets_per_s` paces
both directions as a real line would (960 at 9600 baud); 0 = as fast as it goes.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
import tty
from typing import Final

PIECE_BYTES: Final = 64
PATIENCE_S: Final = 1.0


class NullModem:
    """`ends`: the two device names. `close` takes them away; whoever has one open then reads an error."""

    def __init__(self, octets_per_s: float = 0.0) -> None:
        self._rate, self._closed = octets_per_s, False
        self._pairs = [os.openpty(), os.openpty()]
        for _, slave in self._pairs:
            tty.setraw(slave)
        self.ends = tuple(os.ttyname(slave) for _, slave in self._pairs)
        self._stop_read, self._stop_write = os.pipe()
        (one, _), (other, _) = self._pairs
        ways = ((one, other), (other, one))
        self._threads = [threading.Thread(target=self._carry, args=way, daemon=True) for way in ways]
        for thread in self._threads:
            thread.start()

    def _carry(self, source: int, target: int) -> None:
        while True:
            ready, _, _ = select.select([source, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            with contextlib.suppress(OSError):
                octets = os.read(source, PIECE_BYTES)
                if self._rate:
                    time.sleep(len(octets) / self._rate)
                while octets and select.select([], [target], [], PATIENCE_S)[1]:
                    octets = octets[os.write(target, octets) :]

    def close(self) -> None:
        """Harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        os.write(self._stop_write, b"x")
        for thread in self._threads:
            thread.join()
        for pair in (*self._pairs, (self._stop_read, self._stop_write)):
            for descriptor in pair:
                os.close(descriptor)
