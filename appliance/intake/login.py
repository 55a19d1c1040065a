"""Accounts of clients, and how their passwords are kept and checked (RFC 4954, 5802, 7677).

The accounts file is JSON, mode 0600: name -> salt, iterations, stored key, server key (SCRAM-SHA-256, made by salted
PBKDF2) and the senders that the account may use. A password itself is nowhere. The file is read anew when it changed;
a file that is missing means no accounts, a damaged one no accounts and a line in the log. Comparing takes the same
time whatever differs, an unknown name costs as much as a wrong password. Who guesses is made to wait.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
from base64 import b64decode, b64encode
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scramp import ScramException, ScramMechanism

ITERATIONS: Final = 20000
ACCOUNTS_MAX_BYTES: Final = 1 << 20
MECHANISM: Final[Any] = ScramMechanism("SCRAM-SHA-256")  # type: ignore[no-untyped-call]
GUESSES_FREE: Final = 3
GUESSES_KEPT: Final = 4096
WAIT_MAX_S: Final = 300.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """`senders` in lower case: mailboxes, domains; empty = any."""

    name: str
    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int
    senders: tuple[str, ...] = ()


def make_account(name: str, password: str, senders: tuple[str, ...] = (), iterations: int = ITERATIONS) -> Account:
    """Raises ValueError for a password that SASLprep forbids (control characters)."""
    try:
        salt, stored, server, count = MECHANISM.make_auth_info(password, iterations)
    except ScramException as error:
        raise ValueError("this password cannot be used") from error
    return Account(name, salt, stored, server, count, tuple(each.lower() for each in senders))


def save_accounts(path: Path, accounts: list[Account]) -> None:
    """Write the whole file anew, beside the old one, and put it in its place. Raises OSError."""
    rows = {
        each.name: {
            "salt": b64encode(each.salt).decode(),
            "stored": b64encode(each.stored_key).decode(),
            "server": b64encode(each.server_key).decode(),
            "iterations": each.iterations,
            "senders": list(each.senders),
        }
        for each in accounts
    }
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    owner = path if path.exists() else path.parent
    if os.geteuid() == 0:  # root changes the file, the relay reads it
        os.fchown(handle, owner.stat().st_uid, owner.stat().st_gid)
    with os.fdopen(handle, "w") as file:
        json.dump({"format": 1, "accounts": rows}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load_accounts(path: Path) -> dict[str, Account]:
    """Raises OSError, ValueError, KeyError, TypeError."""
    with path.open("rb") as file:
        data = json.loads(file.read(ACCOUNTS_MAX_BYTES))
    return {name: _account(name, row) for name, row in data["accounts"].items()}


def _account(name: str, row: dict[str, Any]) -> Account:
    salt, stored, server = (b64decode(row[key], validate=True) for key in ("salt", "stored", "server"))
    senders = tuple(str(each).lower() for each in row.get("senders", ()))
    return Account(name, salt, stored, server, int(row["iterations"]), senders)


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
