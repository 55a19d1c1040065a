"""MAIL, RCPT, DATA and BDAT of one session: from an empty transaction to the spool's answer (RFC 5321 3.3, RFC 3030).

`Post` has at most one transaction. Content is read in blocks and handed on as it comes; what is too large or refused
is read on and dropped within bounds. What cannot be told from commands any more ends the connection (Gone).
"""

from __future__ import annotations

import logging
import re
from typing import Final, NoReturn

from appliance.core.lines import DotReader
from appliance.core.reply import Reply
from appliance.intake.desk import Desk
from appliance.intake.door import Connection, Gone
from appliance.intake.reception import Reception
from appliance.intake.transaction import Transaction, add, begin
from appliance.intake.who import Who

TRICK: Final = Reply(550, "5.6.0", "line ends in this message are ambiguous: refused")
FAR_TOO_BIG: Final = "552 5.3.4 Message is far larger than this box accepts"
DROPPED_MAX: Final = 1 << 20  # octets read beyond twice the largest message
_BDAT: Final = re.compile(r"([0-9]{1,12})( +LAST)?", re.IGNORECASE)

log = logging.getLogger(__name__)


class Post:
    """`busy` while content or a commit is under way; `accepted` counts messages."""

    def __init__(self, desk: Desk, line: Connection, who: Who, auth_required: bool) -> None:
        self._desk, self._line, self._who, self._auth_required = desk, line, who, auth_required
        self._transaction: Transaction | None = None
        self.busy = False
        self.accepted = 0

    @property
    def open(self) -> bool:
        return self._transaction is not None

    def drop(self) -> None:
        """Forget the transaction."""
        if self._transaction is not None:
            self._transaction.draft.abandon()
            self._transaction = None

    async def mail(self, argument: str) -> str:
        if not self._who.greeted:
            return "503 5.5.1 EHLO or HELO first"
        if self._auth_required and self._who.account is None:
            return "530 5.7.0 Authentication required"
        if self._transaction is not None:
            return "503 5.5.1 A transaction is open already"
        found = await begin(self._desk, self._who, argument)
        if isinstance(found, str):
            return self._desk.refuse(self._who.client, found)
        self._transaction = found
        return f"250 2.1.0 Sender ok, queue id {found.draft.queue_id}"

    async def rcpt(self, argument: str) -> str:
        if self._transaction is None:
            return "503 5.5.1 MAIL first"
        if self._transaction.reception is not None:
            return "503 5.5.1 Not within BDAT"
        reply = add(self._desk, self._who, self._transaction, argument)
        return reply if reply.startswith("2") else self._desk.refuse(self._who.client, reply)

    def _reception(self, transaction: Transaction) -> Reception:
        return Reception(self._desk, self._who, transaction.draft, transaction.complete, transaction.forgiven)

    # -- DATA ------------------------------------------------------------------------------------------------------

    async def data(self, argument: str) -> str:
        transaction = self._transaction
        if transaction is None:
            return "503 5.5.1 MAIL first"
        if transaction.reception is not None:
            return "503 5.5.1 Not within BDAT"
        if not transaction.recipients:
            return "554 5.5.1 No valid recipients"
        if argument and self._who.strict:
            return "501 5.5.4 DATA takes no argument"
        self._line.say("354 End data with <CR><LF>.<CR><LF>")
        self.busy = True
        if self._line.buffered:
            await self._line.flush()  # the content is here already: nothing else would write this reply in time
        reception = self._reception(transaction)
        reader = await self._read_data(reception)
        if reader.trick or (reader.bare and self._who.strict):
            reception.refuse(TRICK)
        if reader.lost:
            self._expel(str(TRICK))
        return await self._close(reception, reader.bare or bool(self._who.lf))

    async def _read_data(self, reception: Reception) -> DotReader:
        reader = DotReader(bool(self._who.lf))
        rest: bytes | None = None
        while rest is None:
            content, rest = reader.feed(await self._line.block())
            await reception.write(content)
            self._bound(reception.size_bytes)
        self._line.give_back(rest)
        return reader

    def _bound(self, size: int) -> None:
        if size > 2 * self._desk.settings.intake.message_max_bytes + DROPPED_MAX:
            self._expel(FAR_TOO_BIG)

    def _expel(self, reply: str) -> NoReturn:
        self._line.hang_up(self._desk.refuse(self._who.client, reply))
        raise Gone

    async def _close(self, reception: Reception, bare: bool) -> str:
        """The reply to the end of the content."""
        try:
            reply = await reception.finish(bare)
        except Exception:
            log.exception("message of %s", self._who.peer)
            reply = Reply(451, "4.3.0", "trouble on this side; try again later")
        if reply.positive:
            self._transaction = None
            self.accepted += 1
        else:
            self.drop()
            self._desk.refuse(self._who.client, str(reply))
        self.busy = False
        return str(reply)

    # -- BDAT ------------------------------------------------------------------------------------------------------

    async def bdat(self, argument: str) -> str:
        found = _BDAT.fullmatch(argument)
        if found is None:
            self._expel("501 5.5.4 BDAT takes a size and perhaps LAST")  # chunk and commands cannot be told apart
        size, transaction = int(found[1]), self._transaction
        if transaction is None:
            return await self._skip(size, "503 5.5.1 MAIL first")
        if transaction.failed:
            return await self._skip(size, "503 5.5.1 RSET first")
        if not transaction.recipients:
            return await self._skip(size, "554 5.5.1 No valid recipients")
        return await self._chunk(transaction, size, bool(found[2]))

    async def _skip(self, size: int, reply: str) -> str:
        self._bound(size)
        while size:
            size -= len(await self._line.block(size))
        return reply

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
            if reader.bare and self._who.strict:
                reception.refuse(TRICK)
            return await self._close(reception, reader.bare)
        self.busy = False
        if reception.refusal is not None:
            transaction.failed = True
            return self._desk.refuse(self._who.client, str(reception.refusal))
        return f"250 2.0.0 {size} octets received"
