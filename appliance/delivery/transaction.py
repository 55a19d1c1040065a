"""One mail transaction: MAIL, RCPT, content (RFC 5321 3.3, RFC 2920, RFC 1870, RFC 3030).

With PIPELINING everything up to DATA leaves in one write and each answer is checked; BDAT is used where CHUNKING is
offered, after the answers to RCPT. `run` gives one Reply per recipient. A connection that breaks gives the
recipients without an answer a 4yz; `Stale` says that a pooled connection was dead before anything was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from appliance.core.commands import mail_line, path, rcpt_line
from appliance.core.dots import CrlfLines, DotStuffer
from appliance.core.item import Progress, QueueItem
from appliance.core.reply import Reply
from appliance.core.smtp_reply import RemoteReply
from appliance.delivery.rendering import Rendering, render
from appliance.delivery.session import COMMAND_S, Session
from appliance.delivery.wire import Lost
from appliance.ports import Content

DATA_S: Final = 120.0
BLOCK_S: Final = 180.0
END_S: Final = 600.0
ENVELOPE_S: Final = 1800.0  # MAIL and all RCPT together
CONTENT_RATE_MIN: Final = 1000  # octets a second on the whole


class Stale(Exception):
    """The pooled connection was dead; nothing was handed over."""


class Transaction:
    """Used once."""

    def __init__(self, session: Session, item: QueueItem, recipients: Sequence[Progress]) -> None:
        self._session, self._item, self._recipients = session, item, recipients
        self._replies: list[Reply | None] = [None] * len(recipients)
        self._accepted: list[int] = []
        self._began = not session.reused

    async def run(self, content: Content) -> list[Reply]:
        """Raises Stale and DamagedContent; the session is unusable when its wire is not alive."""
        capable = self._session.capable
        commands = self._commands()
        if not commands:
            return self._filled(Reply(451, "4.5.0", "no recipients"))
        rendering = await render(self._item, capable, content)
        if isinstance(rendering, Reply):
            return self._filled(rendering)
        if capable.size_bytes and rendering.size_bytes > capable.size_bytes:
            limit = f"message of {rendering.size_bytes} octets, {self._session.wire.peer} takes {capable.size_bytes}"
            return self._filled(Reply(552, "5.3.4", limit))
        try:
            await self._talk(rendering, commands)
        except Lost as lost:
            if not self._began:
                raise Stale from None
            return self._filled(lost.reply)
        except BaseException:
            self._session.wire.abort()
            raise
        return self._filled(Reply(451, "4.5.0", f"{self._session.wire.peer} gave no answer"))

    async def _talk(self, rendering: Rendering, commands: list[tuple[int, bytes]]) -> None:
        self._session.messages += 1
        self._session.bound(ENVELOPE_S)
        mail = mail_line(
            self._item,
            rendering.reverse,
            self._session.capable,
            rendering.size_bytes,
            rendering.body_type,
            rendering.utf8,
        )
        if self._session.capable.pipelining:
            started = await self._pipelined(mail, commands)
        else:
            started = await self._step_by_step(mail, commands)
        if started is None:
            return
        if not self._accepted:
            if started:
                await self._end_nothing()
            return
        self._session.bound(2 * END_S + rendering.size_bytes / CONTENT_RATE_MIN)
        final = await (self._send_dotted(rendering) if started else self._send_chunks(rendering))
        self._settle(final)

    def _commands(self) -> list[tuple[int, bytes]]:
        """RCPT for each recipient that this host can be told."""
        lines = []
        utf8 = self._session.capable.utf8 and self._item.smtputf8
        for at, each in enumerate(self._recipients):
            forward = path(each.recipient.mailbox, utf8)
            if forward is None:
                text = "the address is internationalized and the next mail server cannot take that"
                self._replies[at] = Reply(553, "5.6.7", text)
            else:
                lines.append((at, rcpt_line(each.recipient, forward, self._session.capable)))
        return lines

    async def _pipelined(self, mail: bytes, commands: list[tuple[int, bytes]]) -> bool | None:
        """True when data are awaited, False when BDAT may follow, None when there is no transaction."""
        session = self._session
        dotted = not session.capable.chunking
        group = [b"RSET\r\n"] if session.reused else []
        group += [mail, *(line for _, line in commands)]
        if dotted:
            group.append(b"DATA\r\n")
        session.wire.write(b"".join(group))
        if session.reused:
            await self._read_reset()
        accepted = self._heed_mail(await session.read())
        for at, _ in commands:
            self._heed_rcpt(at, await session.read(), accepted)
        if not dotted:
            return False if accepted and self._accepted else None
        return await self._heed_data()

    async def _step_by_step(self, mail: bytes, commands: list[tuple[int, bytes]]) -> bool | None:
        session = self._session
        if session.reused:
            session.wire.write(b"RSET\r\n")
            await self._read_reset()
        session.wire.write(mail)
        if not self._heed_mail(await session.read()):
            return None
        for at, line in commands:
            session.wire.write(line)
            self._heed_rcpt(at, await session.read(), True)
        if not self._accepted:
            return None
        if session.capable.chunking:
            return False
        session.wire.write(b"DATA\r\n")
        return await self._heed_data()

    async def _read_reset(self) -> None:
        answer = await self._session.read()
        if not answer.positive:
            self._session.wire.abort()
            raise Stale
        self._began = True

    def _heed_mail(self, answer: RemoteReply) -> bool:
        self._began = True
        if answer.positive:
            return True
        self._fill(self._said(answer))
        return False

    def _heed_rcpt(self, at: int, answer: RemoteReply, wanted: bool) -> None:
        if not wanted:
            return
        if answer.positive:
            self._accepted.append(at)
            return
        reply = self._said(answer)
        if reply.code == 552 and reply.enhanced in ("", "5.5.3"):  # too many, said the old way (RFC 5321 4.5.3.1.10)
            reply = Reply(452, "4.5.3", reply.text, reply.host)
        self._replies[at] = reply

    async def _heed_data(self) -> bool | None:
        answer = await self._session.read(DATA_S)
        if 300 <= answer.code < 400:
            return True
        if self._accepted:
            self._fill(self._said(answer))
        return None

    async def _end_nothing(self) -> None:
        """354 although no recipient was taken: the dot alone (RFC 2920 3.1)."""
        self._session.wire.write(b".\r\n")
        await self._session.read(END_S)

    async def _send_dotted(self, rendering: Rendering) -> RemoteReply:
        wire, stuffer = self._session.wire, DotStuffer()
        pending = stuffer.feed(rendering.header)
        try:
            async for chunk in rendering.body:
                piece = stuffer.feed(chunk)
                if len(pending) + len(piece) > 65536:
                    wire.write(pending)
                    await self._session.drain(BLOCK_S)
                    pending = piece
                else:
                    pending += piece
            wire.write(pending + stuffer.finish())
            await self._session.drain(BLOCK_S)
        except Lost:
            if not wire.has_answer:
                raise
        return await self._session.read(END_S)

    async def _send_chunks(self, rendering: Rendering) -> RemoteReply:
        """BDAT per piece; each answer but the last is awaited before the next piece."""
        lines = CrlfLines()
        pending = lines.feed(rendering.header)
        async for chunk in rendering.body:
            piece = lines.feed(chunk)
            if pending and len(pending) + len(piece) > 262144:
                answer = await self._chunk(pending, b"")
                if not answer.positive:
                    return answer
                pending = piece
            else:
                pending += piece
        return await self._chunk(pending + lines.finish(), b" LAST")

    async def _chunk(self, octets: bytes, last: bytes) -> RemoteReply:
        wire = self._session.wire
        try:
            wire.write(b"BDAT %d%b\r\n" % (len(octets), last) + octets)
            await self._session.drain(BLOCK_S)
        except Lost:
            if not wire.has_answer:
                raise
        return await self._session.read(END_S if last else COMMAND_S)

    def _settle(self, final: RemoteReply) -> None:
        reply = self._said(final)
        if final.positive:
            reply = replace(final.reply(self._session.wire.peer), dsn=self._session.capable.dsn)
        for at in self._accepted:
            self._replies[at] = reply

    def _said(self, answer: RemoteReply) -> Reply:
        reply = answer.reply(self._session.wire.peer)
        if reply.code >= 400:
            return reply
        return Reply(451, "4.5.0", f"unexpected answer {reply.code} {reply.text}", self._session.wire.peer)

    def _fill(self, reply: Reply) -> None:
        self._replies = [each or reply for each in self._replies]

    def _filled(self, reply: Reply) -> list[Reply]:
        return [each or reply for each in self._replies]
