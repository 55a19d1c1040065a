"""The verbs settings.*: what console and CLI ask of the settings on the card."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from appliance.ports import Refused, Verb
from appliance.settings import table
from appliance.settings.parse import Complaint
from appliance.settings.schema import Settings
from appliance.settings.store import Store
from appliance.steward.commits import Commits
from appliance.steward.pending import Pending

PATH_MAX: Final = 400
_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # half a character, which JSON may hold and no file can


class SettingsVerbs:
    def __init__(self, store: Store, commits: Commits, pending: Pending) -> None:
        self._store, self._commits, self._pending = store, commits, pending

    def table(self) -> Mapping[str, Verb]:
        return {
            "settings.show": self.show,
            "settings.set": self.set,
            "settings.unset": self.unset,
            "settings.move": self.move,
            "settings.replace": self.replace,
            "settings.discard": self.discard,
            "settings.compare": lambda args: {"lines": self._store.compare()},
            "settings.check": lambda args: {"complaints": _complaints(self._store.check())},
            "settings.commit": self.commit,
            "settings.confirm": lambda args: self._commits.confirm(),
            "settings.pending": self.pending,
            "settings.rollback": self.rollback,
            "settings.history": self.history,
        }

    def show(self, args: dict[str, Any]) -> dict[str, Any]:
        """`which` running, candidate or history with `n`: the TOML text, and each value as it would be typed."""
        which = args.get("which", "running")
        more: dict[str, Any] = {}
        if which == "running":
            text = self._store.running_text()
            found = self._store.running()
            more = {"complaints": [] if isinstance(found, Settings) else _complaints(found)}
        elif which == "candidate":
            text = table.write(self._store.candidate())
            more = {"changed": self._store.changed()}
        elif which == "history":
            commits, number = self._store.commits(), whole(args, "n", 0)
            if not 0 <= number < len(commits):
                raise Refused(f"there are {len(commits)} commits, counted from 0")
            text = commits[number].text
            more = {"at": commits[number].at, "comment": commits[number].comment}
        else:
            raise Refused("the settings are running, candidate or history with a number")
        return {"text": text, "values": _values(text), "newer": self._store.newer(), **more}

    def set(self, args: dict[str, Any]) -> dict[str, Any]:
        self._store.assign(words(args, "path", PATH_MAX), words(args, "value", 20_000))
        return {"path": args["path"]}

    def unset(self, args: dict[str, Any]) -> dict[str, Any]:
        self._store.forget(words(args, "path", PATH_MAX))
        return {"path": args["path"]}

    def move(self, args: dict[str, Any]) -> dict[str, Any]:
        self._store.move(words(args, "path", PATH_MAX), whole(args, "to", 0))
        return {"path": args["path"]}

    def replace(self, args: dict[str, Any]) -> dict[str, Any]:
        self._store.replace(words(args, "text", 1 << 20))
        return {"lines": len(self._store.compare())}

    def discard(self, args: dict[str, Any]) -> dict[str, Any]:
        self._store.discard()
        return {"discarded": True}

    async def commit(self, args: dict[str, Any]) -> dict[str, Any]:
        minutes = args.get("confirm_min", 0)
        if not isinstance(minutes, int | float) or isinstance(minutes, bool):
            raise Refused("the time to confirm is a number of minutes")
        return await self._commits.commit(words(args, "comment", 1000, ""), float(minutes))

    def pending(self, args: dict[str, Any]) -> dict[str, Any]:
        return {"left_s": self._pending.left_s() if self._pending.active else None}

    def rollback(self, args: dict[str, Any]) -> dict[str, Any]:
        self._store.rollback(whole(args, "n", 0))
        return {"lines": len(self._store.compare())}

    def history(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        rows = enumerate(self._store.commits())
        return [{"n": number, "at": each.at, "comment": each.comment} for number, each in rows]


def _complaints(found: tuple[Complaint, ...]) -> list[dict[str, str]]:
    return [{"key": each.key, "value": each.value, "expected": each.expected} for each in found[:200]]


def _values(text: str) -> list[dict[str, Any]]:
    try:
        data = table.read(text)
    except ValueError:
        return []
    rows = table.values(data).items()
    return [{"path": path, "value": value, "shipped": shipped} for path, (value, shipped) in rows]


def words(args: dict[str, Any], name: str, longest: int, default: str | None = None) -> str:
    """A text argument. Raises Refused when it is absent without `default`, no text, or too long."""
    value = args.get(name, default)
    if not isinstance(value, str) or len(value) > longest or _SURROGATE.search(value):
        raise Refused(f"{name} is needed: a text of at most {longest} characters")
    return value


def whole(args: dict[str, Any], name: str, default: int) -> int:
    value = args.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(f"{name} is a whole number")
    return value
