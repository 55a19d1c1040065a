"""The verbs secret.* and account.*: passwords of relays, and accounts of clients. Neither ever comes out again.

They count at once and are no part of candidate or history. The relay's user owns the files. Raises ports.Refused, and
OSError when the card refuses.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from appliance import durable
from appliance.accounts import Account, load_accounts, make_account, save_accounts
from appliance.ports import Refused, Verb
from appliance.settings.credentials import FILE_MAX_BYTES
from appliance.settings.path import MASK
from appliance.settings.render import toml
from appliance.settings.schema import Paths
from appliance.steward.settings_verbs import words

NAME_MAX: Final = 255
PASSWORD_MAX: Final = 1000
ACCOUNTS_MAX: Final = 2000


class SecretFiles:
    """`paths` gives where the files are now; `owner` (uid, gid) is who reads them, None = the steward's own user."""

    def __init__(self, paths: Callable[[], Paths], owner: tuple[int, int] | None) -> None:
        self._paths, self._owner = paths, owner

    def table(self) -> Mapping[str, Verb]:
        return {
            "secret.set": self.set_secret,
            "secret.list": lambda args: {"relays": sorted(self.secrets())},
            "account.list": self.list_accounts,
            "account.set": self.set_account,
            "account.remove": self.remove_account,
        }

    def secrets(self) -> dict[str, str]:
        """Relay -> password; a file that cannot be read is no password."""
        try:
            with Path(self._paths().credentials).open("rb") as file:
                raw = tomllib.loads(file.read(FILE_MAX_BYTES).decode())
        except (OSError, ValueError, RecursionError):
            return {}
        rows = {name: row.get("password") for name, row in raw.items() if isinstance(row, dict)}
        return {name: password for name, password in rows.items() if isinstance(password, str)}

    def set_secret(self, args: dict[str, Any]) -> dict[str, Any]:
        """The password of a relay; "" ends it, the mask keeps the one there is."""
        relay, password = _name(args, "relay"), words(args, "password", PASSWORD_MAX)
        if password == MASK:
            return {"relay": relay, "kept": True}
        if not password.isprintable():
            raise Refused("a password is printable text")
        kept = self.secrets() | {relay: password}
        self.write_secrets({name: each for name, each in kept.items() if each})
        return {"relay": relay, "set": bool(password)}

    def write_secrets(self, kept: Mapping[str, str]) -> None:
        """Raises Refused when they are too many."""
        text = "".join(f"[{toml(name)}]\npassword = {toml(each)}\n" for name, each in kept.items()).encode()
        if len(text) > FILE_MAX_BYTES:
            raise Refused("there is no room for more passwords of relays")
        durable.write(Path(self._paths().credentials), text, 0o600, self._owner)

    def accounts(self) -> dict[str, Account]:
        """Raises Refused when the file is damaged."""
        try:
            return load_accounts(Path(self._paths().accounts))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(f"the accounts cannot be read: {type(error).__name__}") from error

    def list_accounts(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"name": each.name, "senders": list(each.senders)} for each in self.accounts().values()]

    async def set_account(self, args: dict[str, Any]) -> dict[str, Any]:
        """Make an account, or give it a password; `senders` absent keeps those there are."""
        name, password, known = _name(args, "name"), words(args, "password", PASSWORD_MAX), self.accounts()
        senders = args.get("senders", [*known[name].senders] if name in known else [])
        if not isinstance(senders, list) or not all(_short(each) for each in senders) or len(senders) > 100:
            raise Refused("the senders of an account are a list of mailboxes and domains")
        if not password:
            raise Refused("a password is needed")
        if name not in known and len(known) >= ACCOUNTS_MAX:
            raise Refused(f"there are {ACCOUNTS_MAX} accounts already")
        try:
            made = await asyncio.to_thread(make_account, name, password, tuple(senders))
        except ValueError as error:
            raise Refused(str(error)) from None
        self.write_accounts({**self.accounts(), name: made})
        return {"name": name}

    def remove_account(self, args: dict[str, Any]) -> dict[str, Any]:
        name, known = _name(args, "name"), self.accounts()
        if known.pop(name, None) is None:
            raise Refused("there is no such account")
        self.write_accounts(known)
        return {"name": name}

    def write_accounts(self, known: Mapping[str, Account]) -> None:
        save_accounts(Path(self._paths().accounts), list(known.values()), self._owner)


def _name(args: dict[str, Any], key: str) -> str:
    name = words(args, key, NAME_MAX)
    if not name or not name.isprintable():
        raise Refused("a name is printable text")
    return name


def _short(each: Any) -> bool:
    return isinstance(each, str) and each.isprintable() and 0 < len(each) <= NAME_MAX
