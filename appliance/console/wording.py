"""Times, spans, sizes and facts as words for a person at a terminal. Pure; nothing here fails on what the box
answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any


def when(at: object) -> str:
    """A wall time (seconds since 1970) in the box's time zone."""
    if not isinstance(at, int | float):
        return "unknown"
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (ValueError, OverflowError, OSError):
        return "unknown"


def span(seconds: float) -> str:
    """Such as "40 s", "12 min", "3 h", "2 days"."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{max(0, seconds) // unit:.0f} {name}"
    return f"{seconds // 86400:.0f} days"


def size(octets: object) -> str:
    """Such as "512 octets", "3.1 MiB"."""
    if not isinstance(octets, int | float):
        return "unknown"
    if octets < 1024:
        return f"{octets:.0f} octets"
    for shift, name in ((20, "KiB"), (30, "MiB")):
        if octets < 1 << shift:
            return f"{octets / (1 << shift - 10):.1f} {name}"
    return f"{octets / (1 << 30):.1f} GiB"


def facts(value: Any, indent: str = "") -> Iterator[str]:
    """Any JSON answer, a line for each fact."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _fact(str(name), each, indent)
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, dict):
                yield indent + "  ".join(f"{_label(name)} {_plain(name, part)}" for name, part in each.items())
            else:
                yield indent + str(each)
    else:
        yield indent + _plain("", value)


def _fact(name: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value)):
        if value:
            yield f"{indent}{_label(name)}:"
            yield from facts(value, indent + "  ")
    else:
        yield f"{indent}{_label(name)}: {_plain(name, value)}"


def _label(name: str) -> str:
    return name.removesuffix("_at").removesuffix("_s").removesuffix("_bytes").replace("_", " ")


def _plain(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "none"
    if value is None or value == "":
        return "unknown" if value is None else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        shown = {"_at": when, "_s": lambda each: span(float(each)), "_bytes": size}
        for ending, word in shown.items():
            if name.endswith(ending):
                return str(word(value))
    return str(value)
