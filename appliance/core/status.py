"""The facts of the whole box at one moment: what the relay's verb "status" tells, for lamps, page and console alike.

Times are seconds since 1970, None = there is none or it is not known. `Status.of` takes what came over the command
interface: an absent key, or a value of another kind than expected, is as if it were not known; it never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

WAITING: Final = ("queued", "active", "deferred", "held", "bouncing")
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Dns:
    """`ok` is None while nothing was asked; `why` is for people, "" when all is well."""

    ok: bool | None = None
    servers: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """`fault` is "" or why mail is refused: full, failing, read-only, busy. `queue` counts items by phase. `oldest_at`
    is when the oldest of them arrived as far as the clock can tell. `bounces` are not acknowledged yet. `accepted`,
    `delivered` and `failed` count since `started_at`; `moved_s` is how long ago the last message was accepted or
    delivered. `port25` is open, blocked or unknown. `spool`, `listeners`, `intake` as the rooms tell them."""

    version: str = ""
    mail_name: str = ""
    host_name: str = ""
    accepting: bool = False
    fault: str = ""
    queue: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    oldest_at: float | None = None
    next_attempt_at: float | None = None
    bounces: int = 0
    accepted: int = 0
    delivered: int = 0
    failed: int = 0
    moved_s: float | None = None
    started_at: float = 0.0
    now: float = 0.0
    clock_known: bool = True
    link: bool | None = None
    addresses: tuple[str, ...] = ()
    dns: Dns = Dns()
    port25: str = "unknown"
    temperature_c: float | None = None
    tls_fingerprint: str = ""
    tls_ends_at: float | None = None
    alarm_age_s: float = 14400.0
    updating: bool = False
    locating: bool = False
    testing_lamps: bool = False
    spool: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    damage: tuple[str, ...] = ()
    listeners: tuple[tuple[str, str, int], ...] = ()
    intake: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    @classmethod
    def of(cls, data: object) -> Status:
        """From plain JSON data."""
        facts = data if isinstance(data, Mapping) else {}
        known: dict[str, Any] = {}
        for each in fields(cls):
            try:
                if each.name in facts:
                    known[each.name] = _READ[str(each.type)](facts[each.name])
            except (TypeError, ValueError, OverflowError):
                pass  # not of the kind expected: as if it were absent
        return cls(**known)

    @property
    def waiting(self) -> int:
        """Items in the queue."""
        return sum(self.queue.get(phase, 0) for phase in WAITING)

    @property
    def oldest_age_s(self) -> float:
        """0 with an empty queue or an unknown clock."""
        return max(0.0, self.now - self.oldest_at) if self.oldest_at is not None and self.clock_known else 0.0


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _maybe(read: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else read(value)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return list(value)


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return MappingProxyType({str(name): each for name, each in value.items()})


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(each) for each in _list(value))


def _counts(value: object) -> Mapping[str, int]:
    return MappingProxyType({name: _int(each) for name, each in _mapping(value).items()})


def _dns(value: object) -> Dns:
    facts = _mapping(value)
    return Dns(_maybe(_bool)(facts.get("ok")), _texts(facts.get("servers", [])), _text(facts.get("why", "")))


def _listener(value: object) -> tuple[str, str, int]:
    name, address, port = _list(value)
    return _text(name), _text(address), _int(port)


_READ: Final[dict[str, Callable[[object], Any]]] = {
    "str": _text,
    "bool": _bool,
    "bool | None": _maybe(_bool),
    "int": _int,
    "float": _float,
    "float | None": _maybe(_float),
    "tuple[str, ...]": _texts,
    "Mapping[str, int]": _counts,
    "Mapping[str, Any]": _mapping,
    "tuple[tuple[str, str, int], ...]": lambda value: tuple(_listener(each) for each in _list(value)),
    "Dns": _dns,
}
