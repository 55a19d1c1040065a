"""Passwords of relays: apart from the settings, never printed, never rolled back with them.

A TOML file of mode 0600 with one table for each relay, `[NAME]` `password = "..."`, or files NAME in systemd's
credentials folder. A file that others may read is refused.
"""

from __future__ import annotations

import asyncio
import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.settings.complaint import Complaint
from appliance.settings.schema import Settings

FILE_MAX_BYTES: Final = 65536


class Credentials:
    """`password` is read anew each time, so a changed one counts at once."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    async def password(self, name: str) -> str | None:
        """The password of the relay `name`, None when there is none that may be used."""
        return await asyncio.get_running_loop().run_in_executor(None, self.look, name)

    def look(self, name: str) -> str | None:
        """The same; blocks for the card."""
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
        try:
            if folder and name.replace("-", "").replace("_", "").isalnum() and (file := Path(folder) / name).is_file():
                return file.read_text()[:1000].rstrip("\n")
            with self._path.open("rb") as opened:
                if stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                    return None
                entry = tomllib.loads(opened.read(FILE_MAX_BYTES).decode()).get(name)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            return None
        password = entry.get("password") if isinstance(entry, dict) else None
        return password if isinstance(password, str) else None


def lacking(settings: Settings) -> Iterator[Complaint]:
    """What to do for each relay in use that wants a login and has no password: its mail would wait for ever."""
    path = settings.paths.credentials
    kept = Credentials(path)
    for number, relay in enumerate(settings.relay, 1):
        if relay.enabled and relay.user and kept.look(relay.name) is None:
            what = f'[{relay.name}] with password = "..." in {path}, a file of mode 0600'
            yield Complaint(f"relay[{number}].user", repr(relay.user), f"with a password beside it: {what}")
