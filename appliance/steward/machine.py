"""What the steward needs of the machine it runs on, and the plain machine of a demo or a test.

`Machine` methods that change something raise ports.Refused in one plain sentence; `start` and `apply` never raise but
return what did not work, since settings are committed by then. `PlainMachine` has no privileges: it restarts the parts
of the box through their keeper (`outbox run`, whose process id stands in OUTBOX_KEEPER) or the relay's own command
interface, and leaves network, clock and power alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.addresses import own_addresses
from appliance.core.reply import printable
from appliance.interface.client import Unreachable, ask
from appliance.ports import Refused
from appliance.settings.schema import Settings

KEEPER: Final = "OUTBOX_KEEPER"
LOG: Final = "OUTBOX_LOG"
STICK: Final = "OUTBOX_STICK"
NOT_HERE: Final = "only the box itself can do that, not this machine"
READS: Final = {  # part -> the sections whose change it must be started again for
    "relay": {"box", "listener", "access", "device", "intake", "tls", "spool", "dns", "domain", "relay", "delivery",
              "reports", "network", "panel", "control", "paths"},
    "page": {"box", "tls", "network", "page", "panel", "control", "paths"},
    "panel": {"panel", "control", "paths"},
    "steward": {"control", "paths"},
}  # fmt: skip


class Machine(Protocol):
    """`owner` (uid, gid) is who must be able to read what the steward writes for the relay; None = the steward's own
    user. `traces` are files of the machine that a factory reset wipes as well."""

    owner: tuple[int, int] | None
    traces: tuple[str, ...]

    async def start(self, settings: Settings) -> list[str]:
        """Bring the machine in line with `settings` when the steward starts."""

    async def apply(self, old: Settings | None, new: Settings) -> list[str]:
        """The same after a commit; only what differs. `old` None = unknown."""

    async def restart(self, parts: Iterable[str]) -> list[str]:
        """Start relay, page, panel anew, also when they are dead."""

    async def wiped(self, settings: Settings) -> list[str]:
        """All is as on the first day, `settings` too: start everything anew."""

    async def network(self) -> dict[str, Any]:
        """Facts about the box's place on the LAN: addresses, gateway, link, ..."""

    async def set_clock(self, at: float) -> None: ...

    async def reboot(self) -> None: ...

    async def power_off(self) -> None: ...

    async def log(self, lines: int) -> list[str]:
        """The last lines of the box's log."""

    async def errors(self) -> list[str]:
        """The errors of earlier starts, as far as they are kept."""

    async def vitals(self) -> list[str]:
        """How the system itself is: failed units, memory, listening ports, how its start went, what was written."""

    async def release(self) -> dict[str, Any]:
        """More about what runs than its version: the slot it was started from, say."""

    def stick(self) -> AbstractAsyncContextManager[Path]:
        """The USB stick as a folder for as long as it is used."""

    async def install(self, source: str, tell: Callable[[int, str], None]) -> None:
        """Install the update bundle at a path or http(s) address; `tell` hears percent and words as it goes on."""


def affected(old: Settings | None, new: Settings) -> list[str]:
    """The parts that must be started again for `new` to count."""
    if old is None:
        return [part for part in READS if part != "steward"]
    changed = {name for name in Settings.__dataclass_fields__ if getattr(old, name) != getattr(new, name)}
    return [part for part, sections in READS.items() if sections & changed]


class PlainMachine:
    """`stop` ends the steward in order; its keeper starts it again."""

    owner: tuple[int, int] | None = None
    traces: tuple[str, ...] = ()

    def __init__(self, settings: Settings, stop: Callable[[], None] = lambda: None) -> None:
        self._settings, self._stop = settings, stop
        self._keeper = int(os.environ.get(KEEPER, "0") or 0)

    async def start(self, settings: Settings) -> list[str]:
        return []

    async def apply(self, old: Settings | None, new: Settings) -> list[str]:
        trouble = await self.restart(affected(old, new))
        self._settings = new
        return trouble

    async def restart(self, parts: Iterable[str]) -> list[str]:
        wanted = set(parts)
        if self._keeper and wanted & {"relay", "page", "panel"}:
            os.kill(self._keeper, signal.SIGHUP)
        elif "relay" in wanted:
            try:
                await asyncio.to_thread(ask, self._settings.control.socket, "restart", {}, 5.0)
            except (Unreachable, Refused) as error:
                return [f"the relay was not restarted: {error}"]
        if self._keeper and "steward" in wanted:
            self._stop()
        return []

    async def wiped(self, settings: Settings) -> list[str]:
        return await self.apply(None, settings)

    async def network(self) -> dict[str, Any]:
        return {"addresses": own_addresses(), "managed": False}

    async def set_clock(self, at: float) -> None:
        raise Refused(NOT_HERE)

    async def reboot(self) -> None:
        raise Refused(NOT_HERE)

    async def power_off(self) -> None:
        if not self._keeper:
            raise Refused(NOT_HERE)
        os.kill(self._keeper, signal.SIGTERM)

    async def log(self, lines: int) -> list[str]:
        path = os.environ.get(LOG, "")
        if not path:
            raise Refused("the log of this machine is where its parts were started")
        try:
            with Path(path).open(errors="replace") as file:
                return [printable(line.rstrip("\n"), 1000) for line in deque(file, lines)]
        except OSError as error:
            raise Refused(f"the log cannot be read: {error.strerror}") from None

    async def errors(self) -> list[str]:
        return []

    async def vitals(self) -> list[str]:
        return []

    async def release(self) -> dict[str, Any]:
        return {}

    @contextlib.asynccontextmanager
    async def stick(self) -> AsyncIterator[Path]:
        """A folder that OUTBOX_STICK names stands for it."""
        folder = os.environ.get(STICK, "")
        if not folder:
            raise Refused(NOT_HERE)
        yield Path(folder)

    async def install(self, source: str, tell: Callable[[int, str], None]) -> None:
        raise Refused(NOT_HERE)
