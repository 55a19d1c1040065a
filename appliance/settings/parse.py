"""TOML text -> one frozen Settings, or every complaint about it.

The schema's dataclasses drive it: types, bounds and kinds stand there. Nothing raises on bad input: the answer is a
Settings or a non-empty tuple of Complaint, each with key, value and what would be right.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from typing import Any, Final

from appliance.core.reply import printable
from appliance.settings.across import across
from appliance.settings.complaint import Complaint
from appliance.settings.kinds import KINDS, split_server
from appliance.settings.schema import FORMAT, Settings

__all__ = ["Complaint", "parse", "split_server", "wrong"]

FAR: Final = 10**300  # past every bound, yet a float


def parse(text: str) -> Settings | tuple[Complaint, ...]:
    """The settings in `text`, or all that is wrong with it."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # besides TOMLDecodeError: a number of thousands of digits
        return (Complaint("(file)", printable(str(error), 200), "TOML text"),)
    newer = data.get("format")
    if isinstance(newer, int) and newer > FORMAT:
        return (Complaint("format", _shown(newer), f"at most {FORMAT}: the file is of a newer release"),)
    complaints: list[Complaint] = []
    settings = _table(Settings, data, "", complaints)
    if not complaints:
        complaints.extend(across(settings))
    return tuple(complaints) or typing.cast(Settings, settings)


def _table(kind: type, data: dict[str, Any], prefix: str, complaints: list[Complaint]) -> Any:
    fields = {each.name: each for each in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    for unknown in (name for name in data if name not in fields):
        near = difflib.get_close_matches(unknown, fields, 1)
        hint = f"{prefix}{near[0]}?" if near else "one of " + ", ".join(fields)
        complaints.append(Complaint(prefix + printable(unknown, 60), _shown(data[unknown]), hint))
    values = {
        name: _value(hints[name], fields[name], data[name], prefix + name, complaints)
        for name in fields
        if name in data
    }
    for name, field in fields.items():
        if name not in data and field.metadata.get("kind", "").endswith("!") and not field.default:
            complaints.append(Complaint(prefix + name, "(absent)", "given"))
    return None if any(value is None for value in values.values()) else kind(**values)


def _value(hint: Any, field: dataclasses.Field[Any], raw: Any, key: str, complaints: list[Complaint]) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(raw, dict):
            return _table(hint, raw, key + ".", complaints)
        return _complain(complaints, key, raw, "a table")
    if typing.get_origin(hint) is tuple:
        return _list(typing.get_args(hint)[0], field, raw, key, complaints)
    if hint is float and isinstance(raw, int) and not isinstance(raw, bool):
        raw = float(max(-FAR, min(raw, FAR)))
    if type(raw) is not hint:
        words = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
        return _complain(complaints, key, raw, words[hint])
    better = wrong(field.metadata, raw)
    return _complain(complaints, key, raw, better) if better else raw


def _list(row: Any, field: dataclasses.Field[Any], raw: Any, key: str, complaints: list[Complaint]) -> Any:
    if not isinstance(raw, list):
        return _complain(complaints, key, raw, "a list")
    values = []
    for number, each in enumerate(raw, 1):
        values.append(_value(row, field, each, f"{key}[{number}]", complaints))
    return None if any(each is None for each in values) else tuple(values)


def _complain(complaints: list[Complaint], key: str, raw: object, expected: str) -> None:
    complaints.append(Complaint(key, _shown(raw), expected))


def _shown(raw: object) -> str:
    try:
        return printable(repr(raw), 80)
    except (ValueError, RecursionError):  # a number or a nesting that Python itself does not print
        return "(too large to show)"


def wrong(metadata: types.MappingProxyType[Any, Any] | dict[str, Any], raw: Any) -> str:
    """ "" or what would be right for a value of the right type."""
    if isinstance(raw, bool) or not metadata:
        return ""
    if isinstance(raw, int | float):
        low, high = metadata["low"], metadata["high"]
        inside = (low is None or raw >= low) and (high is None or raw <= high)
        return "" if inside else f"from {low} to {high}"
    if metadata["choices"] and raw not in metadata["choices"]:
        return "one of " + ", ".join(repr(choice) for choice in metadata["choices"])
    if not raw.isprintable() or len(raw) > 1000:
        return "printable text of at most 1000 characters"
    kind = metadata["kind"]
    if not raw:
        return "given" if kind.endswith("!") else ""
    return KINDS[kind.rstrip("!")](raw)
