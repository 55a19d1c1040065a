"""Door of pyserial: the box's serial lines.

`open_port` gives a line set to 8N1 without flow control: a tty, or any URL of pyserial (loop://, socket://HOST:PORT,
rfc2217://…). Raises OSError (pyserial's SerialException is one) when the device is missing or taken, ValueError for a
speed or a URL that does not exist. `SerialLine` is a line for a terminal: small pieces, and OSError when it is lost.
"""

from __future__ import annotations

import termios

import serial

WAIT_S = 0.2
PIECE_BYTES = 256  # at 1200 baud 2.1 s of a write's five


def open_port(path: str, speed: int, timeout_s: float = WAIT_S) -> serial.Serial:
    """The line at `speed` baud; a read waits at most `timeout_s`, a write five seconds."""
    try:
        return serial.serial_for_url(path, speed, timeout=timeout_s, write_timeout=5.0, exclusive=True)
    except termios.error as error:  # the device went away while it was opened; no OSError by itself
        raise OSError(*error.args) from error


class SerialLine:
    """An open line. Every method raises OSError when the line is lost."""

    def __init__(self, path: str, speed: int) -> None:
        self.speed = speed
        self._port = open_port(path, speed)

    def read(self, wait: bool = True) -> bytes:
        """What has come; b"" when nothing came, within WAIT_S if `wait`, else at once."""
        waiting = self._port.in_waiting
        if not waiting and wait:
            first: bytes = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else b""
        return self._port.read(waiting)

    def write(self, octets: bytes) -> None:
        for start in range(0, len(octets), PIECE_BYTES):
            self._port.write(octets[start : start + PIECE_BYTES])

    def close(self) -> None:
        self._port.close()
