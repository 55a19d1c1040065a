"""Passwords of relays: apart from the settings, never printed, never rolled back with them.

A TOML file of mode 0600 with one table for each relay, `[NAME]` `password = "..."`, or files NAME in systemd's
credentials folder. A file that others may read is refused.
"""

from __future__ import annotations

import asyncio
import os
import stat
import tomllib
from pathlib import Path
from typing import Final

FILE_MAX_BYTES: Final = 65536


class Credentials:
    """`password` is read anew each time, so a changed one counts at once."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    async def password(self, name: str) -> str | None:
        """The password of the relay `name`, None when there is none that may be used."""
        return await asyncio.get_running_loop().run_in_executor(None, self._look, name)

    def _look(self, name: str) -> str | None:
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
