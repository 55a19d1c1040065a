"""Of a settings file that is broken, what steward, console and panel need to start all the same (P7)."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path
from typing import Any, Final

from appliance.settings.load import load
from appliance.settings.parse import parse
from appliance.settings.render import toml
from appliance.settings.schema import Settings

NEEDED: Final = ("control", "paths", "console", "panel")


def load_or_salvage(config: Path) -> Settings:
    """The settings; of a broken file those sections NEEDED that are right; else what is shipped. Never raises."""
    found = load(config)
    if isinstance(found, Settings):
        return found
    lines: list[str] = []
    with contextlib.suppress(OSError, ValueError, RecursionError):
        raw = tomllib.loads(config.read_text())
        for name in NEEDED:
            if isinstance(raw.get(name), dict):
                with_section = [*lines, f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in raw[name].items())]
                lines = with_section if isinstance(parse("\n".join(with_section)), Settings) else lines
    salvaged = parse("\n".join(lines))
    return salvaged if isinstance(salvaged, Settings) else Settings()


def _toml(value: Any) -> str:
    return toml(tuple(value) if isinstance(value, list) else value)
