"""Whether DNS works, as far as the last questions tell. Pure bookkeeping; nothing raises.

One good answer shows that it works. A question that no server answers, or NAMES questions about different names in a
row that all fail, may be the trouble of somebody else's domains: that is a suspicion, and a test question decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NAMES: Final = 3


class DnsHealth:
    """`ok` is None while nothing is known; `why` tells of servers that do not answer also while others do."""

    def __init__(self, servers: Iterable[str]) -> None:
        self.ok: bool | None = None if list(servers) else False
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

    def failed(self, name: str, silent: bool) -> bool:
        """A question got none that is of use; `silent` = from no server at all. Whether a test is due."""
        if len(self._names) < NAMES:
            self._names.add(name)
        return self.ok is not False and (silent or len(self._names) >= NAMES)

    def test_failed(self, why: str) -> None:
        """A question that every working server can answer got no answer."""
        self.ok, self._why = False, why
