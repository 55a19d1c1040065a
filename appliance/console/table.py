"""The one grammar: all areas' commands, the words that only lead to others, the arguments. Parser, completion, help,
docs/console.md and the test of the command line's verbs are fed by it.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from appliance.console import grammar_configure, grammar_queue, grammar_show, grammar_system
from appliance.console.arguments import ARGUMENTS
from appliance.console.grammar import Grammar
from appliance.settings.schema import Settings

AREAS: Final = {
    "Looking and trying": grammar_show.COMMANDS,
    "Mail that waits": grammar_queue.COMMANDS,
    "Settings": grammar_configure.SHORT,
    "The box": grammar_system.COMMANDS,
}
_GROUPS: Final = {
    "show": "look at something",
    "show |": "with compare: what commit would change",
    "test": "try something now",
    "queue": "one message that waits",
    "configure": "change settings",
    "configure replace": "a whole configuration",
    "commit": "put changed settings in force",
    "set": "change a setting",
    "no": "a setting as shipped, or a row removed",
    "move": "a row to another place in its list",
    "set smtp": "the door for mail",
    "relay": "the way out through another server",
    "account": "who may log in to send",
    "update": "new releases",
    "terminal": "how your terminal is",
}


def _groups() -> dict[str, str]:
    groups = dict(_GROUPS)
    for field in dataclasses.fields(Settings):
        row = getattr(Settings(), field.name)
        kind = type(row[0]) if isinstance(row, tuple) and row else type(row)
        summary = (kind.__doc__ or "").partition(": ")[2].rstrip(".") if dataclasses.is_dataclass(kind) else ""
        for verb in ("set", "no", "move"):
            groups.setdefault(f"{verb} {field.name}", summary or _LISTS.get(field.name, ""))
    return groups


_LISTS: Final = {"device": "a client that has a name", "relay": "one relay (smarthost)"}

GRAMMAR: Final = Grammar(
    [
        *grammar_show.COMMANDS,
        *grammar_queue.COMMANDS,
        *grammar_configure.commands(),
        *grammar_system.COMMANDS,
    ],
    _groups(),
    ARGUMENTS,
)
