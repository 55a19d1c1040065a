"""Settings -> TOML text: every key that differs from what is shipped; `parse(render(s)) == s`."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from appliance.settings.schema import Settings


def render(settings: Settings) -> str:
    """The file's text."""
    shipped = Settings()
    lines = [f"format = {settings.format}"]
    for field in dataclasses.fields(Settings):
        value = getattr(settings, field.name)
        if field.name == "format" or value == getattr(shipped, field.name):
            continue
        if not isinstance(value, tuple):
            lines += ["", f"[{field.name}]", *_rows(value)]
        elif not value:
            lines.insert(1, f"{field.name} = []")
        else:
            for row in value:
                lines += ["", f"[[{field.name}]]", *_rows(row)]
    return "\n".join(lines) + "\n"


def _rows(table: Any) -> list[str]:
    pairs = ((field, getattr(table, field.name)) for field in dataclasses.fields(table))
    return [
        f"{field.name} = {toml(value)}" for field, value in pairs if field.name == "name" or value != _shipped(field)
    ]


def _shipped(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def toml(value: Any) -> str:
    """One value as TOML."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    return str(value).lower() if isinstance(value, bool) else repr(value)
