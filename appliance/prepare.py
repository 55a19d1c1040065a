"""`outbox prepare`: what the image does with the settings file before the network is up, and after each commit.

On the first start it makes the settings file: from the boot partition's outbox.toml when that is right, else as
shipped. Then it writes steward/system_files.py's files below `run`, sets the host name and the time zone. A broken
settings file means the newest good settings, or the shipped ones: the box comes up either way. `run`/outbox-system/
reload exists afterwards when a unit's text changed, so that systemd must look again. Returns 0, or 1 when something
could not be written; the rest is done all the same.
"""

from __future__ import annotations

import logging
import shutil
import socket
from pathlib import Path
from typing import Final

from appliance import durable
from appliance.clock import SystemClock
from appliance.settings.load import load
from appliance.settings.schema import Settings
from appliance.settings.store import Store
from appliance.steward.system_files import EVERY, SOCKETS, system_files

SHIPPED: Final = Path("/usr/share/outbox/outbox.toml")
GIVEN: Final = Path("/boot/firmware/outbox.toml")
ZONES: Final = Path("/usr/share/zoneinfo")
RUN: Final = Path("/run")
log = logging.getLogger(__name__)


def run(config: Path, run: Path = RUN, given: Path = GIVEN, shipped: Path = SHIPPED) -> int:
    """The exit status."""
    trouble = first_start(config, given, shipped)
    settings = Store(config, Path(Settings().paths.settings), SystemClock()).good()
    for step in (_write_files, _set_zone, _set_host_name):
        try:
            step(settings, run)
        except OSError as error:
            log.error("%s: %s", step.__name__.strip("_").replace("_", " "), error)
            trouble = True
    return 1 if trouble else 0


def first_start(config: Path, given: Path, shipped: Path) -> bool:
    """Make the settings file when there is none; whether that failed."""
    if config.exists():
        return False
    source = shipped
    if given.exists():
        found = load(given)
        source = given if isinstance(found, Settings) else shipped
        for complaint in () if isinstance(found, Settings) else found:
            log.error("%s is not used: %s", given, complaint)
    try:
        durable.write(config, source.read_bytes(), 0o644)
    except OSError as error:
        log.error("no settings file could be made: %s", error)
        return True
    log.info("settings made from %s", source)
    return False


def _write_files(settings: Settings, run: Path) -> None:
    wanted = system_files(settings)
    reload = run / "outbox-system/reload"
    reload.parent.mkdir(parents=True, exist_ok=True)
    reload.unlink(missing_ok=True)
    for name in EVERY:
        path, text = run / name, wanted.get(name)
        before = path.read_text() if path.exists() else None
        if before == text:
            continue
        if name == SOCKETS:
            reload.touch()
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def _set_zone(settings: Settings, run: Path) -> None:
    """/etc/localtime of the image is a link to this file."""
    source = ZONES / settings.network.timezone
    target = run / "outbox-system/localtime"
    if source.is_file():
        shutil.copyfile(source, target)
    else:
        target.unlink(missing_ok=True)


def _set_host_name(settings: Settings, run: Path) -> None:
    if run == RUN and socket.gethostname() != settings.network.host_name:
        socket.sethostname(settings.network.host_name)
