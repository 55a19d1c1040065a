"""Settings -> the `set` and `no` lines that make them from what is shipped: what `show running-config` shows.

Pasted after `configure replace terminal`, the lines give the same settings again; pasted in configure mode they are
laid over the candidate. Passwords are no settings: those of the relays in `kept` show as MASK, and a pasted MASK keeps
what there is. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from typing import Any, Final

from appliance.console.split import quoted
from appliance.settings.path import MASK, NAMED
from appliance.settings.schema import Settings

NUMBERED: Final = ("access", "device")  # rows called by their number, from 1


def word_of(key: str) -> str:
    """A key as it is typed."""
    return key.replace("_", "-")


def set_lines(settings: Settings, kept: Collection[str] = ()) -> Iterator[str]:
    """All lines, in the order of the schema."""
    shipped = Settings()
    for field in dataclasses.fields(Settings):
        value, usual = getattr(settings, field.name), getattr(shipped, field.name)
        if field.name in (*NAMED, *NUMBERED):
            yield from _rows(field.name, value, usual)
        elif field.name != "format":
            yield from _keys(f"set {field.name}", value, usual)
    for relay in settings.relay:
        if relay.name in kept:
            yield f"set relay {quoted(relay.name)} password {MASK}"


def _rows(name: str, rows: tuple[Any, ...], usual: tuple[Any, ...]) -> Iterator[str]:
    before, now = _called(name, usual), _called(name, rows)
    yield from (f"no {name} {quoted(each)}" for each in reversed(before) if each not in now)
    for called, row in now.items():
        lines = [*_keys(f"set {name} {quoted(called)}", row, before.get(called))]
        if not lines and called not in before:
            first = next(field.name for field in dataclasses.fields(row) if field.name != "name")
            lines = [f"set {name} {quoted(called)} {word_of(first)} {value_text(getattr(row, first))}"]
        yield from lines


def _called(name: str, rows: tuple[Any, ...]) -> dict[str, Any]:
    return {row.name if name in NAMED else str(number): row for number, row in enumerate(rows, 1)}


def _keys(start: str, table: Any, usual: Any) -> Iterator[str]:
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        if start.split()[1] in NAMED and field.name == "name":
            continue
        before = getattr(usual, field.name) if usual is not None else _shipped(field)
        if value != before:
            yield f"{start} {word_of(field.name)} {value_text(value)}"


def _shipped(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def value_text(value: Any) -> str:
    """A value as it is typed; a list is its values, parted by spaces."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return " ".join(str(each) for each in value) or '""'
    return quoted(value) if isinstance(value, str) else repr(value).removesuffix(".0")
