"""How a setting is written down: a dataclass field with what parser, docs and console need to know of it."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def key(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    kind: str = "",
    lab: bool = False,
) -> Any:
    """A setting. `kind` names a stricter form of a text: "domain", "pattern" (a domain, .domain or default), "mailbox",
    "range" (address or network), "network" (a range, private or any), "address", "cidr" (an address with its prefix
    length), "server", "path", "host", "label" (one label of a host name), "timezone"; empty text is always lawful
    unless `kind` ends in "!"."""
    metadata = {"doc": doc, "low": low, "high": high, "choices": choices, "kind": kind, "lab": lab}
    if isinstance(default, tuple):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)
