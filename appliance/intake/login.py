"""How a client's login is checked against the accounts file (RFC 4954, 5802, 7677; accounts.py is the file).

The file is read anew when it changed; a file that is missing means no accounts, a damaged one no accounts and a line in
the log. Comparing takes the same time whatever differs, an unknown name costs as much as a wrong password. Who guesses
is made to wait.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections import OrderedDict
from pathlib import Path
from typing import Final

from appliance.accounts import ITERATIONS, MECHANISM, Account, ScramException, load_accounts

GUESSES_FREE: Final = 3
GUESSES_KEPT: Final = 4096
WAIT_MAX_S: Final = 300.0

log = logging.getLogger(__name__)


class Accounts:
    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Account] = {}
        self._pepper = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, bytes] = OrderedDict()

    def find(self, name: str) -> Account | None:
        self._refresh()
        return self._known.get(name)

    def stand_in(self, name: str) -> Account:
        """For an unknown name: the same salt each time, keys that nothing fits."""
        salt = hmac.digest(self._pepper, name.encode("utf-8", "replace"), "sha256")[:16]
        return Account(name, salt, secrets.token_bytes(32), secrets.token_bytes(32), ITERATIONS)

    def check(self, name: str, password: str) -> bool:
        """Slow (PBKDF2) the first time: call it in a thread."""
        account = self._known.get(name)
        row = account or self.stand_in(name)
        proof = hmac.digest(self._pepper, f"{name}\0{password}".encode("utf-8", "replace"), "sha256")
        if account and hmac.compare_digest(self._good.get(proof, b""), account.stored_key):
            return True
        try:
            _, stored, _, _ = MECHANISM.make_auth_info(password, row.iterations, row.salt)
        except ScramException:
            return False
        if not hmac.compare_digest(stored, row.stored_key) or account is None:
            return False
        self._good[proof] = account.stored_key
        if len(self._good) > 100:
            self._good.popitem(last=False)
        return True

    def _refresh(self) -> None:
        if self._path is None:
            return
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._stamp, self._known = stamp, load_accounts(self._path)
        except FileNotFoundError:
            self._stamp, self._known = None, {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._known = {}
            log.error("accounts cannot be read: %s", error)


class Guesses:
    """Wrong logins of one client or for one name: after a few, each doubles the wait. Forgotten after a quiet hour."""

    def __init__(self) -> None:
        self._book: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str, now: float, free: int = GUESSES_FREE) -> float:
        """Seconds until the next try is looked at."""
        count, last = self._book.get(key, (0, now))
        if count <= free:
            return 0.0
        return max(0.0, last + min(WAIT_MAX_S, 2.0 ** min(count - free, 20)) - now)

    def wrong(self, key: str, now: float) -> None:
        count, last = self._book.get(key, (0, now))
        self._book[key] = (1 if now - last > 3600 else count + 1, now)
        self._book.move_to_end(key)
        if len(self._book) > GUESSES_KEPT:
            self._book.popitem(last=False)

    def right(self, key: str) -> None:
        self._book.pop(key, None)


def digest(text: str) -> str:
    """A bounded key for a name of any length."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
