"""Door of pyserial: the box's serial lines.

`open_port` gives a line set to 8N1 without flow control. Raises OSError (pyserial's SerialException is one) when the
device is missing or taken, ValueError for a speed that it does not have.
"""

from __future__ import annotations

import serial


def open_port(path: str, speed: int, timeout_s: float = 0.2) -> serial.Serial:
    """The line at `speed` baud; a read waits at most `timeout_s`, a write five seconds."""
    return serial.Serial(path, speed, timeout=timeout_s, write_timeout=5.0, exclusive=True)
