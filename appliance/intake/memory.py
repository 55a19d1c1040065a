"""What clients usually send, kept over a restart: else a hijacked machine had a fresh day after each power cut.

One JSON file, written beside and put in its place every SAVE_S while mail comes in, and at the stop; a power cut costs
the last minutes. A file that is missing, damaged or of a newer format is as if nothing were known; nothing raises.
"""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any, Final

from appliance import durable
from appliance.intake.limits import CLIENTS_MAX, Clients
from appliance.ports import Clock

FORMAT: Final = 1
SAVE_S: Final = 900.0
FILE_MAX_BYTES: Final = 1 << 20
NUMBER_MAX: Final = 1e11

log = logging.getLogger(__name__)


class Memory:
    """`path` None keeps nothing."""

    def __init__(self, path: Path | None, clients: Clients, clock: Clock) -> None:
        self._path, self._clients, self._clock = path, clients, clock
        self._saved_at, self._saved = clock.monotonic(), 0

    def load(self) -> None:
        """Fill the book of clients, which is empty yet. The time that the box was off counts as far as it is known."""
        if self._path is None:
            return
        try:
            with self._path.open("rb") as file:
                data = json.loads(file.read(FILE_MAX_BYTES))
            if data["format"] != FORMAT:
                log.warning("the clients' usual rates are of another release: not read")
                return
            off_s = max(0.0, self._clock.wall() - _number(data["at"])) if self._clock.known() else 0.0
            for address, row in list(data["clients"].items())[:CLIENTS_MAX]:
                self._remember(str(address)[:64], [_number(each) for each in row], min(off_s, NUMBER_MAX))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.warning("the clients' usual rates cannot be read: %s", error)

    def _remember(self, address: str, row: list[float], off_s: float) -> None:
        now = self._clock.monotonic()
        age, usual, count, hour_age = row
        client = self._clients.of(address, now)
        client.first, client.usual = now - age - off_s, usual
        client.hour_count, client.hour_began = int(count), now - hour_age - off_s

    def octets(self) -> bytes:
        """The file as it should be now."""
        now = self._clock.monotonic()
        rows = {
            each.address: [round(now - each.first), round(each.usual, 1), each.hour_count, round(now - each.hour_began)]
            for each in self._clients.all()
            if each.usual or each.hour_count
        }
        return json.dumps({"format": FORMAT, "at": self._clock.wall(), "clients": rows}).encode()

    def due(self) -> bytes | None:
        """What to write now, if it is time and something came in."""
        now, accepted = self._clock.monotonic(), sum(each.accepted for each in self._clients.all())
        if self._path is None or now - self._saved_at < SAVE_S:
            return None
        self._saved_at = now
        if accepted == self._saved:
            return None
        self._saved = accepted
        return self.octets()

    def write(self, octets: bytes) -> None:
        """Blocks for a flush: call it in a worker thread."""
        if self._path is None:
            return
        try:
            durable.write(self._path, octets)
        except OSError as error:
            log.warning("the clients' usual rates cannot be written: %s", error.strerror)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("not a number")
    return min(max(float(value), 0.0), NUMBER_MAX)
