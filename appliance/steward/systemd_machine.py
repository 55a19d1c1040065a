"""The machine of the image: systemd, networkd, timesyncd, nftables and RAUC, by their own commands.

What the settings mean for the system is written by the unit outbox-settings.service (`outbox prepare`,
system_files.py); here it is only told to do so, and what reads the result is told to look again. No shell; every
argument is fixed or checked; each command has COMMAND_S. A command that fails is a warning after a commit, and
ports.Refused with its own last words for everything else.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from appliance.core.reply import printable
from appliance.ports import Refused
from appliance.settings.schema import Settings
from appliance.steward.commands import Ran, Runner, execute
from appliance.steward.machine import affected

INSTALL_S: Final = 3600.0
ERRORS: Final = tuple(Path("/data/log") / name for name in ("errors", "errors.1", "errors.2"))
ERRORS_MAX: Final = 1 << 16
STICK: Final = Path("/run/outbox-stick")
RELAY_USER: Final = "outbox"
RELAY_ID: Final = 900
_PROGRESS: Final = re.compile(r"^\s*(\d{1,3})%\s*(.*)$")

VITALS: Final = (
    ("systemctl", "--failed", "--no-legend", "--plain", "--no-pager"),
    ("systemd-analyze", "time"),
    ("systemd-analyze", "--no-pager", "critical-chain", "outbox-relay.service"),
    ("ss", "--no-header", "--listening", "--tcp", "--udp", "--numeric"),
    ("head", "--lines=27", "/proc/meminfo"),
    ("cat", "/sys/class/block/mmcblk0/stat"),
)
VITALS_LINES: Final = 40


class SystemdMachine:
    """`run` runs commands; `stop` ends the steward, which systemd starts again."""

    traces: tuple[str, ...] = (*map(str, ERRORS), "/data/updates/update.raucb")

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

    async def errors(self) -> list[str]:
        lines: list[str] = []
        for path in ERRORS:
            with contextlib.suppress(OSError), path.open("rb") as file:
                lines += file.read(ERRORS_MAX).decode("utf-8", "replace").splitlines()
        return [printable(line, 1000) for line in lines]

    async def vitals(self) -> list[str]:
        lines: list[str] = []
        for command in VITALS:
            ran = await self._run(*command)
            lines += [f"$ {' '.join(command)}", *ran.output.splitlines()[:VITALS_LINES]]
        return [printable(line, 300) for line in lines]

    async def release(self) -> dict[str, Any]:
        ran = await self._run("rauc", "status", "--detailed", "--output-format=json")
        return slots_of(ran.output) if ran.status == 0 else {"slots": "unknown"}

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

        await self._run("systemctl", "start", "rauc.service")  # on a slow card longer than its client waits
        ran = await self._run("rauc", "install", source, timeout_s=INSTALL_S, hear=hear)
        if ran.status != 0:
            raise Refused(f"not installed: {printable(errors[-1], 300) if errors else ran.last_words}")

    @contextlib.asynccontextmanager
    async def stick(self) -> AsyncIterator[Path]:
        """The first partition of the first USB stick, mounted for as long as it is used: by systemd itself, since the
        steward may neither mount nor see devices."""
        listed = await self._demand(
            "lsblk", "--noheadings", "--paths", "--raw", "--output=NAME,TYPE,TRAN,FSTYPE,PKNAME"
        )
        outside = ("systemd-run", "--quiet", "--wait", "--pipe", "--collect")
        await self._demand(*outside, "mount", "--mkdir", "--options=nosuid,nodev,noexec,sync", stick_of(listed.output),
                           str(STICK))  # fmt: skip
        try:
            yield STICK
        finally:
            await self._run(*outside, "umount", str(STICK))


def slots_of(told: str) -> dict[str, Any]:
    """Which slot runs, and what is known of each, from what `rauc status` tells."""
    try:
        found = json.loads(told)
        slots = {}
        for named in found["slots"]:
            for slot in named.values():
                bundle = (slot.get("slot_status") or {}).get("bundle") or {}
                facts = (slot["state"], slot.get("boot_status"), bundle.get("version"))
                slots[printable(str(slot["bootname"]))] = " ".join(printable(str(each)) for each in facts if each)
        return {"slot": printable(str(found["booted"])), "slots": slots}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"slots": "unknown"}


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
