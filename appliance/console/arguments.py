"""The arguments that several commands have: what they are called, what is lawful, what completion offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from appliance.console.call import Box, Dead, rows_in
from appliance.console.grammar import Argument
from appliance.core import glossary, mailbox
from appliance.ports import Refused
from appliance.settings.kinds import KINDS

KNOWN_S: Final = 2.0  # completion must not make anybody wait


def number(low: float, high: float) -> Callable[[str], str]:
    """A check for a whole number."""

    def check(text: str) -> str:
        fine = text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high
        return "" if fine else f"a whole number from {low:g} to {high:g}"

    return check


def _mailbox(text: str) -> str:
    found = mailbox.parse(text)
    return "" if found and found.domain else "an address such as name@office.example"


def _short(text: str) -> str:
    return "" if text and text.isprintable() and len(text) <= 200 else "some printable text, at most 200 characters"


def _name(text: str) -> str:
    fine = 0 < len(text) <= 100 and text.isprintable() and " " not in text
    return "" if fine else "a name without spaces, at most 100 characters"


def _ids(box: Box) -> Iterable[str]:
    try:
        return [str(item["id"]) for item in box.relay("queue.list", {"limit": 50}, KNOWN_S)]
    except (Dead, Refused):
        return []


def _glossary(box: Box) -> Iterable[str]:
    return [word for word in glossary.words() if " " not in word]


def rows_of(section: str) -> Callable[[Box], Iterable[str]]:
    """The names of the rows that the candidate has."""

    def known(box: Box) -> Iterable[str]:
        try:
            return rows_in(box.values(KNOWN_S), section)
        except (Dead, Refused):
            return []

    return known


ARGUMENTS: Final = {
    each.name: each
    for each in (
        Argument("ID", "queue id of a message, as show queue tells", check=_name, known=_ids),
        Argument("REASON", "why, for who reads the queue", check=_short),
        Argument("TEXT", "what to look for: an address, a device, a word", check=_short),
        Argument("COMMENT", "what for, shown by show changes", check=_short),
        Argument("ADDRESS", "an address such as anna@office.example", check=_mailbox),
        Argument("DOMAIN", "a domain such as office.example", check=KINDS["domain"]),
        Argument("HOST", "a host name or an address", check=KINDS["host"]),
        Argument("SERVER", "DNS servers in order, each an address or ADDRESS:PORT", check=KINDS["server"]),
        Argument("PORT", "a port from 1 to 65535", check=number(1, 65535)),
        Argument("MINUTES", "minutes until it is taken back", check=number(1, 1440)),
        Argument(
            "NUMBER", "which earlier settings, as show changes tells; 1 = before the last commit", check=number(0, 9999)
        ),
        Argument("LINES", "how many lines", check=number(0, 10000)),
        Argument("COLUMNS", "how many columns", check=number(40, 500)),
        Argument("PLACE", "place in the list, from 1", check=number(1, 100)),
        Argument("NAME", "its name", check=_name),
        Argument("SENDER", "address or domain that it may send as; none = any", check=_short),
        Argument("TIME", "date and time such as 2026-11-24 12:00", check=_short),
        Argument("ZONE", "time zone such as Europe/Vienna", check=KINDS["timezone"]),
        Argument("ROUTER", "address of the router", check=KINDS["address"]),
        Argument("WORD", "a word of mail, such as port or bounce", check=_short, known=_glossary),
        Argument("SOURCE", "file or web address of a release", check=_short),
        Argument("COMMAND", "a command whose help you want", check=_short),
        Argument("PASSWORD", "the password; left out, it is asked for and not shown; a mask keeps it", check=_short),
    )
}
