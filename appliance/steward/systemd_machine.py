"""The machine of the image: systemd, networkd, timesyncd, nftables and RAUC, by their own commands.

What the settings mean for the system is written by the unit outbox-settings.service (`outbox prepare`,
system_files.py); here it is only told to do so, and what reads the result is told to look again. No shell; every
argument is fixed or checked; each command has COMMAND_S. A command that fails is a warning after a commit, and
ports.Refused with its own last words for everything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.core.reply import printable
from appliance.ports import Refused
from appliance.settings.schema import Settings
from appliance.steward.machine import affected

COMMAND_S: Final = 60.0
INSTALL_S: Final = 3600.0
OUTPUT_MAX: Final = 4 << 20
STICK: Final = Path("/run/outbox-stick")
RELAY_USER: Final = "outbox"
RELAY_ID: Final = 900
_PROGRESS: Final = re.compile(r"^\s*(\d{1,3})%\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command answered; `output` holds both of its streams, at most OUTPUT_MAX octets."""

    status: int
    output: str

    @property
    def last_words(self) -> str:
        lines = [line for line in self.output.splitlines() if line.strip()]
        return printable(lines[-1] if lines else f"status {self.status}", 300)


class Runner(Protocol):
    async def __call__(self, *command: str, timeout_s: float = COMMAND_S,
                       hear: Callable[[str], None] | None = None) -> Ran:  # fmt: skip
        """Run `command`; `hear` is told each line as it comes."""


async def execute(*command: str, timeout_s: float = COMMAND_S, hear: Callable[[str], None] | None = None) -> Ran:
    """See Runner. A command that is missing or takes too long is a Ran as well."""
    try:
        child = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, limit=1 << 20, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except OSError as error:
        return Ran(127, f"{command[0]}: {error.strerror}")
    try:
        async with asyncio.timeout(timeout_s):
            output = await _listen(child, hear)
            return Ran(await child.wait(), output)
    except (TimeoutError, ValueError):
        return Ran(124, f"{command[0]} does not end")
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _listen(child: asyncio.subprocess.Process, hear: Callable[[str], None] | None) -> str:
    assert child.stdout
    lines, size = [], 0
    async for octets in child.stdout:
        line, size = octets.decode("utf-8", "replace"), size + len(octets)
        if hear:
            hear(line.rstrip("\n"))
        if size <= OUTPUT_MAX:
            lines.append(line)
    return "".join(lines)


