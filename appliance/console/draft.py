"""A configuration that is being pasted: takes what `set` and `no` would tell the steward and keeps it here.

It begins from what is shipped. Nothing outside changes before `hand_over`, which makes it the steward's candidate as a
whole or raises Refused with every complaint; passwords of relays follow then. Every other verb is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance.console.call import ASK_S, Box
from appliance.ports import Refused
from appliance.settings import table
from appliance.settings.parse import parse

EMPTY: Final = "format = 1\n"
COMPLAINTS_MAX: Final = 20
ONLY: Final = "only set and no lines about settings may stand in a configuration"


class Draft(Box):
    """Stands in for `box` while the lines are done."""

    def __init__(self, box: Box) -> None:
        self._box, self._data = box, table.read(EMPTY)
        self._secrets: list[dict[str, Any]] = []

    def relay(self, verb: str, args: Mapping[str, Any] | None = None, timeout_s: float = ASK_S) -> Any:
        raise Refused(ONLY)

    def steward(self, verb: str, args: Mapping[str, Any] | None = None, timeout_s: float = ASK_S) -> Any:
        given = dict(args or {})
        if verb == "settings.set":
            table.assign(self._data, given["path"], given["value"])
        elif verb == "settings.unset":
            table.forget(self._data, given["path"])
        elif verb == "settings.show":
            rows = table.values(self._data).items()
            return {"values": [{"path": path, "value": value} for path, (value, _) in rows]}
        elif verb == "secret.set":
            self._secrets.append(given)
        else:
            raise Refused(ONLY)
        return {}

    def hand_over(self) -> None:
        """Raises Dead, Refused."""
        text = table.write(self._data)
        if isinstance(found := parse(text), tuple):
            raise Refused("; ".join(str(each) for each in found[:COMPLAINTS_MAX]))
        self._box.steward("settings.replace", {"text": text})
        for secret in self._secrets:
            self._box.steward("secret.set", secret)
