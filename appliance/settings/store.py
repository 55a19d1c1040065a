"""The settings on the card: running, candidate, and the history of commits.

Running is the file that the relay loads. Beside it in `folder`: candidate.toml (absent = the same as running) and
commits/NUMBER.json, one file per commit, the last KEPT of them. Every write is old or new after a power cut. Nothing
here raises on what a file holds: what is damaged is left out; a broken running file makes the newest good commit the
start of the candidate. OSError means that the card refused and nothing changed; ports.Refused that the operator asked
for what cannot be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance import durable
from appliance.core.reply import printable
from appliance.ports import Clock, Refused
from appliance.settings import table
from appliance.settings.load import FILE_MAX_BYTES, load
from appliance.settings.parse import Complaint, parse
from appliance.settings.schema import Settings
from appliance.settings.table import Data
from appliance.settings.versions import newer, newest, place

KEPT: Final = 60
COMMENT_MAX: Final = 200
UNREADABLE: Final = "- the running file, which nobody can read"
RUNNING_MODE: Final = 0o644  # holds no secret; the relay, another user, reads it


@dataclass(frozen=True, slots=True)
class Commit:
    """`at` seconds since 1970, by the clock as it was."""

    number: int
    at: float
    comment: str
    text: str


class Store:
    """`config` is the running file's path, `folder` that of candidate and history."""

    def __init__(self, config: Path, folder: Path, clock: Clock) -> None:
        self.config, self._clock = config, clock
        self._candidate, self._commits = place(folder / "candidate.toml"), folder / "commits"

    # -- running ----------------------------------------------------------------------------------------------------

    def running_text(self) -> str:
        """The file as it is, "" when it cannot be read."""
        return _text(newest(self.config))

    def running(self) -> Settings | tuple[Complaint, ...]:
        return load(self.config)

    def good(self) -> Settings:
        """Running; when that is broken, the newest good commit; else what is shipped."""
        running = self.running()
        return running if isinstance(running, Settings) else self._last_good()

    def _last_good(self) -> Settings:
        for commit in self.commits():
            if isinstance(settings := parse(commit.text), Settings):
                return settings
        return Settings()

    def newer(self) -> list[str]:
        """Files of a newer format, which this release leaves alone (P8)."""
        return [*newer(self.config), *newer(self._candidate.with_name("candidate.toml"))]

    # -- candidate --------------------------------------------------------------------------------------------------

    def candidate(self) -> Data:
        try:
            return table.read(self._candidate.read_text())
        except (OSError, ValueError):
            return self._base()

    def _base(self) -> Data:
        """What the candidate starts from."""
        return table.read(self.running_text()) if self._readable() else table.of(self.good())

    def _readable(self) -> bool:
        """Whether the running file can be compared, right or not."""
        try:
            return isinstance(self.running(), Settings) or bool(table.read(self.running_text()))
        except ValueError:
            return False

    def changed(self) -> bool:
        """Whether there is a candidate of its own."""
        return self._candidate.exists()

    def keep(self, data: Data) -> None:
        """Make `data` the candidate. Raises Refused when it is too large."""
        text = table.write(data).encode()
        if len(text) > FILE_MAX_BYTES:
            raise Refused(f"the settings would be larger than {FILE_MAX_BYTES} octets")
        durable.write(self._candidate, text)

    def assign(self, path: str, text: str) -> None:
        data = self.candidate()
        table.assign(data, path, text)
        self.keep(data)

    def forget(self, path: str) -> None:
        data = self.candidate()
        table.forget(data, path)
        self.keep(data)

    def move(self, path: str, to: int) -> None:
        data = self.candidate()
        table.move(data, path, to)
        self.keep(data)

    def replace(self, text: str) -> None:
        """The whole candidate from TOML text; what it says may still be wrong or incomplete. Raises Refused when it is
        no TOML, or holds what no settings file can hold."""
        try:
            data = table.read(text, strict=True)
        except ValueError:
            found = parse(text)
            wrong = () if isinstance(found, Settings) else found
            raise Refused("; ".join(str(each) for each in wrong[:20]) or "this is no settings file") from None
        self.keep(data)

    def discard(self) -> None:
        durable.remove(self._candidate)

    def compare(self) -> list[str]:
        """Running against candidate, as lines. A running file that is no TOML differs from every candidate."""
        lines = table.differences(self._base(), self.candidate())
        return lines if self._readable() else [UNREADABLE, *lines]

    def check(self) -> tuple[Complaint, ...]:
        found = parse(table.write(self.candidate()))
        return () if isinstance(found, Settings) else found

    # -- history ----------------------------------------------------------------------------------------------------

    def commits(self) -> list[Commit]:
        """The newest first; damaged ones are left out."""
        found = (_commit(path) for path in sorted(self._commits.glob("*.json"), reverse=True))
        return [each for each in found if each is not None]

    def rollback(self, number: int) -> None:
        """Bring commit `number` (0 = the last one, 1 = the one before) into the candidate."""
        self.adopt()
        commits = self.commits()
        if not 0 <= number < len(commits):
            raise Refused(f"there are commits 0 to {len(commits) - 1}" if commits else "nothing was committed yet")
        found = parse(commits[number].text)
        if not isinstance(found, Settings):
            raise Refused(f"commit {number} cannot be used by this release: {found[0]}")
        self.keep(table.read(commits[number].text))

    def adopt(self) -> None:
        """Record a good running file that no commit made (the first one, or one changed by hand)."""
        text, commits = self.running_text(), self.commits()
        if text and isinstance(self.running(), Settings) and (not commits or commits[0].text != text):
            self._add(text, "changed outside of the console" if commits else "as found")

    def write(self, text: str, comment: str) -> None:
        """Make `text` (good settings) the running file and a commit. Raises OSError."""
        durable.write(place(self.config), text.encode(), RUNNING_MODE)
        self._add(text, comment)

    def _add(self, text: str, comment: str) -> None:
        numbers = [_number(path) for path in self._commits.glob("*.json")]
        number = max(numbers, default=0) + 1
        entry = {"format": 1, "at": self._clock.wall(), "comment": printable(comment, COMMENT_MAX), "text": text}
        durable.write(self._commits / f"{number:08}.json", json.dumps(entry).encode())
        for path in sorted(self._commits.glob("*.json"))[:-KEPT]:
            path.unlink(missing_ok=True)

    def erase(self, text: str) -> None:
        """Candidate and history end, `text` becomes the running file."""
        durable.write(place(self.config), text.encode(), RUNNING_MODE)
        self.discard()
        for path in [*self._commits.glob("*")]:
            durable.remove(path)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_MAX_BYTES + 1)
        return octets.decode() if len(octets) <= FILE_MAX_BYTES else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isascii() and path.stem.isdigit() and len(path.stem) < 12 else 0


def _commit(path: Path) -> Commit | None:
    try:
        with path.open("rb") as file:
            entry: dict[str, Any] = json.loads(file.read(2 * FILE_MAX_BYTES))
        at, comment, text = float(entry["at"]), str(entry["comment"]), str(entry["text"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Commit(_number(path), at, printable(comment, COMMENT_MAX), text)
