"""Whether DNS works, as far as the last questions tell. Pure bookkeeping; nothing raises.

No DNS: no server is set, or the last question got no answer from any server, or the last NAMES questions about
different names all failed (one broken domain is its own trouble, not ours). One good answer ends the trouble.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NAMES: Final = 3


class DnsHealth:
    """`ok` is None while nothing is known; `why` tells of servers that do not answer also while others do."""

    def __init__(self, servers: Iterable[str]) -> None:
        self.ok: bool | None = None if list(servers) else False
        self.question: tuple[str, str] | None = None
        self._why = "" if self.ok is None else "no DNS server is set"
        self._names: set[str] = set()
        self._silent: dict[str, str] = {}

    @property
    def why(self) -> str:
        return self._why or "; ".join(self._silent.values())

    def server_spoke(self, server: str) -> None:
        self._silent.pop(server, None)

    def server_silent(self, server: str, why: str) -> None:
        self._silent[server] = why

    def answered(self) -> None:
        """A question got an answer, be it "no such name"."""
        self.ok, self._why = True, ""
        self._names.clear()

    def failed(self, name: str, kind: str, why: str, silent: bool) -> None:
        """A question got none that is of use; `silent` = from no server at all."""
        self.question = name, kind
        self._names.add(name)
        if silent or len(self._names) >= NAMES:
            self.ok, self._why = False, why
            self._names = set(list(self._names)[:NAMES])
