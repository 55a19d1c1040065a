"""`show …`: what the steward says, and the settings as lines that can be pasted back."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from appliance import __version__
from appliance.console.call import Call, Dead
from appliance.console.setlines import set_lines
from appliance.console.wording import facts, span, when
from appliance.core.glossary import NEAR_MAX, near
from appliance.core.glossary import explain as explained
from appliance.ports import Refused
from appliance.settings.complaint import Complaint
from appliance.settings.parse import parse


def network(call: Call) -> None:
    """Addresses, cable, name; from the steward, else what the relay knows."""
    try:
        call.page(facts(call.box.steward("network.show")))
    except (Dead, Refused) as trouble:
        call.say(f"% {trouble}")
        status = call.box.relay("status")
        call.page(facts({name: status.get(name) for name in ("host_name", "addresses", "link")}))


def running(call: Call) -> None:
    """The settings in force."""
    _settings(call, "running")


def candidate(call: Call) -> None:
    """The settings as they will be after commit."""
    _settings(call, "candidate")


def _settings(call: Call, which: str) -> None:
    text = call.box.text(which)
    found = parse(text)
    if isinstance(found, tuple):
        call.say(f"% these {which} settings are not right; the file as it is:")
        call.verbatim(text.split("\n"))
        call.page(_complaints(found))
    else:
        kept = call.box.steward("secret.list").get("relays") or ()
        call.verbatim([*set_lines(found, kept), "end"])


def file(call: Call) -> None:
    """The running settings as the file has them (TOML)."""
    call.verbatim(call.box.text("running").split("\n"))


def _complaints(found: Iterable[Complaint]) -> list[str]:
    return [f"% {each}" for each in found]


def compare(call: Call) -> None:
    """What commit would change."""
    lines = call.box.steward("settings.compare")["lines"]
    call.verbatim(lines or ["no differences"])


def log(call: Call) -> None:
    """The last lines of the log."""
    answer = call.box.steward("log", {"lines": int(call.get("lines", "50"))})
    lines: Any = answer.get("lines", answer.get("text", "")) if isinstance(answer, dict) else answer
    call.page(lines.split("\n") if isinstance(lines, str) else [str(each) for each in lines])


def version(call: Call) -> None:
    """Version of this software, and what the steward knows of the rest."""
    try:
        call.page(facts(call.box.steward("version")))
    except (Dead, Refused) as trouble:
        call.say(f"version: {__version__}, Python {sys.version.split()[0]}")
        call.say(f"% {trouble}")


def changes(call: Call) -> None:
    """Earlier settings, for rollback."""
    rows = call.box.steward("settings.history")
    call.page([f"{row['n']:>4}  {when(row['at'])}  {row.get('comment', '')}" for row in rows] or ["none yet"])
    left_s = pending(call)
    if left_s:
        call.say(f'Not confirmed yet: rolls back by itself in {span(left_s)}; "commit" keeps it.')


def pending(call: Call) -> float:
    """Seconds until an unconfirmed commit is rolled back, 0 when there is none."""
    answer = call.box.steward("settings.pending")
    return float(answer.get("left_s") or 0) if isinstance(answer, dict) else 0.0


def _hint(found: list[str]) -> str:
    return ("Near it: " if len(found) <= NEAR_MAX else "Its words: ") + ", ".join(found)


def explain(call: Call) -> None:
    """A word of mail in plain language."""
    word = call.get("word")
    if text := explained(word):
        call.say(text)
    else:
        call.say(f'There is no "{word}" in the glossary. {_hint(near(word))}')
