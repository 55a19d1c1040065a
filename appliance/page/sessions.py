"""Who is logged in: random names in a cookie, remembered here as hashes, ended by silence or by age.

In memory only: a start of the page logs everybody out. At most SESSIONS_MAX; the longest silent one goes first.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

SESSIONS_MAX: Final = 32
LONGEST_S: Final = 12 * 3600.0


def new_name() -> str:
    return secrets.token_urlsafe(32)


class Sessions:
    """`idle_s` of silence end a session."""

    def __init__(self, idle_s: float, monotonic: Callable[[], float]) -> None:
        self._idle_s, self._monotonic, self._lock = idle_s, monotonic, threading.Lock()
        self._book: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # hash -> began, last seen

    def begin(self) -> str:
        """A fresh name for the cookie."""
        name, now = new_name(), self._monotonic()
        with self._lock:
            self._book[_hash(name)] = now, now
            if len(self._book) > SESSIONS_MAX:
                self._book.popitem(last=False)
        return name

    def alive(self, name: str, touch: bool) -> bool:
        """Whether `name` is logged in. `touch`: a person did something, so the silence ends."""
        key, now = _hash(name), self._monotonic()
        with self._lock:
            found = self._book.get(key)
            if found is None:
                return False
            began, seen = found
            if now - seen > self._idle_s or now - began > LONGEST_S:
                del self._book[key]
                return False
            if touch:
                self._book[key] = began, now
                self._book.move_to_end(key)
            return True

    def end(self, name: str) -> None:
        with self._lock:
            self._book.pop(_hash(name), None)


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
