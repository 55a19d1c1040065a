"""The intake's dialogue over real sockets: commands, order, replies."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.reply import Reply
from appliance.intake import sockets
from appliance.settings.schema import Device, Listener
from tests.room.smtp import LAN, Client, running, settings


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
    async with running(settings(tmp_path, Listener(name="lan", address="", port=0, tls="none"))) as place:
        addresses = {address for _, address, _ in place.intake.bound}
        assert addresses == {"0.0.0.0", "::"}
        for host in ("127.0.0.1", "::1"):
            port = next(port for _, address, port in place.intake.bound if (":" in address) == (":" in host))
            reader, writer = await asyncio.open_connection(host, port)
            assert (await reader.readline()).startswith(b"220 box.example.com ")
            writer.close()


async def test_a_message_whose_client_left_during_the_commit_is_still_queued(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.envelope()
        place.spool.slow = asyncio.Event()
        client.send("DATA", "Subject: x", "", "y", ".")
        await client.reply()
        client.writer.transport.abort()
        await asyncio.sleep(0.05)
        place.spool.slow.set()
        while not place.queue.items:
            await asyncio.sleep(0.01)
        assert place.queue.items[0].queue_id == place.spool.kept[0].queue_id


async def test_refusals_and_devices_are_shown(tmp_path: Path) -> None:
    rows = (Device(network="127.0.0.1", name="copier"),)
    async with running(settings(tmp_path, device=rows), own_addresses=["192.0.2.7"]) as place:
        client = await place.greeted()
        assert (await client.envelope("a@example.com", "b@[192.0.2.7]"))[1].startswith("550 5.1.2 ")
        await client.ask("RSET")
        await client.post()
        facts = json.loads(json.dumps(place.intake.facts()))
        assert facts["refusals"][0]["device"] == "copier" and facts["refusals"][0]["reply"].startswith("550 5.1.2 ")
        device = facts["devices"][0]
        assert (device["address"], device["name"], device["accepted"], device["refused"]) == (
            "127.0.0.1",
            "copier",
            1,
            1,
        )
        assert device["repairs"] == dict.fromkeys(
            ("added MIME-Version", "added Date", "added From", "added Message-ID"), 1
        )
        assert facts["totals"] == {"accepted": 1, "refused": 1}


async def test_sockets_that_were_handed_over_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = socket.socket()
    ready.bind(("127.0.0.1", 0))
    port = ready.getsockname()[1]
    monkeypatch.setattr(sockets, "FIRST_FD", ready.detach())
    for name, value in (("LISTEN_PID", str(os.getpid())), ("LISTEN_FDS", "1"), ("LISTEN_FDNAMES", "lan")):
        monkeypatch.setenv(name, value)
    listener = Listener(name="lan", address="127.0.0.1", port=1, tls="none")
    async with running(settings(tmp_path, listener)) as place:
        assert place.intake.bound == [("lan", "127.0.0.1", port)]
        assert (await (await place.greeted()).post()).startswith("250 ")


async def test_an_ipv4_client_of_a_socket_for_both_families_is_known_by_its_ipv4_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    port = both.getsockname()[1]
    monkeypatch.setattr(sockets, "FIRST_FD", both.detach())
    for name, value in (("LISTEN_PID", str(os.getpid())), ("LISTEN_FDS", "1")):
        monkeypatch.setenv(name, value)
    rows = (Device(network="127.0.0.0/8", name="copier"),)
    async with running(settings(tmp_path, Listener(name="lan", port=port, tls="none"), device=rows)) as place:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        place.writers.append(writer)
        client = Client(reader, writer)
        await client.hello()
        assert (await client.post()).startswith("250 ")
        arrival = place.spool.kept[0].arrival
        assert (arrival.client, arrival.device) == ("127.0.0.1", "copier")
        assert place.spool.kept[0].content.startswith(b"Received: from pc.example ([127.0.0.1])\r\n")


async def test_one_listener_that_cannot_listen_is_a_complaint_and_none_at_all_is_an_error(tmp_path: Path) -> None:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    bad = Listener(name="bad", address="127.0.0.1", port=taken.getsockname()[1], tls="none")
    async with running(settings(tmp_path, LAN, bad)) as place:
        assert "bad cannot listen" in place.intake.facts()["complaints"][0]
        assert (await (await place.greeted()).post()).startswith("250 ")
    with pytest.raises(OSError, match="bad cannot listen"):
        async with running(settings(tmp_path, bad)):
            pass
    taken.close()


WORDS = [b"EHLO x", b"HELO", b"MAIL FROM:<a@b.cc>", b"RCPT TO:<c@d.ee>", b"DATA", b"BDAT 3", b"BDAT 0 LAST", b"RSET"]
WORDS += [
    b"NOOP",
    b"VRFY x",
    b"AUTH PLAIN",
    b"*",
    b"MAIL FROM:",
    b"RCPT TO:<",
    b"STARTTLS",
    b".",
    b"",
    b"\xff\xfe",
    b"\0",
]
WORDS += [
    b"MAIL FROM:<\xc3\xbc@b.cc> SMTPUTF8",
    b'RCPT TO:<"a b"@c.dd> NOTIFY=NEVER',
    b"abc",
    b"x" * 3000,
    b"HELP",
    b"EXPN",
]


@pytest.mark.parametrize("seed", range(25))
async def test_no_order_of_words_brings_trouble_of_ours(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed)
    made = replace(LAN, auth="offered", plain_auth=True, tls="none")
    async with running(settings(tmp_path, made)) as place:
        client = await place.connect()
        line_end = chance.choice([b"\r\n", b"\n"])
        octets = b"".join(chance.choice(WORDS) + (line_end if chance.random() < 0.95 else b"\r") for _ in range(60))
        for start in range(0, len(octets), 500):
            client.raw(octets[start : start + 500])
            await asyncio.sleep(0)
        client.writer.write_eof()
        got = await asyncio.wait_for(client.reader.read(), 10)
        for reply in got.split(b"\r\n")[:-1]:
            assert re.match(rb"[2345]\d\d[ -]", reply), reply
            assert not reply.startswith((b"451 4.3.0", b"421 4.3.0")), reply
        assert not [each for each in caplog.records if each.exc_info]
    assert place.spool.drafts_open == 0
