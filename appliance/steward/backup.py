"""The verbs backup, restore and support-bundle.

A backup is text that can be pasted: base64 lines between BEGIN and END, holding settings, accounts, passwords of relays
and TLS keys, sealed under a passphrase. A checksum tells damaged text from a wrong passphrase. Restoring puts the
settings into the candidate (their commit can be confirmed or taken back) and the rest in force at once; the password of
console and page is not part of it, so that nobody is locked out. A support bundle holds no secret, no mailbox and no
subject. Sizes are bounded before anything is allocated. Raises ports.Refused, and OSError when the card refuses.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import textwrap
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from appliance import __version__, durable
from appliance.accounts import Account, load_accounts
from appliance.core.reply import printable
from appliance.ports import Clock, Refused, Verb
from appliance.settings import table
from appliance.settings.parse import parse
from appliance.settings.schema import FORMAT, Settings
from appliance.settings.store import Store
from appliance.steward.certificate_verbs import CHAIN, KEY
from appliance.steward.machine import Machine
from appliance.steward.reset import Reset
from appliance.steward.secret_files import SecretFiles
from appliance.steward.settings_verbs import words

BEGIN, END = "-----BEGIN OUTBOX BACKUP-----", "-----END OUTBOX BACKUP-----"
LABEL: Final = b"outbox backup 1"
PLAIN_MAX: Final = 4 << 20
TEXT_MAX: Final = 900_000  # a request to the steward is at most a megabyte
FILE_MAX: Final = 1 << 20
PASSPHRASE_MIN, PASSPHRASE_MAX = 8, 1000
BUNDLE_LINES: Final = 500
FILE_NAME: Final = "outbox-backup.txt"
_MAILBOX: Final = re.compile(r'("[^"\n]{1,64}"|[^\s<>"=,;:()\[\]]{1,64})@[^\s<>,;:"()]{1,255}')
_SUBJECT: Final = re.compile(r'(?i)(\bsubject(?:=|: ))(?:"[^"]*"|\S.*)')


class Backups:
    def __init__(self, store: Store, secrets: SecretFiles, machine: Machine, reset: Reset, clock: Clock) -> None:
        self._store, self._secrets, self._machine = store, secrets, machine
        self._reset, self._clock = reset, clock

    def table(self) -> Mapping[str, Verb]:
        return {"backup": self.backup, "restore": self.restore, "support-bundle": self.bundle}

    async def backup(self, args: dict[str, Any]) -> dict[str, Any]:
        """{"text"}; with `to` = "stick" it is written to the USB stick instead."""
        passphrase, to = words(args, "passphrase", PASSPHRASE_MAX), words(args, "to", 10, "")
        if len(passphrase) < PASSPHRASE_MIN:
            raise Refused(f"a passphrase of at least {PASSPHRASE_MIN} characters is needed")
        if to not in ("", "stick"):
            raise Refused("a backup goes to the stick, or nowhere but the answer")
        text = await asyncio.to_thread(seal, self._gather(), passphrase)
        if not to:
            return {"text": text}
        async with self._machine.stick() as folder:
            await asyncio.to_thread(durable.write, folder / FILE_NAME, text.encode(), None)
        return {"file": FILE_NAME}

    def _gather(self) -> dict[str, Any]:
        settings = self._store.good()
        return {
            "format": 1, "version": __version__, "at": self._clock.wall(),
            "settings": self._store.running_text() if isinstance(self._store.running(), Settings)
            else table.write(table.of(settings)),
            "accounts": _read(Path(settings.paths.accounts)), "relays": self._secrets.secrets(),
            "tls": {name: text for name, path in _keys(settings, Path(settings.paths.tls)) if (text := _read(path))},
        }  # fmt: skip

    async def restore(self, args: dict[str, Any]) -> dict[str, Any]:
        """From `text`, or with `from` = "stick" from the USB stick."""
        text, passphrase = words(args, "text", TEXT_MAX, ""), words(args, "passphrase", PASSPHRASE_MAX)
        if args.get("from") == "stick":
            async with self._machine.stick() as folder:
                text = await asyncio.to_thread(_read, folder / FILE_NAME)
            if not text:
                raise Refused(f"there is no {FILE_NAME} on the stick")
        return await asyncio.to_thread(self._put_back, await asyncio.to_thread(unseal, text, passphrase))

    def _put_back(self, held: dict[str, Any]) -> dict[str, Any]:
        settings = self._store.good()
        accounts, relays, keys = held.get("accounts"), held.get("relays"), held.get("tls")
        if not isinstance(relays, dict) or not isinstance(keys, dict) or not isinstance(accounts, str):
            raise Refused("this backup was made by a release that this one does not understand")
        found = _accounts(accounts, Path(settings.paths.accounts)) if accounts else None
        self._store.replace(str(held.get("settings", "")))
        if found is not None:
            self._secrets.write_accounts(found)
        self._secrets.write_secrets({str(name): str(each) for name, each in relays.items()})
        restored = parse(str(held["settings"]))
        for name, path in _keys(restored if isinstance(restored, Settings) else settings, Path(settings.paths.tls)):
            if isinstance(pem := keys.get(name), str):
                durable.write(path, pem.encode(), 0o640, self._machine.owner)  # as the relay itself writes it
        return {
            "settings": "in the candidate: look at them and commit",
            "changes": len(self._store.compare()),
            "in_force": "accounts, passwords of relays, keys",
            "made_by": printable(str(held.get("version")), 40),
        }

    async def bundle(self, args: dict[str, Any]) -> dict[str, Any]:
        """{"text"}: what somebody who helps needs to know."""
        parts = [("version", {"version": __version__, "settings_format": FORMAT, "newer": self._store.newer()}),
                 ("status", await self._try(self._reset.relay("status"))),
                 ("network", await self._try(self._machine.network())),
                 ("release", await self._machine.release()), ("earlier errors", await self._machine.errors()),
                 ("system", await self._machine.vitals()),
                 ("log", await self._try(self._machine.log(BUNDLE_LINES)))]  # fmt: skip
        complaints = self._store.running()
        found = [] if isinstance(complaints, Settings) else [str(each) for each in complaints]
        parts += [("settings", self._store.running_text().splitlines()), ("complaints", found)]
        parts.append(("commits", [f"{each.at:.0f} {each.comment}" for each in self._store.commits()]))
        lines = [line for name, value in parts for line in (f"== {name}", *_lines(value), "")]
        return {"text": "\n".join(masked(printable(line, 1000)) for line in lines)}

    async def _try(self, answer: Any) -> Any:
        try:
            return await answer
        except Refused as refused:
            return [str(refused)]


def seal(held: dict[str, Any], passphrase: str) -> str:
    """The text of a backup. Raises Refused when there is too much."""
    from appliance import crypto  # 8 MB of memory that a steward needs once a year

    plain = json.dumps(held).encode()
    sealed = crypto.seal(zlib.compress(plain, 9), passphrase, LABEL)
    body = base64.b64encode(zlib.crc32(sealed).to_bytes(4, "big") + sealed).decode()
    if len(plain) > PLAIN_MAX or len(body) * 65 // 64 + 100 > TEXT_MAX:
        raise Refused("there is more to keep than a backup holds")
    return "\n".join([BEGIN, *textwrap.wrap(body, 64), END]) + "\n"


def unseal(text: str, passphrase: str) -> dict[str, Any]:
    """What a backup holds; BEGIN, END and any white space may be missing or more. Raises Refused."""
    from appliance import crypto

    body = "".join("".join(line.split()) for line in text.splitlines() if not line.strip().startswith("-----"))
    damaged = Refused("this backup is damaged: a line is missing or was changed on the way")
    try:
        octets = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise damaged from None
    sealed = octets[4:]
    if len(octets) < 64 or zlib.crc32(sealed).to_bytes(4, "big") != octets[:4]:
        raise damaged
    try:
        packed = crypto.unseal(sealed, passphrase, LABEL)
    except crypto.WrongKey:
        raise Refused("this is not the passphrase of this backup") from None
    try:
        unpacker = zlib.decompressobj()
        held = json.loads(unpacker.decompress(packed, PLAIN_MAX))
    except (zlib.error, ValueError, RecursionError):
        raise damaged from None
    if not isinstance(held, dict) or held.get("format") != 1:
        raise Refused("this backup was made by a release that this one does not understand")
    return held


def masked(line: str) -> str:
    """Without mailboxes and subjects."""
    return _SUBJECT.sub(r"\1(subject)", _MAILBOX.sub("(mailbox)", line))


def _accounts(text: str, path: Path) -> dict[str, Account]:
    """Read by way of a file beside `path`. Raises Refused."""
    trial = path.with_name(path.name + ".restored")
    durable.write(trial, text.encode())
    try:
        return load_accounts(trial)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused("the accounts in this backup cannot be read") from None
    finally:
        durable.remove(trial)


def _keys(settings: Settings, folder: Path) -> list[tuple[str, Path]]:
    """Name in the backup and file: the self-signed pair, and the operator's own where it is in the same folder (a
    backup must not name any place on the card)."""
    found = [("self-signed key", folder / "self-signed.key"), ("self-signed certificate", folder / "self-signed.pem")]
    own = [("key", Path(settings.tls.private_key)), ("certificate", Path(settings.tls.certificate))]
    found += [("own key", folder / KEY), ("own certificate", folder / CHAIN)]
    return found + [(name, path) for name, path in own if path.parent == folder and path.name not in ("", "..")]


def _read(path: Path) -> str:
    """ "" when there is none, or too large a one."""
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_MAX + 1)
        return octets.decode() if len(octets) <= FILE_MAX else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}: {json.dumps(each, ensure_ascii=True)}" for name, each in value.items()]
    return [str(each) for each in value]
