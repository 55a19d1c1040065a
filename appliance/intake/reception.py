"""One message's content on its way to the spool: header mended, body passed on as it comes.

Holds the header (at most HEADER_MAX) and the first LOOK octets of the body, never the whole message. `refusal` is set
by the first thing that refuses the message; from then on what comes is dropped. `finish` returns the reply to the
final dot: 250 only after the spool took responsibility, and then the queue has been told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from appliance.core.access import address_of
from appliance.core.body import BodyFilter, has_long_line
from appliance.core.envelope import Arrival, Body, Envelope
from appliance.core.header import Split, split
from appliance.core.item import QueueItem
from appliance.core.repair import Facts, Mended, mend, re_encodable
from appliance.core.reply import Reply
from appliance.intake.desk import Desk, literal
from appliance.intake.who import Who
from appliance.ports import Draft

HEADER_MAX: Final = 262144
LOOK: Final = 98304
TOO_BIG: Final = Reply(552, "5.3.4", "message is larger than this box accepts")
HEADER_TOO_BIG: Final = Reply(552, "5.3.4", "header is larger than this box accepts")


class Reception:
    def __init__(self, desk: Desk, who: Who, draft: Draft, envelope: Envelope, forgiven: list[str]) -> None:
        self._desk, self._who, self._draft, self._envelope = desk, who, draft, envelope
        self._repairs = forgiven
        self._head = bytearray()
        self._split: Split | None = None
        self._first: list[bytes] | None = []
        self._first_size = 0
        self._body = BodyFilter()
        self._charset = "utf-8"
        self.size_bytes = 0
        self.refusal: Reply | None = None

    async def write(self, octets: bytes) -> None:
        """Content with CRLF lines, dots unstuffed."""
        self.size_bytes += len(octets)
        if self.size_bytes > self._desk.settings.intake.message_max_bytes:
            self.refuse(TOO_BIG)
        if self.refusal is not None:
            return
        if self._split is None:
            place = max(0, len(self._head) - 3)
            self._head += octets
            complete = self._head.find(b"\r\n\r\n", place) >= 0 or self._head.startswith(b"\r\n")
            if not complete and len(self._head) <= HEADER_MAX:
                return
            octets = self._end_header()
        await self._body_octets(octets)

    def refuse(self, reply: Reply) -> None:
        """The first refusal counts."""
        if self.refusal is None:
            self.refusal = reply
            self._draft.abandon()
            self._head.clear()
            self._first = None

    async def finish(self, bare: bool) -> Reply:
        """The content is complete; `bare`: stray CR or LF were repaired in it."""
        if self.refusal is None and self._split is None:
            await self._body_octets(self._end_header())
        if self.refusal is None:
            await self._decide()
            await self._store(self._body.finish())
        if self.refusal is not None:
            return self.refusal
        if bare:
            self._repairs.append("repaired line ends")
        return await self._commit()

    def _end_header(self) -> bytes:
        octets = bytes(self._head)
        self._head.clear()
        found = self._split = split(octets)
        if found.used > HEADER_MAX:
            self.refuse(HEADER_TOO_BIG)
        if found.mbox:
            self._repairs.append("removed mailbox line")
        if not found.gap:
            self._repairs.append("added empty line after the header")
        return octets[found.used :]

    async def _body_octets(self, octets: bytes) -> None:
        if self._first is None:
            await self._store(self._body.feed(octets))
            return
        self._first.append(octets)
        self._first_size += len(octets)
        if self._first_size > LOOK:
            await self._decide()

    async def _decide(self) -> None:
        """Look at the first stretch of the body, choose how long lines are sent, and let it go."""
        if self._first is None or self._split is None:
            return
        first, self._first = b"".join(self._first), None
        if has_long_line(first) and re_encodable(self._split.fields):
            self._body.quoted_printable = True
        if not first.isascii():
            self._charset = _charset(first)
        await self._store(b"\r\n" + self._body.feed(first))

    async def _store(self, octets: bytes) -> None:
        if octets and self.refusal is None:
            refusal = await self._draft.write(octets)
            if refusal is not None:
                self.refuse(refusal)

    async def _commit(self) -> Reply:
        desk, envelope = self._desk, self._envelope
        mended = self._mend()
        if mended.refusal is not None:
            self.refuse(mended.refusal)
            return mended.refusal
        eight_bit = self._body.eight_bit and not self._body.quoted_printable
        if self._body.broken:
            self._repairs.append("broke long lines")
        if eight_bit and envelope.body is Body.SEVEN_BIT:
            envelope = replace(envelope, body=Body.EIGHT_BIT)
        arrival = self._arrival(mended)
        size = self._draft.size_bytes + len(mended.header)
        reply = await self._draft.commit(envelope, arrival, mended.header)
        if not reply.positive:
            self.refuse(reply)
            return reply
        desk.queue.accepted(QueueItem.new(self._draft.queue_id, envelope, arrival, size))
        client = self._who.client
        client.accepted += 1
        client.repaired(list(arrival.repairs))
        desk.counters["accepted"] += 1
        return reply

    def _mend(self) -> Mended:
        desk, envelope = self._desk, self._envelope
        assert self._split is not None
        name = desk.settings.box.mail_name or literal(self._who.local)
        sender = str(envelope.reverse_path) if envelope.reverse_path else f"MAILER-DAEMON@{name}"
        facts = Facts(
            received=self._received(),
            mark=desk.mark.encode(),
            date=desk.date(),
            message_id=f"<{self._draft.queue_id}@{name}>",
            sender=sender,
            recipients=tuple(str(each.mailbox).lower() for each in envelope.recipients),
            hops_max=desk.settings.intake.hops_max,
            force_from=self._who.device.force_from,
            smtputf8=envelope.smtputf8,
            eight_bit=self._body.eight_bit,
            declared=envelope.body is not Body.SEVEN_BIT,
            quoted_printable=self._body.quoted_printable,
            charset=self._charset,
        )
        return mend(self._split.fields, facts)

    def _arrival(self, mended: Mended) -> Arrival:
        desk, who = self._desk, self._who
        return Arrival(
            at=desk.clock.wall(),
            client=who.peer,
            helo=who.helo,
            device=who.device.name,
            account=who.account.name if who.account else "",
            protocol=who.protocol(self._envelope.smtputf8),
            subject=mended.subject,
            message_id=mended.message_id,
            repairs=tuple(dict.fromkeys(self._repairs + mended.repairs)),
            held=who.client.hold_reason(desk.clock.monotonic(), desk.settings.intake),
        )

    def _received(self) -> bytes:
        """Our trace field (RFC 5321 4.4). "for" only where it tells no other recipient."""
        desk, who, recipients = self._desk, self._who, self._envelope.recipients
        name = desk.settings.box.mail_name or literal(who.local)
        source = "" if desk.settings.intake.hide_clients else f"from {_safe(who.helo)} ({_peer(who.peer)})\r\n\t"
        target = f"\r\n\tfor <{recipients[0].mailbox}>" if len(recipients) == 1 else ""
        if not target.isascii() and not self._envelope.smtputf8:
            target = ""
        protocol = who.protocol(self._envelope.smtputf8)
        line = f"Received: {source}by {name} ({desk.mark}) with {protocol} id {self._draft.queue_id}"
        return f"{line}{target};\r\n\t{desk.date()}\r\n".encode()


def _safe(helo: str) -> str:
    """A client's name with only what a domain or literal has: it cannot break the field or its comments."""
    clean = "".join(each if each.isascii() and (each.isalnum() or each in ".-:[]_") else "?" for each in helo[:255])
    return clean or "unknown"


def _peer(peer: str) -> str:
    return literal(peer) if address_of(peer) else "unknown"


def _charset(octets: bytes) -> str:
    try:
        octets[:LOOK].decode("utf-8")
    except UnicodeDecodeError as error:
        return "utf-8" if error.start > len(octets) - 4 else "windows-1252"
    return "utf-8"
