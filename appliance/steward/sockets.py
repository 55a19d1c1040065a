"""Whether a socket can be made where the settings want it: a steward that nobody can reach could not be put right."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from appliance.ports import Refused
from appliance.settings.schema import Control


def ensure_reachable(old: Control | None, new: Control) -> None:
    """Try the steward's socket at its new place. Raises Refused; the folder that was made for it stays."""
    if old is not None and old.steward_socket == new.steward_socket:
        return
    trial = Path(f"{new.steward_socket}.{os.getpid()}")
    try:
        trial.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(trial))
        trial.unlink()
    except OSError as error:
        raise Refused(f"control.steward_socket: no socket can be made there: {error.strerror or error}") from error
