"""Opening the spool: load the segments, recover the items, set damage aside, flush what was only in memory.

Raises OSError when the folder cannot be used. Damage is told in `Opened.damage`, one line each, and in the log.
"""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass

from appliance.settings.schema import SpoolSettings
from appliance.spool.files import Files
from appliance.spool.quarantine import Quarantine
from appliance.spool.recovery import Found, Gap, recover
from appliance.spool.segment import Role
from appliance.spool.store import Store

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Opened:
    store: Store
    found: Found
    quarantine: Quarantine
    damage: list[str]
    news: bool


def open_store(settings: SpoolSettings, files: Files) -> Opened:
    store = Store(settings, files)
    alien = store.load()
    quarantine = Quarantine(store)
    damage = [f"{name}: set aside earlier" for name in sorted(quarantine.names)]
    for segment in alien:
        if segment.role is Role.NEWER:
            damage.append(f"segment {segment.number} is of a newer release: left alone")
        else:
            damage.append(f"segment {segment.number}: its first block is damaged, all of it is left alone")
            quarantine.add(f"segment-{segment.number}", ())
    gc.disable()  # many small objects that all stay: collecting meanwhile triples the time of a start
    try:
        found = recover(store)
    finally:
        gc.enable()
    for gap in found.gaps:
        damage.append(_set_aside(store, quarantine, gap))
        found.told.add((gap.after, gap.before))
    if found.torn:
        damage.append("the last write was cut off, as by a power cut, before anybody was told 250")
    if found.unknown_kinds:
        damage.append(f"records of kinds {sorted(found.unknown_kinds)} are of a newer release: not understood")
    for line in damage:
        log.warning("spool: %s", line)
    if store.log:
        files.sync(store.log[-1].handle)
    return Opened(store, found, quarantine, damage, bool(found.gaps) or found.torn)


def _set_aside(store: Store, quarantine: Quarantine, gap: Gap) -> str:
    segment, size = store.segments[gap.segment], min(gap.end - gap.start, 1 << 20)
    name = f"segment-{gap.segment}-{segment.generation}-{gap.start}"
    if size > 0:
        quarantine.add(name, (store.files.read(segment.handle, size, gap.start),))
    else:
        quarantine.add(name, ())
    return f"segment {gap.segment} at {gap.start}: {max(1, gap.before - gap.after - 1)} damaged records are set aside"
