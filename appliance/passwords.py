"""The one password of console and page: a scrypt hash in a file, never the password.

`Passwords` checks and changes it; comparing takes the same time whatever differs. Who guesses is made to wait: after
FREE wrong ones each doubles the wait up to WAIT_MAX_S, and while that lasts even the right one is refused. A damaged
file lets nobody in (the button makes a new start possible). ports.Refused says in one sentence what cannot be; OSError
that the card refused. `check` and `change` take a fraction of a second and some 16 MB: call them in a thread.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, Final

from appliance import durable
from appliance.ports import Clock, Refused

FREE: Final = 3
WAIT_MAX_S: Final = 60.0
SHORTEST, LONGEST = 8, 1000
_COST: Final = {"n": 1 << 14, "r": 8, "p": 1}
_FILE_MAX: Final = 4096


class Passwords:
    """`owner` (uid, gid) is given to the file when it is written; its group may read it."""

    def __init__(self, path: str, clock: Clock, owner: tuple[int, int] | None = None) -> None:
        self._path, self._clock, self._owner = Path(path), clock, owner
        self._wrong, self._last = 0, 0.0

    def exists(self) -> bool:
        return self._path.exists()

    def check(self, password: str) -> bool:
        """Whether it is the right one. Raises Refused while guessing is slowed down, and when there is none yet."""
        left = self.wait_s()
        if left > 0:
            raise Refused(f"too many wrong passwords: please wait {int(left) + 1} s")
        if not self.exists():
            raise Refused("no password is set yet: the serial console asks for one")
        if len(password) <= LONGEST and _fits(self._path, password):
            self._wrong = 0
            return True
        self._wrong, self._last = self._wrong + 1, self._clock.monotonic()
        return False

    def wait_s(self) -> float:
        """Seconds until the next try is looked at."""
        if self._wrong <= FREE:
            return 0.0
        return max(0.0, self._last + min(WAIT_MAX_S, 2.0 ** min(self._wrong - FREE, 10)) - self._clock.monotonic())

    def change(self, old: str, new: str) -> None:
        """Set the first password, or a new one in place of `old`. Raises Refused, OSError."""
        if self.exists() and not self.check(old):
            raise Refused("the old password is wrong")
        if not SHORTEST <= len(new) <= LONGEST or not new.isprintable():
            raise Refused(f"a password has at least {SHORTEST} characters, letters, digits, signs or spaces")
        salt = secrets.token_bytes(16)
        record = {"format": 1, **_COST, "salt": b64encode(salt).decode()}
        record["hash"] = b64encode(_hash(new, salt, record)).decode()
        durable.write(self._path, json.dumps(record).encode(), 0o640, self._owner)

    def remove(self) -> None:
        """As on the first day: the console asks for a new one."""
        durable.remove(self._path)
        self._wrong = 0


def _hash(password: str, salt: bytes, cost: dict[str, Any]) -> bytes:
    n, r, p = (int(cost[name]) for name in ("n", "r", "p"))
    if not 1 < n <= 1 << 17 or not 1 <= r <= 16 or not 1 <= p <= 4:
        raise ValueError("a cost that this box cannot pay")
    octets = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(octets, salt=salt, n=n, r=r, p=p, maxmem=1 << 28, dklen=32)


def _fits(path: Path, password: str) -> bool:
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_FILE_MAX))
        made = _hash(password, b64decode(record["salt"], validate=True), record)
        return hmac.compare_digest(made, b64decode(record["hash"], validate=True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
