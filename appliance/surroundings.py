"""What the box sees of itself and of its LAN: link, addresses, host name, temperature, an update under way.

Read from /proc, /sys and /run, never asked of the network; what cannot be read is not known, nothing raises. `root` is
where a test puts other files.
"""

from __future__ import annotations

import contextlib
import json
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from appliance.addresses import own_addresses

ROOT: Final = Path("/")
NOTE_MAX_BYTES: Final = 4096
TOO_HOT_C: Final = 200.0  # a sensor that says more, or less than its negative, is broken


def lan_addresses() -> list[str]:
    """Those under which others can reach the box; IPv4 first."""
    addresses = (ip_address(text.partition("%")[0]) for text in own_addresses())
    useful = [each for each in addresses if not each.is_loopback and not (each.version == 6 and each.is_link_local)]
    return [str(each) for each in sorted(useful, key=lambda each: (each.version, int(each)))]


def host_name() -> str:
    """As the kernel knows it."""
    return socket.gethostname()


def link(root: Path = ROOT) -> bool | None:
    """Whether any interface but loopback has a carrier; None when the interfaces cannot be read."""
    try:
        folders = [path for path in (root / "sys/class/net").iterdir() if path.name != "lo"]
    except OSError:
        return None
    hardware = [path for path in folders if (path / "device").exists()]
    return any(_word(path / "carrier") == "1" for path in hardware or folders)


def temperature_c(root: Path = ROOT) -> float | None:
    """Of the hottest sensor, degrees Celsius."""
    found = []
    for path in sorted((root / "sys/class/thermal").glob("thermal_zone*/temp")):
        with contextlib.suppress(ValueError):
            found.append(int(_word(path)) / 1000)
    sane = [value for value in found if -TOO_HOT_C < value < TOO_HOT_C]
    return max(sane, default=None)


def updating(note: Path) -> bool:
    """Whether `note` (the steward's update.json) says that an update is being installed."""
    try:
        with note.open("rb") as file:
            said = json.loads(file.read(NOTE_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("updating") is True


def _word(path: Path) -> str:
    """The file's text, "" when it cannot be read (an interface that is down has no carrier to read)."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
