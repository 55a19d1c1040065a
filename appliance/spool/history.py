"""What became of each message, for people: one JSON line each, in memory and, batched, on the card.

Never in the way of the spool's promise: the relay calls `write` every WRITE_S seconds, and nothing waits for the card;
what a power cut may cost stands in docs/spool.md. Bounded by days and octets; the oldest lines go first. Subjects are
kept for `subject_days` only. A card that refuses costs history only.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections import deque
from pathlib import Path
from typing import Any, Final

from appliance.core.tallies import Tallies
from appliance.ports import Clock, Sought
from appliance.spool.attempts import AttemptLog
from appliance.spool.files import Files

WRITE_S: Final = 180.0
UNWRITTEN_MAX: Final = 1000
MEMORY_BYTES: Final = 8 << 20
CLEAN_S: Final = 86400.0
EVERYTHING: Final = Sought()


class FileHistory:
    """ports.History in `folder`/history.jsonl."""

    def __init__(
        self, folder: Path, days: int, max_bytes: int, clock: Clock, subject_days: int = 7, files: Files | None = None
    ) -> None:
        self._path, self._files = folder / "history.jsonl", files or Files()
        self._keep_s, self._subject_s, self._clock = days * 86400.0, subject_days * 86400.0, clock
        self._max_bytes = max_bytes
        self._lines: deque[tuple[float, float, str]] = deque()  # at, arrived at, the entry
        self._memory_bytes = self._file_bytes = 0
        self._unwritten: list[str] = []
        self._written_at = self._cleaned_at = clock.monotonic()
        self.tallies, self.attempts = Tallies(), AttemptLog(folder, self._files)
        self._read()

    def add(self, entry: dict[str, Any]) -> None:
        """`entry` has "at" (wall clock) and what else is known; plain JSON types."""
        entry.setdefault("at", self._clock.wall())
        line = json.dumps(entry, ensure_ascii=False)
        self._keep(float(entry["at"]), entry, line)
        self.tallies.add(entry)
        self._unwritten.append(line)
        self._tick()

    def attempted(self, queue_id: str, record: dict[str, Any]) -> None:
        self.attempts.add(queue_id, record)
        self._tick()

    def _tick(self) -> None:
        if self._clock.monotonic() - self._written_at >= WRITE_S or len(self._unwritten) >= UNWRITTEN_MAX:
            self.write()

    def _keep(self, at: float, entry: dict[str, Any], line: str) -> None:
        arrived_at = entry.get("arrived_at", at)
        self._lines.append((at, float(arrived_at) if isinstance(arrived_at, int | float) else at, line))
        self._memory_bytes += len(line)
        while self._memory_bytes > min(self._max_bytes, MEMORY_BYTES):
            self._memory_bytes -= len(self._lines.popleft()[2])

    def search(self, text: str = "", limit: int = 50, sought: Sought = EVERYTHING) -> list[dict[str, Any]]:
        """May be called in another thread: it works on the lines as they are at the beginning."""
        wanted = [text, sought.address, sought.device, sought.queue_id]
        needles = [_quoted(each.lower()) for each in wanted if each]
        now, known = self._clock.wall(), self._clock.known()
        oldest = now - self._keep_s if known else 0.0
        found: list[dict[str, Any]] = []
        for at, arrived_at, line in reversed(list(self._lines)):
            if at < oldest or not sought.since <= arrived_at < sought.until:
                continue
            if needles:
                low = line.lower()
                if not all(each in low for each in needles):
                    continue
            entry = self._shown(json.loads(line), now) if known else json.loads(line)
            if sought.matches(entry) and (not text or needles[0] in json.dumps(entry, ensure_ascii=False).lower()):
                found.append(entry)
                if len(found) >= limit:
                    break
        return found

    def _shown(self, entry: dict[str, Any], now: float) -> dict[str, Any]:
        if float(entry.get("at", 0)) < now - self._subject_s and entry.get("subject"):
            entry["subject"] = ""
        return entry

    def erase(self) -> None:
        self._lines.clear()
        self._unwritten.clear()
        self.tallies.clear()
        self.attempts.erase()
        self._memory_bytes = self._file_bytes = 0
        for path in (self._path, self._path.with_suffix(".new")):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def write(self) -> None:
        """Bring what is new to the card."""
        self.attempts.write()
        fresh, self._unwritten, self._written_at = self._unwritten, [], self._clock.monotonic()
        old = self._clock.known() and self._clock.monotonic() - self._cleaned_at >= CLEAN_S
        with contextlib.suppress(OSError):
            if old or (fresh and self._file_bytes > self._max_bytes // 2):
                self._clean()
            elif fresh:
                octets = "".join(f"{line}\n" for line in fresh).encode()
                self._files.append(self._path, octets)
                self._file_bytes += len(octets)

    def _clean(self) -> None:
        """Write the file anew: without what is too old, without old subjects, at most a quarter of the bound."""
        self._cleaned_at = self._clock.monotonic()
        now = self._clock.wall()
        if self._clock.known():
            kept = [json.dumps(self._shown(json.loads(line), now), ensure_ascii=False)
                    for at, _, line in self._lines if at >= now - self._keep_s]  # fmt: skip
        else:
            kept = [line for _, _, line in self._lines]
        size = 0
        for place in range(len(kept) - 1, -1, -1):
            size += len(kept[place].encode()) + 1
            if size > self._max_bytes // 4:
                del kept[: place + 1]
                break
        self._files.put(self._path, "".join(f"{line}\n" for line in kept).encode())
        self._file_bytes = min(size, self._max_bytes // 4)

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._path.open(errors="replace") as file:
            text = file.read(self._max_bytes)
            self._file_bytes = len(text)
            for line in text.splitlines():
                with contextlib.suppress(ValueError, TypeError, OverflowError):
                    entry = json.loads(line)
                    at = float(entry["at"]) if isinstance(entry, dict) and "at" in entry else math.nan
                    if math.isfinite(at):
                        self._keep(at, entry, line)
                        self.tallies.add(entry)


def _quoted(text: str) -> str:
    """As it stands inside a JSON text."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
