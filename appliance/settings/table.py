"""A settings file as plain data, as the candidate is kept: it may be incomplete until it is committed.

Data is what TOML gives: section -> key -> value, list -> rows. `read` leaves out what has not even that shape, keeps
unknown keys (so that the check names them), and never raises but ValueError; `write` gives TOML that `read` finds
again; `assign`, `forget`, `move` change data by path and raise ports.Refused; `differences` are lines for a person.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import tomllib
import typing
from typing import Any, Final

from appliance.core.reply import printable
from appliance.ports import Refused
from appliance.settings import path as paths
from appliance.settings.path import Key, Place
from appliance.settings.render import toml
from appliance.settings.schema import FORMAT, Settings

Data = dict[str, Any]
ROWS_MAX: Final = 1000
NAME_MAX: Final = 255


def read(text: str, strict: bool = False) -> Data:
    """Raises ValueError for what is no TOML, and when `strict` for whatever would have to be left out."""
    try:
        raw = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    data: Data = {"format": raw.get("format", FORMAT)}
    for name, value in raw.items():
        if isinstance(value, dict):
            data[name] = _table(value)
        elif isinstance(value, list) and all(isinstance(row, dict) for row in value):
            data[name] = [_table(row) for row in value]
    if strict and data != {"format": data["format"], **raw}:
        raise ValueError("not a table of plain values")
    return data


def _table(raw: Data) -> Data:
    return {name: value for name, value in raw.items() if _plain(value)}


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str | int | float) for each in value)
    return isinstance(value, str | int | float)


def write(data: Data) -> str:
    """TOML, sections and keys in the order of the schema, unknown ones last."""
    known = [each for each in paths.sections() if each in data]
    lines = [f"format = {toml(data.get('format', FORMAT))}"]
    for name in (*known, *(each for each in data if each not in known and each != "format")):
        value = data[name]
        if isinstance(value, dict):
            lines += ["", f"[{_word(name)}]", *_lines(name, value)]
        elif value:
            for row in value:
                lines += ["", f"[[{_word(name)}]]", *_lines(name, row)]
        else:
            lines.insert(1, f"{_word(name)} = []")
    return "\n".join(lines) + "\n"


def _lines(section: str, table: Data) -> list[str]:
    order = [each for each in paths.sections().get(section, {}) if each in table]
    return [
        f"{_word(name)} = {_toml(table[name])}" for name in (*order, *(each for each in table if each not in order))
    ]


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return toml(value)


def _word(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name).replace("\x7f", "\\u007f")


def assign(data: Data, path: str, text: str) -> None:
    """Set what `path` names to the value typed as `text`; a row that is not there is made."""
    at = paths.place(path)
    key = paths.sections()[at.section].get(at.key)
    if key is None or (key.listed and not at.row):
        raise Refused(_no_key(at))
    value = paths.typed(key, text)
    table = _row(data, at) if key.listed else data.setdefault(at.section, {})
    table[key.name] = list(value) if isinstance(value, tuple) else value


def _no_key(at: Place) -> str:
    names = ", ".join(paths.sections()[at.section])
    kind = paths.listed(at.section)
    form = f"{at.section}.{kind.upper()}.KEY" if kind else f"{at.section}.KEY"
    return f"there is no such setting; it is {form} with one of {names}"


def rows(data: Data, section: str) -> list[Data]:
    """The rows of a list; the shipped ones become the data's own."""
    if not isinstance(data.get(section), list):
        data[section] = _shipped_rows(section)
    found: list[Data] = data[section]
    return found


def _shipped_rows(section: str) -> list[Data]:
    return [_row_data(row) for row in getattr(Settings(), section)]


def _row_data(row: Any) -> Data:
    """What differs from a row that says nothing, and its name."""
    bare = {each.name: each.default for each in dataclasses.fields(row)}
    return {name: value for name, value in dataclasses.asdict(row).items() if name == "name" or value != bare[name]}


def _row(data: Data, at: Place) -> Data:
    """The row that `at` names, made when absent. Raises Refused."""
    table = rows(data, at.section)
    index = _index(table, at)
    if index is not None:
        return table[index]
    if len(table) >= ROWS_MAX:
        raise Refused(f"there are {ROWS_MAX} rows of {at.section} already")
    if paths.listed(at.section) == "number":
        if at.row != str(len(table) + 1):
            raise Refused(f"{at.section} has {len(table)} rows: the next new one is {len(table) + 1}")
        table.append({})
    elif not at.row.isprintable() or len(at.row) > NAME_MAX:
        raise Refused(f"a name is printable text of at most {NAME_MAX} characters")
    else:
        table.append({"name": at.row})
    return table[-1]


