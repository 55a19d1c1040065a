"""TLS and login of one session (RFC 3207, 4954): what may be offered now, and the change itself.

`start_tls` and `log_in` answer their commands; after TLS everything said before is forgotten. Raises Gone when the
client leaves or a handshake that it asked for fails.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from appliance.core.reply import printable
from appliance.intake import auth
from appliance.intake.desk import Desk
from appliance.intake.door import Connection, Gone
from appliance.intake.login import Guesses
from appliance.intake.post import Post
from appliance.intake.who import Who
from appliance.settings.schema import Listener

Contexts = Callable[[str], ssl.SSLContext | None]  # oldest TLS version -> context


class Security:
    def __init__(
        self, desk: Desk, listener: Listener, contexts: Contexts, guesses: Guesses, line: Connection, who: Who,
        post: Post,
    ) -> None:  # fmt: skip
        self._desk, self._listener, self._contexts, self._guesses = desk, listener, contexts, guesses
        self._line, self._who, self._post = line, who, post

    async def at_once(self) -> bool:
        """TLS from the first octet where it is set or seen; False when that failed."""
        early = self._listener.early_tls_s
        wanted = self._listener.tls == "implicit" or (early > 0 and is_tls(await self._line.wait_for_octets(early)))
        return not wanted or await self._secure(keep=True)

    async def _secure(self, keep: bool) -> bool:
        context = self._contexts(self._who.device.tls_minimum or self._listener.tls_minimum)
        if context is None:
            return False
        try:
            await self._line.upgrade(context, keep)
        except (OSError, ssl.SSLError) as error:
            self._who.client.note = printable(f"TLS failed: {error}", 200)
            return False
        self._who.secure = True
        return True

    def offers(self) -> list[str]:
        """Lines for EHLO."""
        lines = ["STARTTLS"] if self._may_start_tls() else []
        return [*lines, "AUTH " + " ".join(auth.MECHANISMS)] if self._may_log_in() else lines

    def _may_start_tls(self) -> bool:
        return self._listener.tls == "starttls" and not self._who.secure and self._contexts("") is not None

    def _may_log_in(self) -> bool:
        return self._listener.auth != "none" and (self._listener.plain_auth or self._who.secure)

    async def start_tls(self, argument: str) -> str:
        if argument:
            return "501 5.5.4 STARTTLS takes no argument"
        if self._who.secure:
            return "503 5.5.1 TLS is already on"
        if not self._may_start_tls():
            return "454 4.7.0 TLS is not available" if self._listener.tls == "starttls" else "502 5.5.1 No TLS here"
        self._line.say("220 2.0.0 Ready to start TLS")
        self._post.drop()
        self._who.forget()
        if not await self._secure(keep=False):
            raise Gone
        return ""

    async def log_in(self, argument: str) -> str:
        if not self._who.greeted:
            return "503 5.5.1 EHLO first"
        if self._listener.auth == "none":
            return "502 5.5.1 No login here"
        if not self._may_log_in():
            return "538 5.7.11 Encryption required: STARTTLS first"
        if self._who.account is not None or self._post.open:
            return "503 5.5.1 Not now"
        if not argument:
            return "501 5.5.4 Mechanism is missing"
        now, accounts, client = self._desk.clock.monotonic, self._desk.accounts, self._who.client
        found = await auth.authenticate(accounts, self._guesses, client.address, now, self._ask, argument)
        if isinstance(found, str):
            return self._desk.refuse(client, found)
        self._who.account = found
        return "235 2.7.0 Authentication successful"

    async def _ask(self, challenge: bytes) -> bytes:
        self._line.say("334 " + challenge.decode("ascii"))
        octets = await self._line.line(self._who.lf, auth.LINE_MAX)
        return octets.rstrip(b"\r\n") if octets.endswith(b"\n") else b"too long"


def is_tls(octets: bytes) -> bool:
    """Whether this is how a TLS handshake begins."""
    return octets[:2] == b"\x16\x03"
