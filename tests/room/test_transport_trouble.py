"""The SMTP client and hosts that are dead, slow, torn or hostile."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator

import pytest

from appliance.core.smtp_reply import was_greeting
from appliance.ports import DamagedContent
from tests.fakes.mx import mail_server
from tests.room.client import NO_CHUNKING, Client
from tests.room.mail import TextContent, hop, item


async def test_a_dead_pooled_connection_is_replaced_unseen(client: Client) -> None:
    async with mail_server("RSET drop x1\nRSET -> 421 4.3.2 going down x1") as mx:
        for _ in range(4):
            (reply,) = await client.send(mx)
            assert reply.code == 250
        assert (len(mx.messages), mx.connections) == (4, 3)


async def test_the_next_host_is_tried_when_one_is_dead_or_does_not_greet(client: Client) -> None:
    async with (
        mail_server("GREETING -> 450 4.3.2 busy") as busy,
        mail_server("CONNECT drop") as gone,
        mail_server() as good,
    ):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            dead = unused.getsockname()[1]
            places = [("127.0.0.1", dead), (busy.host, busy.port), (gone.host, gone.port), (good.host, good.port)]
            (reply,) = await client.send(hop(*places))
            assert (reply.code, len(good.messages)) == (250, 1)
            (reply,) = await client.send(hop(*places[:1]))
            assert (reply.code, reply.enhanced) == (451, "4.4.1")
            (reply,) = await client.send(hop(*places[:2]))
            assert (reply.code, reply.text) == (450, "greeting: busy")


@pytest.mark.parametrize("action", ["drop", "hang", "drip 0.01", "flood", "cut", "-> 421 4.3.2 closing"])
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DATAEND"])
async def test_trouble_at_any_step_is_transient_and_bounded(client: Client, step: str, action: str) -> None:
    client.fresh(timeout_factor=0.0005)
    async with mail_server(NO_CHUNKING + f"{step} {action}") as mx, asyncio.timeout(10):
        (reply,) = await client.send(mx)
        assert reply.transient
        assert len(reply.text) <= 512


async def test_what_was_said_to_a_recipient_stays_when_the_line_breaks(client: Client) -> None:
    async with mail_server(NO_CHUNKING + "RCPT no@* -> 550 5.1.1 no\nDATAEND drop") as mx:
        replies = await client.send(mx, ["no@y.example", "b@y.example"])
        assert [(reply.code, reply.enhanced) for reply in replies] == [(550, "5.1.1"), (451, "4.4.2")]


@pytest.mark.parametrize("action", ["drop", "hang", "-> 421 4.3.2 closing", "-> 452 4.3.1 full"])
async def test_trouble_with_chunks_is_transient(client: Client, action: str) -> None:
    client.fresh(timeout_factor=0.0005)
    octets = b"A: b\r\n\r\n" + b"line of text\r\n" * 60000
    for step in ("DATAEND", "RCPT"):
        async with mail_server(f"{step} {action}") as mx, asyncio.timeout(10):
            (reply,) = await client.send(mx, octets=octets)
            assert reply.transient


@pytest.mark.parametrize("address, family, most_s", [("127.0.0.1", socket.AF_INET, 30), ("::1", socket.AF_INET6, 10)])
async def test_an_address_that_swallows_connections_does_not_hold_the_next_one_up(
    client: Client, address: str, family: socket.AddressFamily, most_s: int
) -> None:
    """A listener whose backlog is full answers no SYN."""
    client.fresh(timeout_factor=0.03)
    with socket.socket(family) as full:
        full.bind((address, 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket(family) for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex((address, port))
        async with mail_server() as mx:
            start = asyncio.get_running_loop().time()
            (reply,) = await client.send(hop((address, port), (mx.host, mx.port)))
            assert reply.code == 250
            assert most_s * 0.03 <= asyncio.get_running_loop().time() - start < most_s * 0.03 + 0.55
        for each in fillers:
            each.close()


DIALOGUE = (
    b"220 mx ESMTP\r\n250-mx\r\n250-PIPELINING\r\n250 SIZE 1000\r\n250 2.1.0 ok\r\n250 2.1.5 ok\r\n"
    b"354 go\r\n250 2.0.0 taken\r\n"
)


@pytest.mark.parametrize("octets_per_write", [1, 1000])
async def test_a_host_that_goes_away_after_any_octet_took_nothing(client: Client, octets_per_write: int) -> None:
    """Every prefix of a whole dialogue: only the whole last line is a yes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = DIALOGUE[:cut]
        for at in range(0, len(said), octets_per_write):
            writer.write(said[at : at + octets_per_write])
            if said[: at + octets_per_write].endswith(b"\r\n") or octets_per_write > 1:
                await asyncio.sleep(0)
        with contextlib.suppress(OSError):
            writer.write_eof()
            await reader.read(100000)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for cut in range(len(DIALOGUE) + 1):
        client.fresh(timeout_factor=0.01)
        (reply,) = await client.send(hop(("127.0.0.1", port)))
        assert reply.transient == (cut < len(DIALOGUE)), (cut, reply)
        client.transport.close()
    server.close()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "step, rfc_s",
    [("GREETING", 300), ("EHLO", 300), ("MAIL", 300), ("RCPT", 300), ("DATA", 120), ("DATAEND", 600), ("RSET", 300)],
)
async def test_a_silent_host_is_given_the_time_that_rfc_5321_wants(client: Client, step: str, rfc_s: int) -> None:
    factor = 0.0005
    client.fresh(timeout_factor=factor)
    async with mail_server(NO_CHUNKING) as mx:
        if step == "RSET":
            await client.send(mx)
        mx.change(NO_CHUNKING + f"{step} hang x1")
        start = asyncio.get_running_loop().time()
        (reply,) = await client.send(mx)
        spent = asyncio.get_running_loop().time() - start
        assert reply.code == (250 if step == "RSET" else 451)
        assert rfc_s * factor <= spent < rfc_s * factor + 2


