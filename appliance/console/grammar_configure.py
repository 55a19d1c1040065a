"""The words for settings: the short ways for what everybody needs, and for every other setting one made from the
schema."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any, Final

from appliance.console import commit, configure
from appliance.console.arguments import number, rows_of
from appliance.console.grammar import Argument, Command
from appliance.console.setlines import NAMED, NUMBERED, word_of
from appliance.settings.kinds import KINDS
from appliance.settings.schema import Settings

LISTED_MAX: Final = 100  # rows of a list
BOOLEAN: Final = (*configure.YES, *configure.NO)

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
        configure=True,
    ),
    Command(
        "relay password NAME", "the password at a relay; it is asked for and counts at once", configure.relay_password
    ),
)


def commands() -> Iterator[Command]:
    """SHORT and one set and one no for each setting."""
    yield from SHORT
    hints = typing.get_type_hints(Settings)
    for field in dataclasses.fields(Settings):
        if field.name == "format":
            continue
        many = typing.get_origin(hints[field.name]) is tuple
        row = typing.get_args(hints[field.name])[0] if many else hints[field.name]
        yield from _section(field.name, row)


def _section(name: str, row: Any) -> Iterator[Command]:
    called, own = _called(name)
    if called:
        yield Command(f"no {name} {called}", "remove the row", configure.unsetter(name), own, configure=True)
    hints = typing.get_type_hints(row)
    for field in dataclasses.fields(row):
        words = f"{name} {called} {word_of(field.name)}".replace("  ", " ")
        hint = hints[field.name]
        many = typing.get_origin(hint) is tuple
        value = _value(field, typing.get_args(hint)[0] if many else hint)
        dots = "..." if many or (hint is str and not field.metadata["kind"] and not field.metadata["choices"]) else ""
        doc = str(field.metadata["doc"])
        put = configure.setter(name, field.name, boolean=hint is bool)
        yield Command(f"set {words} VALUE{dots}", doc, put, (*own, value), configure=True)
        yield Command(f"no {words}", f"as shipped: {doc}", configure.unsetter(name, field.name), own, configure=True)


def _called(name: str) -> tuple[str, tuple[Argument, ...]]:
    if name in NAMED:
        doc = "recipient domain, or default" if name == "domain" else f"name of the {name}"
        return "NAME", (Argument("NAME", doc, check=_row_name, known=rows_of(name)),)
    if name in NUMBERED:
        return "NUMBER", (Argument("NUMBER", "its place in the list, from 1", check=number(1, LISTED_MAX)),)
    return "", ()


def _row_name(text: str) -> str:
    fine = 0 < len(text) <= 255 and text.isprintable() and not text.startswith("[")
    return "" if fine else "a name of printable characters"


def _value(field: dataclasses.Field[Any], hint: Any) -> Argument:
    meta = field.metadata
    shipped = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    if hint is bool:
        return Argument("VALUE", f"shipped {str(shipped).lower()}", choices=BOOLEAN)
    if meta["choices"]:
        return Argument("VALUE", f"shipped {shipped or '(empty)'}", choices=meta["choices"])
    if hint is str:
        kind = KINDS.get(meta["kind"].rstrip("!")) if meta["kind"] else None
        return Argument("VALUE", _shipped(shipped), check=lambda text: _text(text, meta["kind"], kind))
    low, high = (meta["low"], meta["high"]) if meta["low"] is not None else (0, 1 << 62)
    bounds = f"{low} to {high}, " if meta["low"] is not None else ""
    check = number(low, high) if hint is int else _decimal(low, high)
    return Argument("VALUE", f"{bounds}{_shipped(shipped)}", check=check)


def _shipped(shipped: Any) -> str:
    text = " ".join(str(each) for each in shipped) if isinstance(shipped, tuple) else str(shipped)
    return f"shipped {text}" if text else 'shipped empty ("")'


def _text(text: str, kind: str, check: Any) -> str:
    if not text:
        return "given" if kind.endswith("!") else ""
    if not text.isprintable() or len(text) > 1000:
        return "printable text of at most 1000 characters"
    return str(check(text)) if check else ""


def _decimal(low: float, high: float) -> Any:
    def check(text: str) -> str:
        try:
            value = float(text) if len(text) < 40 else low - 1
        except ValueError:
            value = low - 1
        return "" if low <= value <= high else f"a number from {low:g} to {high:g}"

    return check
