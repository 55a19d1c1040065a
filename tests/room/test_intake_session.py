"""The intake's dialogue over real sockets: commands, order, replies."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from appliance.core.reply import Reply
from tests.room.smtp import LAN, running, settings


async def test_a_message_is_kept_and_its_reply_names_it(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        reply = await client.post()
        assert reply == f"250 2.0.0 queued as {place.spool.kept[0].queue_id}"
        assert place.queue.items[0].queue_id == place.spool.kept[0].queue_id
        assert place.queue.items[0].size_bytes == len(place.spool.kept[0].content)
        assert place.spool.kept[0].content.endswith(b"\r\n\r\nhello\r\n")


async def test_ehlo_lists_what_is_offered(tmp_path: Path) -> None:
    async with running(settings(tmp_path, recipients_max=300, message_max_bytes=70000)) as place:
        client = await place.connect()
        lines = {line[4:] for line in (await client.hello()).split("\n")[1:]}
        assert lines == {
            "SIZE 70000",
            "8BITMIME",
            "PIPELINING",
            "SMTPUTF8",
            "DSN",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "LIMITS RCPTMAX=300",
        }


ORDERS = [
    (["MAIL FROM:<a@b.c>"], "503"),
    (["EHLO x", "RCPT TO:<a@b.c>"], "503"),
    (["EHLO x", "DATA"], "503"),
    (["EHLO x", "BDAT 0 LAST"], "503"),
    (["EHLO x", "MAIL FROM:<a@b.c>", "MAIL FROM:<a@b.c>"], "503"),
    (["EHLO x", "MAIL FROM:<a@b.c>", "DATA"], "554"),
    (["EHLO x", "MAIL FROM:<a@b.c>", "RSET", "RCPT TO:<a@b.c>"], "503"),
    (["EHLO x", "MAIL FROM:<a@b.c>", "EHLO x", "RCPT TO:<a@b.c>"], "503"),
    (["EHLO x", "MAIL FROM:<a@b.c>", "NOOP anything at all", "RCPT TO:<a@b.c>"], "250"),
    (["helo x", "mail from:<a@b.c>", "rcpt to:<a@b.c>"], "250"),
    (["EHLO x", "VRFY bob"], "252"),
    (["EHLO x", "EXPN all"], "502"),
    (["EHLO x", "WHAT"], "500"),
    (["EHLO x", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2"], "500"),
    (["EHLO x", "XCLIENT ADDR=127.0.0.1"], "500"),
    (["EHLO x", "XFORWARD ADDR=127.0.0.1"], "500"),
    (["EHLO x", "RSET now"], "501"),
    (["EHLO x", "STARTTLS"], "502"),
    (["EHLO x", "MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>", "QUIT"], "221"),
]


@pytest.mark.parametrize(("commands", "code"), ORDERS, ids=[" / ".join(commands)[-60:] for commands, _ in ORDERS])
async def test_commands_in_this_order_get(tmp_path: Path, commands: list[str], code: str) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.connect()
        await client.reply()
        replies = [await client.ask(each) for each in commands]
        assert replies[-1].startswith(code), replies
        for command, reply in zip(commands, replies, strict=True):
            if not command.upper().startswith(("EHLO", "HELO")):
                assert re.match(rf"{reply[0]}\d\d {reply[0]}\.\d\.\d+ ", reply), reply
        assert place.spool.kept == []


async def test_pipelined_commands_are_answered_in_order_and_together(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        client.send(
            "MAIL FROM:<a@example.com>",
            "RCPT TO:<b@example.net>",
            "RCPT TO:<c@pc>",
            "DATA",
            "Subject: x",
            "",
            "y",
            ".",
            "QUIT",
        )
        codes = [(await client.reply())[:3] for _ in range(6)]
        assert codes == ["250", "250", "550", "354", "250", "221"]
        assert await client.at_end()


async def test_text_after_data_counts_as_content_never_as_commands(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.envelope()
        client.send("DATA", "RSET", "MAIL FROM:<evil@example.com>", ".", "NOOP")
        assert [(await client.reply())[:3] for _ in range(3)] == ["354", "250", "250"]
        assert b"RSET\r\nMAIL FROM:<evil@example.com>\r\n" in place.spool.kept[0].content


async def test_data_after_all_recipients_failed_is_refused_and_the_session_lives(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        client.send("MAIL FROM:<a@example.com>", "RCPT TO:<c@pc>", "DATA")
        assert [(await client.reply())[:3] for _ in range(3)] == ["250", "550", "554"]
        assert (await client.ask("RSET")).startswith("250")


async def test_trouble_of_ours_is_never_permanent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        place.spool.refuse_draft = Reply(452, "4.3.1", "card nearly full")
        assert await client.ask("MAIL FROM:<a@example.com>") == "452 4.3.1 card nearly full"
        place.spool.refuse_draft, place.spool.refuse_write = None, Reply(451, "4.3.0", "card failing")
        assert await client.post() == "451 4.3.0 card failing"
        place.spool.refuse_write, place.spool.refuse_commit = None, Reply(451, "4.3.0", "flush failed")
        assert await client.post() == "451 4.3.0 flush failed"
        place.spool.refuse_commit, place.spool.explode = None, True
        assert (await client.post()).startswith("451 4.3.0 ")
        assert "a bug in the spool" in caplog.text
        assert place.queue.items == [] and place.spool.drafts_open == 0
        place.spool.explode = False
        assert (await client.post()).startswith("250 2.0.0 ")


async def test_a_client_that_leaves_leaves_nothing_behind(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.envelope()
        await client.ask("DATA")
        client.raw(b"Subject: half\r\n\r\nhal")
        client.writer.close()
        while place.intake.facts()["connections"]:
            await asyncio.sleep(0.01)
        assert place.spool.drafts_open == 0 and place.spool.kept == []


async def test_a_client_that_shuts_its_side_after_the_dot_still_gets_its_reply(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.envelope()
        client.send("DATA", "Subject: x", "", "y", ".")
        client.writer.write_eof()
        assert [(await client.reply())[:3] for _ in range(2)] == ["354", "250"]
        assert len(place.spool.kept) == 1


async def test_stop_says_421_and_lets_a_message_under_way_end(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        idle, busy = await place.greeted(), await place.greeted()
        await busy.envelope()
        place.spool.slow = asyncio.Event()
        busy.send("DATA", "Subject: x", "", "y", ".")
        assert (await busy.reply()).startswith("354")
        stopping = asyncio.create_task(place.intake.stop())
        assert (await idle.reply()).startswith("421 4.3.2 ")
        assert await idle.at_end()
        place.spool.slow.set()
        assert (await busy.reply()).startswith("250 2.0.0 ")
        assert (await busy.reply()).startswith("421 4.3.2 ")
        await asyncio.wait_for(stopping, 5)
        assert len(place.queue.items) == 1


async def test_listeners_take_ipv4_and_ipv6(tmp_path: Path) -> None:
    async with running(settings(tmp_path, LAN.__class__(name="lan", address="", port=0, tls="none"))) as place:
        addresses = {address for _, address, _ in place.intake.bound}
        assert addresses == {"0.0.0.0", "::"}
        for host in ("127.0.0.1", "::1"):
            port = next(port for _, address, port in place.intake.bound if (":" in address) == (":" in host))
            reader, writer = await asyncio.open_connection(host, port)
            assert (await reader.readline()).startswith(b"220 box.example.com ")
            writer.close()