def _index(table: list[Data], at: Place) -> int | None:
    if paths.listed(at.section) == "number":
        number = int(at.row) if at.row.isascii() and at.row.isdigit() and len(at.row) < 6 else 0
        return number - 1 if 1 <= number <= len(table) else None
    default = paths.sections()[at.section]["name"].shipped
    return next((number for number, row in enumerate(table) if row.get("name", default) == at.row), None)


def forget(data: Data, path: str) -> None:
    """Back to what is shipped: a key, a row (which ends), or a whole section or list. Raises Refused."""
    section, _, rest = path.strip().partition(".")
    if section not in paths.sections():
        if section not in data:
            paths.place(path)  # refuses
        if section != "format":
            data.pop(section)
        return
    whole, at = Place(section, rest), paths.place(path)
    if not rest:
        data.pop(section, None)
    elif not paths.listed(section):
        table = data.get(section, {})
        if rest not in paths.sections()[section] and rest not in table:
            raise Refused(_no_key(at))
        table.pop(rest, None)
    elif (index := _index(rows(data, section), whole)) is not None:
        rows(data, section).pop(index)
    elif at.key and (index := _index(rows(data, section), at)) is not None:
        rows(data, section)[index].pop(at.key, None)
    else:
        raise Refused(f"{section} has no row {printable(at.row, 80)}")


def move(data: Data, path: str, to: int) -> None:
    """Make the row `path` the `to`-th of its list, counted from 1. Raises Refused."""
    at = paths.place(path)
    table = rows(data, at.section) if paths.listed(at.section) else []
    index = _index(table, Place(at.section, path.partition(".")[2])) if table else None
    if index is None or not 1 <= to <= len(table):
        raise Refused("a row and its new place in the list are needed, such as access.3 and 1")
    table.insert(to - 1, table.pop(index))


def values(data: Data) -> dict[str, tuple[str, bool]]:
    """Path -> value as typed and whether it is the shipped one, for everything; a row itself has its place."""
    found: dict[str, tuple[str, bool]] = {}
    for section, names in paths.sections().items():
        if not paths.listed(section):
            found |= _values(section, data.get(section, {}), names)
            continue
        table = data[section] if isinstance(data.get(section), list) else _shipped_rows(section)
        for number, row in enumerate(table, 1):
            name = row.get("name", names["name"].shipped) if paths.listed(section) == "name" else number
            prefix = f"{section}.{name}"
            found[prefix] = (f"row {number}", False)
            found |= _values(prefix, row, names)
    return found


def _values(prefix: str, table: Data, names: dict[str, Key]) -> dict[str, tuple[str, bool]]:
    found = {}
    for name in (*names, *(each for each in table if each not in names)):
        shipped = names[name].shipped if name in names else None
        value = table.get(name, shipped)
        same = value == (list(shipped) if isinstance(shipped, tuple) and isinstance(value, list) else shipped)
        found[f"{prefix}.{name}"] = (paths.shown(value), same)
    return found


def differences(old: Data, new: Data) -> list[str]:
    """Lines "- path = value" and "+ path = value", what is in effect; made printable."""
    before, after = values(old), values(new)
    lines: list[str] = []
    for path in (*before, *(each for each in after if each not in before)):
        was, now = before.get(path), after.get(path)
        if was and now and was[0] == now[0]:
            continue
        lines += [_difference(sign, path, one) for sign, one, other in (("-", was, now), ("+", now, was))
                  if one and (other or not one[1])]  # fmt: skip
    return lines


def _difference(sign: str, path: str, one: tuple[str, bool]) -> str:
    return printable(f"{sign} {path} = {one[0] or '(empty)'}", 2000)


def of(settings: Settings) -> Data:
    """The data of complete settings."""
    data: Data = {"format": settings.format}
    shipped = Settings()
    for name, hint in typing.get_type_hints(Settings).items():
        value = getattr(settings, name)
        if name != "format" and value != getattr(shipped, name):
            many = typing.get_origin(hint) is tuple
            data[name] = [_row_data(row) for row in value] if many else _row_data(value)
    return data