async def test_a_host_that_takes_octets_too_slowly_is_left(client: Client) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(DIALOGUE.replace(b"SIZE 1000", b"SIZE 0")[: -len(b"250 2.0.0 taken\r\n")])
        await enough.wait()
        writer.transport.abort()

    enough = asyncio.Event()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
    client.fresh(timeout_factor=0.001)
    async with asyncio.timeout(8):
        where = hop(("127.0.0.1", server.sockets[0].getsockname()[1]))
        (reply,) = await client.send(where, octets=b"A: b\r\n\r\n" + b"x" * 76 + b"\r\n" * 10_000_000)
        assert (reply.code, reply.enhanced) == (451, "4.4.2")
    enough.set()
    server.close()
    await asyncio.sleep(0.01)


async def test_a_cancelled_attempt_leaves_no_connection(client: Client) -> None:
    async with mail_server(NO_CHUNKING + "DATAEND hang") as mx:
        task = asyncio.create_task(client.send(mx))
        while not any(line == "DATA" for line in mx.lines):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        mx.change("")
        (reply,) = await client.send(mx)
        assert (reply.code, mx.connections) == (250, 2)


async def test_a_damaged_content_is_not_delivered_in_part(client: Client) -> None:
    class Damaged(TextContent):
        async def chunks(self, offset: int = 0) -> AsyncIterator[bytes]:
            yield self.octets[:40]
            raise DamagedContent("checksum")

    for script in ("", NO_CHUNKING):
        async with mail_server(script) as mx:
            mail = item()
            with pytest.raises(DamagedContent):
                await client.transport.deliver(hop((mx.host, mx.port)), mail, mail.progress, Damaged())
            assert mx.messages == []


async def test_replies_are_safe_to_show(client: Client) -> None:
    async with mail_server("RCPT -> 550 5.1.1 \x1b[31mred" + "y" * 1500) as mx:
        (reply,) = await client.send(mx)
        assert reply.text.startswith("?[31mred")
        assert len(reply.text) == 512


async def test_codes_nobody_knows_count_by_their_first_digit(client: Client) -> None:
    async with mail_server("RCPT a@* -> 299 fine\nRCPT b@* -> 499 hm\nRCPT c@* -> 599 no\nRCPT d@* -> 399 eh") as mx:
        replies = await client.send(mx, [f"{who}@y.example" for who in "abcd"])
        assert [reply.code for reply in replies] == [250, 499, 599, 451]


@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DATAEND"])
async def test_a_permanent_answer_is_handed_on_as_it_is(client: Client, step: str) -> None:
    async with mail_server(f"{NO_CHUNKING}{step} -> 554 5.7.1 no") as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, reply.enhanced) == (554, "5.7.1")
        assert was_greeting(reply) == (step == "GREETING")
        assert reply.host == "mx0.y.example[127.0.0.1]"


async def test_no_octets_from_a_host_make_anything_but_replies(client: Client) -> None:
    """Random dialogues of right, wrong and torn lines; whatever comes, each recipient has a Reply and soon."""
    chance = random.Random(5)
    words = [
        b"220 mx\r\n",
        b"250 ok\r\n",
        b"250-a\r\n",
        b"354 go\r\n",
        b"550 no\r\n",
        b"421 x\r\n",
        b"\r\n",
        b"\0\xff",
        b"2",
    ]
    words += [b"250-PIPELINING\r\n250 CHUNKING\r\n", b"250-STARTTLS\r\n250 8BITMIME\r\n", b"334 \r\n", b"999 a\r\n"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"220 mx\r\n" if chance.random() < 0.8 else b"")
            for _ in range(chance.randrange(12)):
                writer.write(chance.choice(words))
                await writer.drain()
                await asyncio.sleep(0.0005)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    where = hop(("127.0.0.1", server.sockets[0].getsockname()[1]))
    async with asyncio.timeout(20):
        for _ in range(200):
            client.fresh(timeout_factor=0.0005)
            replies = await client.send(where, ["b@y.example", "c@y.example"])
            assert len(replies) == 2
            client.transport.close()
    server.close()
    await asyncio.sleep(0.01)
