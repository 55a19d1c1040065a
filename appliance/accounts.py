"""The accounts file: who may log in to hand over mail.

JSON, mode 0600: name -> salt, iterations, stored key, server key (SCRAM-SHA-256 of RFC 7677, made by salted PBKDF2) and
the senders that the account may use. A password itself is nowhere. Written whole, old or new after a power cut; what
reading raises stands at each function.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scramp import ScramException, ScramMechanism

from appliance import durable

__all__ = ["MECHANISM", "Account", "ScramException", "load_accounts", "make_account", "save_accounts"]

ITERATIONS: Final = 20000
ACCOUNTS_MAX_BYTES: Final = 1 << 20
MECHANISM: Final[Any] = ScramMechanism("SCRAM-SHA-256")  # type: ignore[no-untyped-call]


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


def save_accounts(path: Path, accounts: list[Account], owner: tuple[int, int] | None = None) -> None:
    """Write the whole file anew. `owner` (uid, gid) is who reads it; for root, when None, the one that the file or its
    folder has. Raises OSError."""
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
    if owner is None and os.geteuid() == 0:  # root changes the file, the relay reads it
        status = (path if path.exists() else path.parent).stat()
        owner = status.st_uid, status.st_gid
    durable.write(path, json.dumps({"format": 1, "accounts": rows}, indent=1).encode(), 0o600, owner)


def load_accounts(path: Path) -> dict[str, Account]:
    """Raises OSError, ValueError, KeyError, TypeError."""
    with path.open("rb") as file:
        data = json.loads(file.read(ACCOUNTS_MAX_BYTES))
    return {name: _account(name, row) for name, row in data["accounts"].items()}


def _account(name: str, row: dict[str, Any]) -> Account:
    salt, stored, server = (b64decode(row[key], validate=True) for key in ("salt", "stored", "server"))
    senders = tuple(str(each).lower() for each in row.get("senders", ()))
    return Account(name, salt, stored, server, int(row["iterations"]), senders)
