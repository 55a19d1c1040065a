"""docs/settings.md from the schema: `python -m appliance.settings.document > docs/settings.md`."""

from __future__ import annotations

import dataclasses
import sys
import typing
from typing import Any

from appliance.settings.schema import Settings

HEAD = """# Settings

One TOML file, by default `/data/outbox.toml`. `outbox check-config FILE` lists every complaint about it. Unknown keys
are refused with a suggestion; a key that is absent has its shipped value. Spans are in seconds, sizes in octets.
Rows in double brackets may be repeated; when a list is absent it has its shipped rows. Passwords of relays are not
here but in `paths.credentials`, a file of mode 0600: a table for each relay, `[NAME]` with `password = "..."`.

Keys marked *lab* are for a test lab only: they open what is closed on purpose.
"""


def document() -> str:
    """The whole page."""
    parts = [HEAD]
    hints = typing.get_type_hints(Settings)
    for field in dataclasses.fields(Settings):
        hint, many = hints[field.name], typing.get_origin(hints[field.name]) is tuple
        row = typing.get_args(hint)[0] if many else hint
        if not dataclasses.is_dataclass(row):
            parts.append(f"## {field.name}\n\n`{field.name} = {field.default}`: {field.metadata['doc']} (P8).\n")
            continue
        title = f"[[{field.name}]]" if many else f"[{field.name}]"
        summary = (row.__doc__ or "").partition(": ")[2]
        lines = [f"## {title}", "", summary, "", "| key | shipped | lawful | what |", "|---|---|---|---|"]
        lines += [_line(each) for each in dataclasses.fields(row)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _line(field: dataclasses.Field[Any]) -> str:
    shipped = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    text = (
        str(shipped).lower()
        if isinstance(shipped, bool)
        else repr(list(shipped) if isinstance(shipped, tuple) else shipped)
    )
    meta = field.metadata
    if meta["choices"]:
        lawful = ", ".join(f"`{choice or '(empty)'}`" for choice in meta["choices"])
    elif meta["low"] is not None:
        lawful = f"{meta['low']} to {meta['high']}"
    else:
        lawful = meta["kind"].rstrip("!") or ("true, false" if isinstance(shipped, bool) else "text")
    mark = "*lab* " if meta["lab"] else ""
    return f"| `{field.name}` | `{text}` | {lawful} | {mark}{meta['doc']} |"


if __name__ == "__main__":
    sys.stdout.write(document())
