"""One client's dialogue: commands in, replies out, messages to the spool (RFC 5321 and the extensions offered).

The order of commands, STARTTLS, AUTH, DATA and BDAT are decided here; envelopes in `transaction`, content in
`reception`. Each reply but the greeting and EHLO's has an enhanced code. Trouble of ours is 4yz: an unexpected
exception is logged with its traceback and answered 451 4.3.0. Whatever the client does, memory and time stay bounded.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from appliance.core.lines import DotReader
from appliance.core.reply import Reply, printable
from appliance.intake import auth
from appliance.intake.desk import Desk
from appliance.intake.door import Connection, Gone
from appliance.intake.login import Account, Guesses
from appliance.intake.reception import Origin, Reception
from appliance.intake.transaction import Transaction, Who, add, begin
from appliance.settings.schema import Listener

COMMAND_MAX: Final = 2048  # RFC 5321 4.5.3.1.4 asks for 512, the parameters of RFC 1870, 3461, 4954 add 1300
ERRORS_MAX: Final = 20  # refused commands of one session without a message between
IDLE_COMMANDS_MAX: Final = 1000  # commands of one session that bring no message nearer
TRICK: Final = Reply(550, "5.6.11", "line ends in this message are ambiguous: refused")
ODD_LINES: Final = "500 5.5.2 Lines must end with CRLF"
CONTEXTS = Callable[[str], ssl.SSLContext | None]  # oldest TLS version -> context

log = logging.getLogger(__name__)


class Session:
    """`held_up` words go into the book of clients; `busy` while a message's content or commit is under way."""

    def __init__(self, desk: Desk, listener: Listener, contexts: CONTEXTS, guesses: Guesses) -> None:
        self.desk, self.listener = desk, listener
        self._contexts, self._guesses = contexts, guesses
        self._verbs: dict[str, Callable[[str], Awaitable[str]]] = {
            "HELO": self._helo,
            "EHLO": self._ehlo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": self._noop,
            "QUIT": self._quit,
            "VRFY": self._vrfy,
            "EXPN": self._absent,
            "HELP": self._help,
            "TURN": self._absent,
            "ETRN": self._absent,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
        }
        self.busy = False
        self._over = False
        self._errors = self._idle = 0
        self._transaction: Transaction | None = None
        self._lf: bool | None = None
        self._forget()

    def _forget(self) -> None:
        """What is not kept over STARTTLS (RFC 3207 4.2)."""
        self._greeted = self._extended = False
        self._helo_name = ""
        self._account: Account | None = None
        self._drop()

    def _drop(self) -> None:
        if self._transaction is not None:
            self._transaction.draft.abandon()
            self._transaction = None

    async def talk(self, connection: Connection) -> None:
        self._line = connection
        self.client = self.desk.client(connection.peer)
        self._device = self.desk.device(connection.peer)
        self.client.name = self._device.name
        self._strict = self.listener.strict or self._device.strict
        self._name = self.desk.name(connection.local)
        try:
            if not await self._open():
                return
            while not self._over:
                await self._one()
            await connection.flush()
        finally:
            self._drop()

    async def _open(self) -> bool:
        """TLS from the first byte where it is set or seen, then the greeting."""
        line, early = self._line, self.listener.early_tls_s
        at_once = self.listener.tls == "implicit" or (early > 0 and _is_tls(await line.wait_for_octets(early)))
        if at_once and not await self._secure(keep=True):
            return False
        line.say(f"220 {self._name} ESMTP Outbox")
        await line.flush()
        if line.secure is None and _is_tls(await line.first_octets()):
            self.client.note = "starts TLS on a plain port: set early_tls_s, or use a listener with tls = implicit"
            line.hang_up()
            return False
        return True

    async def _secure(self, keep: bool) -> bool:
        context = self._contexts(self._device.tls_minimum or self.listener.tls_minimum)
        if context is None:
            return False
        try:
            await self._line.upgrade(context, keep)
        except (OSError, ssl.SSLError) as error:
            self.client.note = printable(f"TLS failed: {error}", 200)
            return False
        return True

    async def _one(self) -> None:
        """Read and answer one command."""
        if self.desk.stopping:
            self._line.hang_up("421 4.3.2 Service is shutting down; try again later")
            raise Gone
        octets = await self._line.line(self._lf, auth.LINE_MAX)
        verb, reply = "", self._line_ends(octets)
        if not reply:
            verb, reply = await self._command(octets)
        if reply:
            self._line.say(*reply.split("\n"))
        self._count(verb, reply)
        if verb in ("EHLO", "VRFY", "NOOP", "HELP"):
            await self._line.flush()  # RFC 2920 3.2: their replies do not wait for more commands

    def _count(self, verb: str, reply: str) -> None:
        if reply.startswith("50"):
            self._errors += 1
        if verb not in ("MAIL", "RCPT", "DATA", "BDAT"):
            self._idle += 1
        if self._errors > ERRORS_MAX or self._idle > IDLE_COMMANDS_MAX:
            self.client.note = "sent away: too many commands that are no mail"
            self._line.say("421 4.7.0 Too many errors or idle commands")
            self._over = True

    def _line_ends(self, octets: bytes) -> str:
        """Decide by the first line whether this session speaks LF alone; refuse what does not fit."""
        if not octets.endswith(b"\n"):
            return "500 5.5.2 Line too long"
        crlf = octets.endswith(b"\r\n")
        if self._lf is None:
            if crlf:
                self._lf = False
            elif self.listener.bare_lf and not self._strict:
                self._lf = True
                self.client.note = "ends lines with LF alone: repaired"
        inner = octets[:-2] if crlf else octets[:-1]
        if crlf is bool(self._lf) or b"\n" in inner or b"\r" in inner:
            return ODD_LINES
        return ""

    async def _command(self, octets: bytes) -> tuple[str, str]:
        text = octets.rstrip(b"\r\n")
        word, _, rest = text.partition(b" ")
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
            if self.busy:
                self._line.hang_up("421 4.3.0 Trouble on this side; try again later")
                raise Gone from None
            self._drop()
            return verb, "451 4.3.0 Trouble on this side; try again later"

    # -- session ---------------------------------------------------------------------------------------------------

    async def _helo(self, argument: str) -> str:
        return self._hello(argument, False) or f"250 {self._name}"

    async def _ehlo(self, argument: str) -> str:
        refusal = self._hello(argument, True)
        if refusal:
            return refusal
        lines = [self._name, f"SIZE {self.desk.settings.intake.message_max_bytes}", "8BITMIME", "PIPELINING"]
        lines += ["SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "CHUNKING"]
        lines.append(f"LIMITS RCPTMAX={self.desk.settings.intake.recipients_max}")
        if self._may_start_tls():
            lines.append("STARTTLS")
        if self._may_log_in():
            lines.append("AUTH " + " ".join(auth.MECHANISMS))
        return "\n".join([f"250-{each}" for each in lines[:-1]] + [f"250 {lines[-1]}"])

    def _hello(self, argument: str, extended: bool) -> str:
        """HELO names are not judged (RFC 5321 4.1.4); devices send empty ones."""
        if not argument and self._strict:
            return "501 5.5.4 A name is missing"
        self._drop()
        self._greeted, self._extended, self._helo_name = True, extended, printable(argument, 255)
        return ""

    async def _rset(self, argument: str) -> str:
        if argument:
            return "501 5.5.4 RSET takes no argument"
        self._drop()
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
        if argument and self._strict:
            return "501 5.5.4 QUIT takes no argument"
        self._over = True
        return "221 2.0.0 Bye"

    def _may_start_tls(self) -> bool:
        return self.listener.tls == "starttls" and self._line.secure is None and self._contexts("") is not None

    def _may_log_in(self) -> bool:
        return self.listener.auth != "none" and (self.listener.plain_auth or self._line.secure is not None)

    async def _starttls(self, argument: str) -> str:
        if argument:
            return "501 5.5.4 STARTTLS takes no argument"
        if self._line.secure is not None:
            return "503 5.5.1 TLS is already on"
        if not self._may_start_tls():
            return "454 4.7.0 TLS is not available" if self.listener.tls == "starttls" else "502 5.5.1 No TLS here"
        self._line.say("220 2.0.0 Ready to start TLS")
        self._forget()
        if not await self._secure(keep=False):
            raise Gone
        self._lf = None
        return ""

    async def _auth(self, argument: str) -> str:
        if not self._greeted:
            return "503 5.5.1 EHLO first"
        if self.listener.auth == "none":
            return "502 5.5.1 No login here"
        if not self._may_log_in():
            return "538 5.7.11 Encryption required: STARTTLS first"
        if self._account is not None or self._transaction is not None:
            return "503 5.5.1 Not now"
        if not argument:
            return "501 5.5.4 Mechanism is missing"
        found = await auth.authenticate(
            self.desk.accounts, self._guesses, self.client.address, self.desk.clock.monotonic, self._ask, argument
        )
        if isinstance(found, str):
            return self.desk.refuse(self.client, found)
        self._account = found
        return "235 2.7.0 Authentication successful"

    async def _ask(self, challenge: bytes) -> bytes:
        self._line.say("334 " + challenge.decode("ascii"))
        octets = await self._line.line(self._lf, auth.LINE_MAX)
        return octets.rstrip(b"\r\n") if octets.endswith(b"\n") else b"too long"

    # -- mail ------------------------------------------------------------------------------------------------------

    def _who(self) -> Who:
        account = self._account
        return Who(
            self.client,
            self._line.peer,
            self._line.local,
            self._device,
            account.name if account else "",
            account.senders if account else (),
            self._strict,
            self._extended,
        )

    async def _mail(self, argument: str) -> str:
        if not self._greeted:
            return "503 5.5.1 EHLO or HELO first"
        if self.listener.auth == "required" and self._account is None:
            return "530 5.7.0 Authentication required"
        if self._transaction is not None:
            return "503 5.5.1 A transaction is open already"
        found = await begin(self.desk, self._who(), argument)
        if isinstance(found, str):
            return self.desk.refuse(self.client, found)
        self._transaction = found
        return f"250 2.1.0 Sender ok, queue id {found.draft.queue_id}"

    async def _rcpt(self, argument: str) -> str:
        if self._transaction is None:
            return "503 5.5.1 MAIL first"
        if self._transaction.reception is not None:
            return "503 5.5.1 Not within BDAT"
        reply = add(self.desk, self._who(), self._transaction, argument)
        return reply if reply.startswith("2") else self.desk.refuse(self.client, reply)

    def _reception(self, transaction: Transaction) -> Reception:
        protocol = "ESMTP" if self._extended else "SMTP"
        if self._extended:
            protocol = "UTF8SMTP" if transaction.envelope.smtputf8 else protocol
            protocol += "S" * (self._line.secure is not None) + "A" * (self._account is not None)
        origin = Origin(
            self.client,
            self._line.peer,
            self._line.local,
            self._helo_name,
            self._device.name,
            self._account.name if self._account else "",
            protocol,
            self._device.force_from,
        )
        return Reception(self.desk, origin, transaction.draft, transaction.complete, transaction.forgiven)

    async def _data(self, argument: str) -> str:
        transaction = self._transaction
        if transaction is None:
            return "503 5.5.1 MAIL first"
        if transaction.reception is not None or transaction.failed:
            return "503 5.5.1 Not within BDAT"
        if not transaction.recipients:
            return "554 5.5.1 No valid recipients"
        if argument and self._strict:
            return "501 5.5.4 DATA takes no argument"
        self._line.say("354 End data with <CR><LF>.<CR><LF>")
        self.busy = True
        if self._line.buffered:
            await self._line.flush()  # the content is here already: nothing else would write this reply in time
        reception = self._reception(transaction)
        reader = DotReader(bool(self._lf))
        rest: bytes | None = None
        while rest is None:
            content, rest = reader.feed(await self._line.block())
            await reception.write(content)
            self._bound(reception.size_bytes)
        if reader.trick or (reader.bare and self._strict):
            reception.refuse(TRICK)
        if reader.lost:
            self._line.hang_up(self.desk.refuse(self.client, str(TRICK)))
            raise Gone
        self._line.give_back(rest)
        return await self._close(reception, reader.bare or bool(self._lf))

    def _bound(self, size: int) -> None:
        """Who goes on long after the limit is sent away."""
        if size > 2 * self.desk.settings.intake.message_max_bytes + (1 << 20):
            self._line.hang_up(self.desk.refuse(self.client, "552 5.3.4 Message is far larger than this box accepts"))
            raise Gone

    async def _close(self, reception: Reception, bare: bool) -> str:
        """The reply to the end of the content."""
        try:
            reply = await reception.finish(bare)
        except Exception:
            log.exception("message of %s", self._line.peer)
            reply = Reply(451, "4.3.0", "trouble on this side; try again later")
        if reply.positive:
            self._transaction = None
            self._errors = self._idle = 0
        else:
            self._drop()
            self.desk.refuse(self.client, str(reply))
        self.busy = False
        return str(reply)

    async def _bdat(self, argument: str) -> str:
        words = argument.upper().split()
        if (
            not words
            or not (words[0].isascii() and words[0].isdigit())
            or len(words[0]) > 12
            or words[1:] not in ([], ["LAST"])
        ):
            self._line.hang_up(
                "501 5.5.4 BDAT takes a size and perhaps LAST"
            )  # what follows cannot be told from commands
            raise Gone
        size, last = int(words[0]), len(words) > 1
        transaction = self._transaction
        refusal = ""
        if transaction is None:
            refusal = "503 5.5.1 MAIL first"
        elif transaction.failed:
            refusal = "503 5.5.1 RSET first"
        elif not transaction.recipients:
            refusal = "554 5.5.1 No valid recipients"
        if refusal or transaction is None:
            await self._skip(size)
            return refusal
        return await self._chunk(transaction, size, last)

    async def _skip(self, size: int) -> None:
        self._bound(size)
        while size:
            size -= len(await self._line.block(size))

    async def _chunk(self, transaction: Transaction, size: int, last: bool) -> str:
        self.busy = True
        if transaction.reception is None:
            transaction.reception = self._reception(transaction)
        reception, reader = transaction.reception, transaction.chunks
        self._bound(reception.size_bytes + size)
        left = size
        while left:
            octets = await self._line.block(left)
            left -= len(octets)
            await reception.write(reader.feed(octets))
        if last:
            await reception.write(reader.feed(b"", last=True))
            if reader.bare and self._strict:
                reception.refuse(TRICK)
            return await self._close(reception, reader.bare)
        self.busy = False
        if reception.refusal is not None:
            transaction.failed = True
            return self.desk.refuse(self.client, str(reception.refusal))
        return f"250 2.0.0 {size} octets received"


def _is_tls(octets: bytes) -> bool:
    """Whether this is how a TLS handshake begins."""
    return octets[:2] == b"\x16\x03"
