"""`commit confirmed`: what to go back to and when, kept on the card so that no kill and no power cut forgets it.

The wall clock plays no part. Within one start of the machine the deadline is on its monotonic clock; after another
start what was left counts on, less BOOT_S for the start itself, so that a setting which makes the box start again and
again still ends. A damaged file means "at once, to the commit before".
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, Final

from appliance import durable
from appliance.ports import Clock

BOOT_S: Final = 30.0
FILE_MAX: Final = 4 << 20


class Pending:
    """`boot` names the machine's present start. `text` is the settings file to go back to, "" when that is lost."""

    def __init__(self, path: Path, clock: Clock, boot: str) -> None:
        self._path, self._clock, self._boot = path, clock, boot
        self._deadline: float | None = None
        self.text = ""
        if path.exists():
            self._resume()

    def _resume(self) -> None:
        now = self._clock.monotonic()
        try:
            with self._path.open("rb") as file:
                record: dict[str, Any] = json.loads(file.read(FILE_MAX))
            left, at, self.text = float(record["left_s"]), float(record["at"]), str(record["text"])
            left = left - max(0.0, now - at) if record["boot"] == self._boot else left - BOOT_S
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            left, self.text = 0.0, ""
        self._deadline = now + max(0.0, left)
        with contextlib.suppress(OSError):  # a card that cannot be written still counts down, in memory
            self.save()

    @property
    def active(self) -> bool:
        return self._deadline is not None

    def left_s(self) -> float:
        """Seconds until going back, 0 when that is due; only while active."""
        assert self._deadline is not None
        return max(0.0, self._deadline - self._clock.monotonic())

    def begin(self, left_s: float, text: str) -> None:
        """Raises OSError, and then nothing is pending that was not before."""
        before = self._deadline, self.text
        self._deadline, self.text = self._clock.monotonic() + left_s, text
        try:
            self.save()
        except OSError:
            self._deadline, self.text = before
            raise

    def save(self) -> None:
        """Bring what is left to the card. Raises OSError."""
        if self._deadline is not None:
            left, at = self.left_s(), self._clock.monotonic()
            record = {"format": 1, "left_s": left, "at": at, "boot": self._boot, "text": self.text}
            durable.write(self._path, json.dumps(record).encode())

    def end(self) -> None:
        """Nothing is pending any more. Raises OSError, and then it still is."""
        durable.remove(self._path)
        self._deadline, self.text = None, ""


def boot_id() -> str:
    """A name of this start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
