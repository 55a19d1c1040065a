"""What the subcommands of `outbox` share: two streams, and the settings or their complaints."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance.settings.load import load
from appliance.settings.schema import Settings


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")


def settings_of(path: Path) -> Settings | None:
    """The settings in the file; None when it is wrong, which is said."""
    loaded = load(path)
    if isinstance(loaded, Settings):
        return loaded
    for complaint in loaded:
        complain(str(complaint))
    return None
