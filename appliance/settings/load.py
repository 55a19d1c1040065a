"""A settings file on the card -> Settings or complaints; never raises on what the file holds."""

from __future__ import annotations

from pathlib import Path

from appliance.settings.parse import Complaint, parse
from appliance.settings.schema import Settings
from appliance.settings.versions import newest

FILE_MAX_BYTES = 1 << 20


def load(path: Path) -> Settings | tuple[Complaint, ...]:
    """The settings in the file at `path`, or in the one of a newer format beside it (versions.py)."""
    path = newest(path)
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_MAX_BYTES + 1)
        if len(octets) > FILE_MAX_BYTES:
            return (Complaint(str(path), f"over {FILE_MAX_BYTES} octets", "a settings file"),)
        return parse(octets.decode())
    except OSError as error:
        return (Complaint(str(path), error.strerror or "unreadable", "a file that can be read"),)
    except UnicodeDecodeError:
        return (Complaint(str(path), "not UTF-8", "UTF-8 text"),)
