"""One client's dialogue: commands in, replies out (RFC 5321 and the extensions offered).

Lines and the order of commands are decided here; TLS and login in `security`, mail itself in `post`. Each reply but
the greeting and EHLO's has an enhanced code. Trouble of ours is 4yz: an unexpected exception is logged with its
traceback and answered 451 4.3.0. Whatever the client does, memory and time stay bounded.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from appliance.core.access import address_of
from appliance.core.reply import printable
from appliance.intake import auth
from appliance.intake.desk import Desk
from appliance.intake.door import Connection, Gone
from appliance.intake.login import Guesses
from appliance.intake.post import Post
from appliance.intake.security import Contexts, Security, is_tls
from appliance.intake.who import Who
from appliance.settings.schema import Listener

COMMAND_MAX: Final = 2048  # RFC 5321 4.5.3.1.4 asks for 512, the parameters of RFC 1870, 3461, 4954 add 1300
ERRORS_MAX: Final = 20  # refused commands of one session without a message between
IDLE_COMMANDS_MAX: Final = 1000  # commands of one session that bring no message nearer
ODD_LINES: Final = "500 5.5.2 Lines must end with CRLF"
SHUTTING_DOWN: Final = "421 4.3.2 Service is shutting down; try again later"
_ANSWERED_AT_ONCE: Final = frozenset(("EHLO", "VRFY", "NOOP", "HELP"))  # RFC 2920 3.2
_MAIL: Final = frozenset(("MAIL", "RCPT", "DATA", "BDAT"))

log = logging.getLogger(__name__)


class Session:
    def __init__(self, desk: Desk, listener: Listener, contexts: Contexts, guesses: Guesses, line: Connection) -> None:
        self._desk, self._listener, self._line = desk, listener, line
        device = desk.device(line.peer)
        self.client = desk.client(line.peer)
        self.client.name = device.name
        peer = str(address_of(line.peer) or line.peer)  # a socket for both families shows IPv4 as mapped
        self._who = Who(self.client, peer, line.local, device, listener.strict or device.strict)
        self._post = Post(desk, line, self._who, listener.auth == "required")
        self._security = Security(desk, listener, contexts, guesses, line, self._who, self._post)
        self._name = desk.name(line.local)
        self._over = False
        self._errors = self._idle = self._accepted = 0
        self._verbs: dict[str, Callable[[str], Awaitable[str]]] = {
            "HELO": self._helo,
            "EHLO": self._ehlo,
            "MAIL": self._post.mail,
            "RCPT": self._post.rcpt,
            "DATA": self._post.data,
            "BDAT": self._post.bdat,
            "RSET": self._rset,
            "NOOP": self._noop,
            "QUIT": self._quit,
            "VRFY": self._vrfy,
            "HELP": self._help,
            "EXPN": self._absent,
            "TURN": self._absent,
            "ETRN": self._absent,
            "STARTTLS": self._security.start_tls,
            "AUTH": self._security.log_in,
        }

    @property
    def busy(self) -> bool:
        """Whether a message's content or commit is under way."""
        return self._post.busy

    async def talk(self) -> None:
        """From the greeting to the end. Raises Gone when the client leaves."""
        try:
            if not await self._open():
                return
            while not self._over:
                await self._one()
            await self._line.flush()
        finally:
            self._post.drop()

    async def _open(self) -> bool:
        """TLS from the first octet where it is set or seen, then the greeting."""
        line = self._line
        if not await self._security.at_once():
            return False
        line.say(f"220 {self._name} ESMTP Outbox")
        await line.flush()
        if not self._who.secure and is_tls(await line.first_octets()):
            self.client.note = "starts TLS on a plain port: set early_tls_s, or use a listener with tls = implicit"
            line.hang_up()
            return False
        return True

    async def _one(self) -> None:
        """Read and answer one command."""
        if self._desk.stopping:
            self._line.hang_up(SHUTTING_DOWN)
            raise Gone
        octets = await self._line.line(self._who.lf, auth.LINE_MAX)
        verb, reply = "", self._line_ends(octets)
        if not reply:
            verb, reply = await self._command(octets)
        if reply:
            self._line.say(*reply.split("\n"))
        if verb in _ANSWERED_AT_ONCE:
            await self._line.flush()
        self._count(verb, reply)

    def _count(self, verb: str, reply: str) -> None:
        if self._post.accepted != self._accepted:
            self._accepted, self._errors, self._idle = self._post.accepted, 0, 0
        self._errors += reply.startswith("50")
        self._idle += verb not in _MAIL
        if self._errors > ERRORS_MAX or self._idle > IDLE_COMMANDS_MAX:
            self.client.note = "sent away: too many commands that are no mail"
            self._line.hang_up("421 4.7.0 Too many errors or idle commands")
            raise Gone

    def _line_ends(self, octets: bytes) -> str:
        """Decide by the first line whether this session speaks LF alone; refuse what does not fit."""
        if not octets.endswith(b"\n"):
            return "500 5.5.2 Line too long"
        crlf = octets.endswith(b"\r\n")
        who = self._who
        if who.lf is None:
            if crlf:
                who.lf = False
            elif self._listener.bare_lf and not who.strict:
                who.lf = True
                self.client.note = "ends lines with LF alone: repaired"
        inner = octets[:-2] if crlf else octets[:-1]
        if crlf is bool(who.lf) or b"\n" in inner or b"\r" in inner:
            return ODD_LINES
        return ""

    async def _command(self, octets: bytes) -> tuple[str, str]:
        """(verb or "", reply)"""
        word, _, rest = octets.rstrip(b"\r\n").partition(b" ")
        verb = word[:20].decode("ascii", "replace").upper()
        method = self._verbs.get(verb)
        if method is None:
            return "", "500 5.5.2 Command not recognized"
        if len(octets) > COMMAND_MAX and verb != "AUTH":
            return "", "500 5.5.2 Line too long"
        try:
            argument = rest.decode("utf-8").strip()
        except UnicodeDecodeError:
            return verb, "501 5.5.2 Argument is not UTF-8"
        if not argument.isprintable():
            return verb, "501 5.5.2 Argument has control characters"
        try:
            return verb, await method(argument)
        except (Gone, ConnectionError):
            raise
        except Exception:
            log.exception("%s of %s", verb, self._line.peer)
            return verb, self._own_trouble()

    def _own_trouble(self) -> str:
        if self.busy:
            self._line.hang_up("421 4.3.0 Trouble on this side; try again later")
            raise Gone from None
        self._post.drop()
        return "451 4.3.0 Trouble on this side; try again later"

    # -- commands --------------------------------------------------------------------------------------------------

    async def _helo(self, argument: str) -> str:
        return self._hello(argument, False) or f"250 {self._name}"

    async def _ehlo(self, argument: str) -> str:
        refusal = self._hello(argument, True)
        if refusal:
            return refusal
        limits = self._desk.settings.intake
        lines = [self._name, f"SIZE {limits.message_max_bytes}", "8BITMIME", "PIPELINING", "SMTPUTF8", "DSN"]
        lines += ["ENHANCEDSTATUSCODES", "CHUNKING", f"LIMITS RCPTMAX={limits.recipients_max}"]
        lines += self._security.offers()
        return "\n".join([f"250-{each}" for each in lines[:-1]] + [f"250 {lines[-1]}"])

    def _hello(self, argument: str, extended: bool) -> str:
        """HELO names are not judged (RFC 5321 4.1.4); devices send empty ones."""
        if not argument and self._who.strict:
            return "501 5.5.4 A name is missing"
        self._post.drop()
        self._who.greeted, self._who.extended, self._who.helo = True, extended, printable(argument, 255)
        return ""

    async def _rset(self, argument: str) -> str:
        if argument:
            return "501 5.5.4 RSET takes no argument"
        self._post.drop()
        return "250 2.0.0 Ok"

    async def _noop(self, argument: str) -> str:
        return "250 2.0.0 Ok"

    async def _vrfy(self, argument: str) -> str:
        return "252 2.5.2 Cannot verify, but will try to deliver" if argument else "501 5.5.4 Address is missing"

    async def _help(self, argument: str) -> str:
        return "214 2.0.0 This box sends mail on: MAIL, RCPT, DATA; see its status page"

    async def _absent(self, argument: str) -> str:
        return "502 5.5.1 Command not implemented"

    async def _quit(self, argument: str) -> str:
        if argument and self._who.strict:
            return "501 5.5.4 QUIT takes no argument"
        self._over = True
        return "221 2.0.0 Bye"
