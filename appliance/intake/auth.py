"""AUTH: PLAIN, LOGIN and SCRAM-SHA-256 on one connection (RFC 4954, 4616, 7677).

`authenticate` speaks the exchange and returns the account, or the reply that refuses it. Mechanism names count in any
case. Lines of the exchange are never logged. Raises Gone when the client leaves.
"""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import Final

from appliance.accounts import MECHANISM, Account, ScramException
from appliance.intake.login import Accounts, Guesses, digest

MECHANISMS: Final = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
INVALID: Final = "535 5.7.8 Authentication credentials invalid"
CANCELLED: Final = "501 5.7.0 Authentication cancelled"
MALFORMED: Final = "501 5.5.2 Cannot decode that base64"
LATER: Final = "454 4.7.0 Too many wrong logins; try again later"
LINE_MAX: Final = 12288

Ask = Callable[[bytes], Awaitable[bytes]]  # challenge -> the client's line without line end


class _Stop(Exception):
    """The exchange is over with this reply."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


async def authenticate(
    accounts: Accounts, guesses: Guesses, client: str, now: Callable[[], float], ask: Ask, argument: str
) -> Account | str:
    """`argument` is what follows AUTH; `client` the key under which wrong logins are counted."""
    mechanism, _, initial = argument.partition(" ")
    mechanism = mechanism.upper()
    if mechanism not in MECHANISMS:
        return "504 5.5.4 Unrecognized authentication type"
    if guesses.wait("client " + client, now()):
        return LATER
    first = None if not initial.strip() else initial.strip().encode("ascii", "replace")
    try:
        if mechanism == "SCRAM-SHA-256":
            name, account = await _scram(accounts, ask, first)
        else:
            name, password = await (_plain if mechanism == "PLAIN" else _login)(ask, first)
            if guesses.wait("name " + digest(name), now(), free=20):
                return LATER
            account = accounts.find(name)
            if not await asyncio.to_thread(accounts.check, name, password):
                account = None
    except _Stop as stop:
        return stop.reply
    keys = ("client " + client, "name " + digest(name))
    for key in keys:
        if account is None:
            guesses.wrong(key, now())
        else:
            guesses.right(key)
    return account or INVALID


async def _plain(ask: Ask, initial: bytes | None) -> tuple[str, str]:
    parts = _decoded(initial if initial is not None else await ask(b"")).split(b"\0")
    if len(parts) != 3:
        raise _Stop("501 5.5.2 PLAIN takes authorization, name and password")
    authorization, name, password = (_text(each) for each in parts)
    if authorization and authorization != name:
        raise _Stop("535 5.7.8 Nobody may act for another account here")
    return name, password


async def _login(ask: Ask, initial: bytes | None) -> tuple[str, str]:
    name = _decoded(initial if initial is not None else await ask(b64encode(b"Username:")))
    return _text(name), _text(_decoded(await ask(b64encode(b"Password:"))))


async def _scram(accounts: Accounts, ask: Ask, initial: bytes | None) -> tuple[str, Account | None]:
    names: list[str] = []

    def keys(name: str) -> tuple[bytes, bytes, bytes, int]:
        names.append(name)
        row = accounts.find(name) or accounts.stand_in(name)
        return row.salt, row.stored_key, row.server_key, row.iterations

    server = MECHANISM.make_server(keys)
    first = _text(_decoded(initial if initial is not None else await ask(b"")))
    try:
        server.set_client_first(first)
        challenge = server.get_server_first()
    except ScramException:
        raise _Stop("501 5.5.2 Malformed SCRAM message") from None
    final = _text(_decoded(await ask(b64encode(challenge.encode()))))
    try:
        server.set_client_final(final)
        signature = server.get_server_final()
    except ScramException:
        return names[0], None
    answer = await ask(b64encode(signature.encode()))
    if answer.strip() == b"*":
        raise _Stop(CANCELLED)
    return names[0], accounts.find(names[0])


def _decoded(line: bytes) -> bytes:
    line = line.strip()
    if line == b"*":
        raise _Stop(CANCELLED)
    if line == b"=":
        return b""
    try:
        return b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise _Stop(MALFORMED) from None


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise _Stop(MALFORMED) from None
