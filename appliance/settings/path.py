"""How a setting is named and typed by a person: `dns.servers`, `listener.lan.port`, `access.1.network`.

SECTION.KEY; for lists with names LIST.NAME.KEY (listener, relay, domain; a domain's name may hold dots), for the others
LIST.NUMBER.KEY (access, device), counted from 1. Values are text: words are parted by spaces, true and false may be
yes and no, on and off. `keys()` is all that the console's grammar needs to know. `typed` raises ports.Refused in one
plain sentence.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from dataclasses import dataclass
from typing import Any, Final

from appliance.core.reply import printable
from appliance.ports import Refused
from appliance.settings.parse import wrong
from appliance.settings.schema import Settings

MASK: Final = "********"  # stands for a secret; typed back it means "keep"
EMPTY: Final = ("", '""', "''")
SWITCH: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
TYPED_MAX: Final = 20_000
NAMED: Final = ("listener", "relay", "domain")  # lists whose rows have a name


@dataclass(frozen=True, slots=True)
class Key:
    """One setting. `type` is str, int, float or bool, of each word when `words`. `listed` is "" for a section, "name"
    or "number" for the rows of a list. `form` is the stricter form of a text (settings/key.py) without its "!"."""

    section: str
    name: str
    type: type
    words: bool
    listed: str
    doc: str
    choices: tuple[str, ...]
    form: str
    needed: bool
    low: float | None
    high: float | None
    lab: bool
    shipped: Any

    @property
    def path(self) -> str:
        """`dns.servers`, `listener.NAME.port`, `access.NUMBER.network`."""
        return ".".join(filter(None, (self.section, self.listed.upper(), self.name)))

    @property
    def shipped_text(self) -> str:
        return shown(self.shipped)


@dataclass(frozen=True, slots=True)
class Place:
    """A path taken apart; `row` and `key` may be ""."""

    section: str
    row: str = ""
    key: str = ""


@functools.cache
def keys() -> tuple[Key, ...]:
    """Every setting, in the order of the schema."""
    found: list[Key] = []
    for section, hint in typing.get_type_hints(Settings).items():
        many = typing.get_origin(hint) is tuple
        table = typing.get_args(hint)[0] if many else hint
        if not dataclasses.is_dataclass(table):
            continue
        hints = typing.get_type_hints(table)
        listed = ("name" if section in NAMED else "number") if many else ""
        found.extend(_key(section, listed, field, hints[field.name]) for field in dataclasses.fields(table))
    return tuple(found)


def _key(section: str, listed: str, field: dataclasses.Field[Any], hint: Any) -> Key:
    words = typing.get_origin(hint) is tuple
    meta = field.metadata
    shipped = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    kind: type = typing.get_args(hint)[0] if words else hint
    form, needed = meta["kind"].rstrip("!"), meta["kind"].endswith("!")
    return Key(section, field.name, kind, words, listed, meta["doc"], meta["choices"], form, needed, meta["low"],
               meta["high"], meta["lab"], shipped)  # fmt: skip


@functools.cache
def sections() -> dict[str, dict[str, Key]]:
    """Section -> name -> key."""
    found: dict[str, dict[str, Key]] = {}
    for each in keys():
        found.setdefault(each.section, {})[each.name] = each
    return found


def listed(section: str) -> str:
    """ "" for a section, "name" or "number" for a list."""
    return next(iter(sections()[section].values())).listed


def place(path: str) -> Place:
    """`path` taken apart. Raises Refused when there is no such section."""
    section, _, rest = path.strip().partition(".")
    if section not in sections():
        raise Refused(f"there is no section {printable(section, 60)}; the sections are " + ", ".join(sections()))
    if not listed(section):
        return Place(section, "", rest)
    row, dot, last = rest.rpartition(".")
    return Place(section, row, last) if dot and row.strip(".") and last in sections()[section] else Place(section, rest)


def typed(key: Key, text: str) -> Any:
    """The value that `text` means for `key`. Raises Refused."""
    if len(text) > TYPED_MAX:
        raise Refused(f"{key.path}: the value is longer than {TYPED_MAX} characters")
    if not key.words:
        return _one(key, "" if text.strip() in EMPTY else text.strip())
    return tuple(_one(key, word) for word in text.replace(",", " ").split() if word not in EMPTY)


def _one(key: Key, text: str) -> Any:
    value: Any = text
    if key.type is bool:
        value = SWITCH.get(text.lower())
        expected = "true or false"
    elif key.type is not str:
        value, expected = _number(key.type, text), "a whole number" if key.type is int else "a number"
    if value is None:
        raise Refused(f"{key.path} = {printable(text, 80)!r}: should be {expected}")
    meta = {"low": key.low, "high": key.high, "choices": key.choices, "kind": key.form + "!" * key.needed}
    if better := wrong(meta, value):
        raise Refused(f"{key.path} = {printable(text, 80)!r}: should be {better}")
    return value


def _number(kind: type, text: str) -> Any:
    try:
        value = kind(text) if len(text) <= 40 and "_" not in text else None
    except (ValueError, OverflowError):
        return None
    return value


def shown(value: Any) -> str:
    """A value as a person would type it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return " ".join(shown(each) for each in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
