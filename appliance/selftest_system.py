"""Network and clock in the self-test: only what the kernel shows below /sys, /proc and /run. Never raises for what is
not there; sends nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.selftest_finding import Finding

EARLIEST: Final = 1767225600.0  # 2026-01-01: a clock before it cannot be right
RTC_LIMIT_S: Final = 5.0


def network_findings(root: Path) -> Iterator[Finding]:
    """Cable and speed of each Ethernet interface, and a way out."""
    folders = sorted(path for path in (root / "sys/class/net").glob("*") if (path / "device").exists())
    if not folders:
        yield Finding("network", False, "no network interface")
    for folder in folders:
        linked, speed = _text(folder / "carrier") == "1", _text(folder / "speed")
        address = _text(folder / "address")
        words = f"link up, {speed if speed.isdigit() else '?'} Mbit/s" if linked else "no link (cable?)"
        yield Finding(f"network {folder.name}", linked, f"{address}: {words}")
    gateway = _gateway(root)
    yield Finding("network route", gateway != "", f"gateway {gateway}" if gateway else "no default route")


def clock_findings(root: Path, now: float) -> Iterator[Finding]:
    """The system clock against the clock chip, and whether the network has set it."""
    synchronized = (root / "run/systemd/timesync/synchronized").exists()
    chip = _text(root / "sys/class/rtc/rtc0/since_epoch")
    source = "set from the network" if synchronized else "not yet set from the network"
    yield Finding("clock", now >= EARLIEST, f"{now:.0f} s since 1970, {source}")
    if not chip.isdigit():
        yield Finding("clock chip", None, "none fitted (optional)")
        return
    apart = int(chip) - now
    yield Finding("clock chip", abs(apart) <= RTC_LIMIT_S, f"{apart:+.1f} s from the system clock")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _gateway(root: Path) -> str:
    """IPv4 default gateway of /proc/net/route (addresses there are little endian), else the IPv6 one, else ""."""
    for line in _text(root / "proc/net/route").splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == words[7] == "00000000":
            return ".".join(str(octet) for octet in struct.pack("<I", int(words[2], 16)))
    for line in _text(root / "proc/net/ipv6_route").splitlines():
        words = line.split()
        if len(words) > 9 and words[0] == "0" * 32 and words[1] == "00" and words[9] != "lo":
            return words[4]
    return ""
