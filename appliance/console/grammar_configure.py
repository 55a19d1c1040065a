"""The words for settings: the short ways for what everybody needs, and for every other setting one made from the
schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.console import commit, configure
from appliance.console.arguments import number, rows_of
from appliance.console.grammar import Argument, Command
from appliance.console.setlines import word_of
from appliance.ports import Refused
from appliance.settings.kinds import KINDS
from appliance.settings.path import Key, listed, sections, typed


def _row_name(text: str) -> str:
    fine = 0 < len(text) <= 255 and text.isprintable() and not text.startswith("[")
    return "" if fine else "a name of printable characters"


LISTED_MAX: Final = 100  # rows of a list
BOOLEAN: Final = (*configure.YES, *configure.NO)

RELAY: Final = (Argument("NAME", "name of the relay", check=_row_name, known=rows_of("relay")),)

SHORT: Final = (
    Command("configure terminal", "change settings", configure.enter),
    Command("configure replace terminal", "paste a whole configuration in place of the candidate", configure.replace),
    Command("end", "leave configure mode", configure.end, configure=True),
    Command("commit [comment COMMENT...]", "put the candidate in force, or confirm it", commit.commit),
    Command("commit check", "only look for mistakes", commit.check, cli="check-config"),
    Command("commit confirmed [MINUTES]", "put it in force; without another commit it is taken back", commit.confirmed),
    Command("rollback [NUMBER]", "fetch earlier settings into the candidate", commit.rollback, configure=True),
    Command("discard", "forget what was changed and not committed", commit.discard, configure=True),
    Command("set smtp port PORT", "the port at which devices hand in mail", configure.smtp_port, configure=True),
    Command(
        "set dns server SERVER...",
        "the DNS servers, in order",
        configure.several(("dns.servers", "SERVER")),
        configure=True,
    ),
    Command(
        "set mail-name VALUE",
        "full name of the box among mail servers",
        configure.setter("box", "mail_name"),
        (
            Argument(
                "VALUE", 'such as mail.office.example; "" = none', check=lambda text: text and KINDS["domain"](text)
            ),
        ),
        configure=True,
    ),
    Command(
        "set owner VALUE",
        "address of the person in charge",
        configure.setter("box", "owner"),
        (
            Argument(
                "VALUE", 'such as anna@office.example; "" = none', check=lambda text: text and KINDS["mailbox"](text)
            ),
        ),
        configure=True,
    ),
    Command("set timezone ZONE", "the time zone", configure.several(("network.timezone", "ZONE")), configure=True),
    Command(
        "set network dhcp",
        "the router gives the address",
        configure.several(("network.ipv4", "dhcp"), ("network.address", ""), ("network.gateway", "")),
        configure=True,
    ),
    Command(
        "set network static OWN [ROUTER]",
        "an own address",
        configure.several(("network.address", "OWN"), ("network.gateway", "ROUTER"), ("network.ipv4", "static")),
        (Argument("OWN", "own address with prefix length, such as 192.168.1.5/24", check=KINDS["cidr"]),),
        configure=True,
    ),
    Command(
        "set relay NAME password [PASSWORD]",
        "its password, kept apart from the settings",
        configure.relay_password,
        RELAY,
        configure=True,
    ),
    Command(
        "no mail-name", "no name: the address stands for it", configure.unsetter("box", "mail_name"), configure=True
    ),
    Command("no owner", "nobody in charge", configure.unsetter("box", "owner"), configure=True),
    Command(
        "relay password NAME", "the password at a relay; it is asked for and counts at once", configure.relay_password
    ),
)


def commands() -> Iterator[Command]:
    """SHORT and one set and one no for each setting."""
    yield from SHORT
    for section, keys in sections().items():
        yield from _section(section, keys)


def _section(name: str, keys: dict[str, Key]) -> Iterator[Command]:
    called, own = _called(name)
    if called:
        yield Command(f"no {name} {called}", "remove the row", configure.unsetter(name), own, configure=True)
        mover = configure.mover(name)
        yield Command(f"move {name} {called} to PLACE", "to another place in the list", mover, own, configure=True)
    for key in keys.values():
        words = f"{name} {called} {word_of(key.name)}".replace("  ", " ")
        free = key.type is str and not key.form and not key.choices
        put = configure.setter(name, key.name, boolean=key.type is bool)
        value = f"set {words} VALUE{'...' if key.words or free else ''}"
        yield Command(value, key.doc, put, (*own, _value(key)), configure=True)
        back = configure.unsetter(name, key.name)
        yield Command(f"no {words}", f"as shipped: {key.doc}", back, own, configure=True)


def _called(name: str) -> tuple[str, tuple[Argument, ...]]:
    """The argument that names a row of a list, "" for a section."""
    if listed(name) == "name":
        doc = "recipient domain, or default" if name == "domain" else f"name of the {name}"
        return "NAME", (Argument("NAME", doc, check=_row_name, known=rows_of(name)),)
    if listed(name) == "number":
        return "NUMBER", (Argument("NUMBER", "its place in the list, from 1", check=number(1, LISTED_MAX)),)
    return "", ()


def _value(key: Key) -> Argument:
    choices = BOOLEAN if key.type is bool else key.choices
    bounds = f"{key.low:g} to {key.high:g}, " if key.low is not None and key.high is not None else ""
    doc = f"{bounds}shipped {key.shipped_text or 'empty'}"
    return Argument("VALUE", doc, choices, check=lambda text: _wrong(key, text))


def _wrong(key: Key, text: str) -> str:
    try:
        typed(key, text)
    except Refused as refused:
        return str(refused).rpartition("should be ")[2]
    return ""