class SystemdMachine:
    """`run` runs commands; `stop` ends the steward, which systemd starts again."""

    def __init__(self, settings: Settings, stop: Callable[[], None] = lambda: None, run: Runner = execute) -> None:
        self._stop, self._run, self._stamp = stop, run, settings.paths.clock_stamp
        self.owner: tuple[int, int] | None = _relay_user()

    # -- settings ---------------------------------------------------------------------------------------------------

    async def start(self, settings: Settings) -> list[str]:
        """Nothing: outbox-settings.service ran before the network came up."""
        return []

    async def apply(self, old: Settings | None, new: Settings) -> list[str]:
        def differs(*sections: str) -> bool:
            return old is None or any(getattr(old, name) != getattr(new, name) for name in sections)

        steps: list[tuple[str, ...]] = []
        if differs("network", "dns", "listener", "page"):
            steps = [("systemctl", "restart", "outbox-settings.service"),
                     ("systemctl", "reload-or-restart", "outbox-firewall.service"),
                     ("systemctl", "reload-or-restart", "systemd-networkd.service"),
                     ("systemctl", "reload-or-restart", "systemd-resolved.service")]  # fmt: skip
        if old is None or old.network.time_servers != new.network.time_servers:
            steps.append(("systemctl", "restart", "systemd-timesyncd.service"))
        self._stamp = new.paths.clock_stamp
        return [*await self._all(steps), *await self.restart(affected(old, new), differs("listener"))]

    async def restart(self, parts: Iterable[str], sockets: bool = False) -> list[str]:
        """`sockets`: the relay's doors as well; mail that comes in between waits a moment."""
        wanted = list(parts)
        units = [f"outbox-{part}.service" for part in wanted if part != "steward"]
        if sockets:
            units.insert(0, "outbox-relay.socket")
        trouble = await self._all([("systemctl", "--no-block", "restart", *units)] if units else [])
        if "steward" in wanted:
            self._stop()
        return trouble

    async def wiped(self, settings: Settings) -> list[str]:
        return await self._all([("systemctl", "reboot")])

    async def _all(self, steps: Sequence[tuple[str, ...]]) -> list[str]:
        """What did not work; the later steps are done all the same."""
        warnings = []
        for step in steps:
            ran = await self._run(*step)
            if ran.status != 0:
                warnings.append(f"{' '.join(step)}: {ran.last_words}")
        return warnings

    # -- facts ------------------------------------------------------------------------------------------------------

    async def network(self) -> dict[str, Any]:
        """Addresses and routes as the kernel has them, and under which name the LAN knows the box (a taken one gets a
        number)."""
        addresses = await self._run("ip", "-brief", "address", "show")
        routes = [await self._run("ip", version, "route", "show", "default") for version in ("-4", "-6")]
        name = await self._run("busctl", "get-property", "org.freedesktop.resolve1", "/org/freedesktop/resolve1",
                               "org.freedesktop.resolve1.Manager", "LLMNRHostname")  # fmt: skip
        rows = [line.split() for line in addresses.output.splitlines()] if addresses.status == 0 else []
        found = re.fullmatch(r's "([A-Za-z0-9-]{1,63})"\s*', name.output)
        gateways = [
            via for ran in routes if ran.status == 0 for via in re.findall(r"\bvia ([0-9a-fA-F.:]+)", ran.output)
        ]
        return {
            "managed": True,
            "name_on_the_lan": f"{found[1]}.local" if found else "",
            "interfaces": [{"name": printable(row[0]), "state": row[1].lower(), "addresses": " ".join(row[2:])}
                           for row in rows if len(row) >= 2 and row[0] != "lo"],
            "gateways": gateways,
        }  # fmt: skip

    async def log(self, lines: int) -> list[str]:
        ran = await self._demand("journalctl", "--quiet", "--no-pager", "--output=short-iso", f"--lines={lines}")
        return [printable(line, 1000) for line in ran.output.splitlines()]

    # -- clock and power --------------------------------------------------------------------------------------------

    async def set_clock(self, at: float) -> None:
        """Also of the stamp below which the clock counts as unknown: a person has looked at it now."""
        try:
            time.clock_settime(time.CLOCK_REALTIME, at)
            if self._stamp:
                os.utime(self._stamp, (at, at))
        except FileNotFoundError:
            return
        except OSError as error:
            raise Refused(f"the clock cannot be set: {error.strerror}") from error

    async def reboot(self) -> None:
        await self._demand("systemctl", "reboot")

    async def power_off(self) -> None:
        await self._demand("systemctl", "poweroff")

    async def _demand(self, *command: str) -> Ran:
        ran = await self._run(*command)
        if ran.status != 0:
            raise Refused(f"{command[0]}: {ran.last_words}")
        return ran

    # -- updates and the USB stick ----------------------------------------------------------------------------------

    async def install(self, source: str, tell: Callable[[int, str], None]) -> None:
        errors: list[str] = []

        def hear(line: str) -> None:
            if found := _PROGRESS.match(line):
                tell(min(int(found[1]), 100), found[2])
            elif line.startswith("LastError:"):
                errors.append(line.partition(":")[2].strip())

        ran = await self._run("rauc", "install", source, timeout_s=INSTALL_S, hear=hear)
        if ran.status != 0:
            raise Refused(f"not installed: {printable(errors[-1], 300) if errors else ran.last_words}")

    @contextlib.asynccontextmanager
    async def stick(self) -> AsyncIterator[Path]:
        """The first partition of the first USB stick, mounted for as long as it is used."""
        listed = await self._demand(
            "lsblk", "--noheadings", "--paths", "--raw", "--output=NAME,TYPE,TRAN,FSTYPE,PKNAME"
        )
        device = stick_of(listed.output)
        options = "--options=nosuid,nodev,noexec,sync"
        await self._demand("systemd-mount", "--quiet", "--collect", options, device, str(STICK))
        try:
            yield STICK
        finally:
            await self._run("systemd-umount", "--quiet", str(STICK))


def stick_of(listed: str) -> str:
    """The device to mount, of what lsblk lists. Raises Refused."""
    rows = [line.split(" ") for line in listed.splitlines()]
    disks = {row[0] for row in rows if len(row) > 3 and row[1:3] == ["disk", "usb"]}
    for row in rows:
        ours = len(row) > 4 and (row[0] in disks or row[4] in disks)
        if ours and row[3] in ("vfat", "exfat", "ext4") and re.fullmatch(r"/dev/sd[a-z]+\d*", row[0]):
            return row[0]
    raise Refused("no USB stick with a file system that this box reads is plugged in")


def _relay_user() -> tuple[int, int]:
    try:
        found = pwd.getpwnam(RELAY_USER)
    except KeyError:
        return RELAY_ID, RELAY_ID
    return found.pw_uid, found.pw_gid
