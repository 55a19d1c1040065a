"""Each extension that is offered, over real sockets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.envelope import Body, Notify, Ret
from tests.room.smtp import LAN, running, settings

SMALL = 65536


async def test_size_over_the_limit_is_refused_at_mail(tmp_path: Path) -> None:
    async with running(settings(tmp_path, message_max_bytes=SMALL)) as place:
        client = await place.greeted()
        assert (await client.ask(f"MAIL FROM:<a@example.com> SIZE={SMALL + 1}")).startswith("552 5.3.4 ")
        assert (await client.ask(f"MAIL FROM:<a@example.com> SIZE={10**19}")).startswith("552 5.3.4 ")
        assert (await client.ask("MAIL FROM:<a@example.com> SIZE=x")).startswith("501 5.5.4 ")
        assert (await client.ask(f"MAIL FROM:<a@example.com> SIZE={SMALL}")).startswith("250 ")


@pytest.mark.parametrize(("over", "code"), [(0, "250 2.0.0"), (1, "552 5.3.4"), (60_000, "552 5.3.4")])
async def test_content_over_the_limit_is_dropped_from_there_and_refused(tmp_path: Path, over: int, code: str) -> None:
    async with running(settings(tmp_path, message_max_bytes=SMALL)) as place:
        client = await place.greeted()
        start = b"Subject: x\r\n\r\n"
        line = b"0123456789abcdef" * 4 + b"\r\n"
        content = start + (line * 3000)[: SMALL + over - len(start) - 2] + b"\r\n"
        assert len(content) == SMALL + over
        assert (await client.post(content + b".\r\n")).startswith(code)
        assert place.spool.written <= SMALL + 2000 and place.spool.drafts_open == 0
        assert (await client.post()).startswith("250 ")


async def test_a_flood_far_past_the_limit_ends_the_connection(tmp_path: Path) -> None:
    async with running(settings(tmp_path, message_max_bytes=SMALL)) as place:
        client = await place.greeted()
        await client.envelope()
        await client.ask("DATA")
        client.raw(b"x" * 70 * SMALL)
        assert (await client.reply()).startswith("552 5.3.4 ")
        assert await client.at_end() and place.spool.kept == []


async def test_a_header_block_far_too_big_is_refused(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.post(b"X-A: b\r\n" * 32_000 + b"\r\ny\r\n.\r\n")).startswith("250 ")
        assert (await client.post(b"X-A: b\r\n" * 33_000 + b"\r\ny\r\n.\r\n")).startswith("552 5.3.4 ")
        assert (await client.post(b"X-A: b\r\n" * 330_000 + b"\r\ny\r\n.\r\n")).startswith("552 5.3.4 ")


async def test_8bitmime_keeps_octets_and_is_passed_on(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.envelope(mail=" BODY=8BITMIME")
        body = bytes(each for each in range(1, 256) if each not in (10, 13))
        content = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        assert (await client.data(content + body + b"\r\n.\r\n")).startswith("250 ")
        assert place.spool.kept[0].content.endswith(b"\r\n\r\n" + body + b"\r\n")
        assert place.spool.kept[0].envelope.body is Body.EIGHT_BIT
        assert not any("8-bit" in each for each in place.spool.kept[0].arrival.repairs)


async def test_binarymime_is_neither_offered_nor_taken(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.connect()
        assert "BINARYMIME" not in await client.hello()
        assert (await client.ask("MAIL FROM:<a@example.com> BODY=BINARYMIME")).startswith("501 5.5.4 ")


async def test_smtputf8_addresses_need_the_parameter(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<jürgen@example.com>")).startswith("553 5.6.7 ")
        assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("250 ")
        assert (await client.ask("RCPT TO:<jürgen@example.com>")).startswith("553 5.6.7 ")
        await client.ask("RSET")
        assert (await client.ask("MAIL FROM:<jürgen@example.com> SMTPUTF8")).startswith("250 ")
        assert (await client.ask("RCPT TO:<söhne@bücher.example>")).startswith("250 ")
        assert (await client.data("Subject: Grüße\r\n\r\ny\r\n.\r\n".encode())).startswith("250 ")
        kept = place.spool.kept[0]
        assert kept.envelope.smtputf8 and "Subject: Grüße\r\n".encode() in kept.content
        assert kept.arrival.protocol == "UTF8SMTP"


async def test_header_only_utf8_addresses_without_smtputf8_are_refused(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.post("Cc: jürgen@example.com\r\n\r\ny\r\n.\r\n".encode())).startswith("550 5.6.9 ")


async def test_dsn_parameters_arrive(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@example.com> RET=HDRS ENVID=QQ+2B314159")).startswith("250 ")
        options = "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B+2Bx@example.net"
        assert (await client.ask(f"RCPT TO:<b@example.net> {options}")).startswith("250 ")
        await client.data(b"Subject: x\r\n\r\ny\r\n.\r\n")
        envelope = place.spool.kept[0].envelope
        assert (envelope.ret, envelope.envid) == (Ret.HEADERS, "QQ+314159")
        assert envelope.recipients[0].notify == {Notify.SUCCESS, Notify.DELAY}
        assert envelope.recipients[0].original == "rfc822;B+x@example.net"


@pytest.mark.parametrize(
    "line",
    [
        "MAIL FROM:<a@example.com> RET=SOME",
        "MAIL FROM:<a@example.com> RET=FULL RET=FULL",
        "MAIL FROM:<a@example.com> ENVID=" + "x" * 101,
        "MAIL FROM:<a@example.com> ENVID=a+0Db",
        "MAIL FROM:<a@example.com> ENVID=a+zz",
        "MAIL FROM:<a@example.com> ENVID",
        "MAIL FROM:<a@example.com> SMTPUTF8=yes",
        "MAIL FROM:<a@example.com> AUTH=a+",
        "RCPT TO:<b@example.net> NOTIFY=NEVER,SUCCESS",
        "RCPT TO:<b@example.net> NOTIFY=SOMETIMES",
        "RCPT TO:<b@example.net> NOTIFY=SUCCESS,SUCCESS",
        "RCPT TO:<b@example.net> NOTIFY=",
        "RCPT TO:<b@example.net> ORCPT=nothing",
        "RCPT TO:<b@example.net> ORCPT=rfc822;" + "x" * 501,
        "RCPT TO:<b@example.net> ORCPT=rfc822;a+0Ab",
    ],
)
async def test_bad_parameters_get_501(tmp_path: Path, line: str) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        if line.startswith("RCPT"):
            await client.ask("MAIL FROM:<a@example.com>")
        assert (await client.ask(line)).startswith("501 5.5.4 ")


@pytest.mark.parametrize(
    "line", ["MAIL FROM:<a@example.com> ENVID=" + "x" * 100, "MAIL FROM:<a@example.com> AUTH=<>", "MAIL FROM:<>"]
)
async def test_parameters_at_their_limit_are_taken(tmp_path: Path, line: str) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask(line)).startswith("250 ")
        assert (await client.ask("RCPT TO:<b@example.net> ORCPT=rfc822;" + "x" * 493)).startswith("250 ")


async def test_bdat_chunks_make_one_message(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.envelope()
        client.raw(b"BDAT 14\r\nSubject: x\r\n\r\nBDAT 12\r\n.\r\n..\r\none\r\nBDAT 5 LAST\r\ntwo\r\nNOOP\r\n")
        replies = [await client.reply() for _ in range(4)]
        assert [each[:9] for each in replies] == ["250 2.0.0"] * 4 and "queued as" in replies[2]
        assert place.spool.kept[0].content.endswith(b"\r\n\r\n.\r\n..\r\none\r\ntwo\r\n")


async def test_bdat_and_data_do_not_mix_and_wrong_orders_get_503(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        client.raw(b"BDAT 3\r\nabc")
        assert (await client.reply()).startswith("503 5.5.1 ")
        await client.envelope()
        client.raw(b"BDAT 3\r\nabc")
        assert (await client.reply()).startswith("250 ")
        for line in ("DATA", "RCPT TO:<c@example.net>", "MAIL FROM:<c@example.net>"):
            assert (await client.ask(line)).startswith("503 5.5.1 ")
        client.raw(b"BDAT 0 LAST\r\n")
        assert (await client.reply()).startswith("250 ")


async def test_after_a_failed_chunk_only_rset_helps(tmp_path: Path) -> None:
    async with running(settings(tmp_path, message_max_bytes=SMALL)) as place:
        client = await place.greeted()
        await client.envelope()
        client.raw(b"BDAT 70000\r\n" + b"x" * 70000)
        assert (await client.reply()).startswith("552 5.3.4 ")
        client.raw(b"BDAT 3 LAST\r\nabc")
        assert (await client.reply()).startswith("503 5.5.1 ")
        assert (await client.ask("RSET")).startswith("250 ")
        assert (await client.post()).startswith("250 ") and len(place.spool.kept) == 1


@pytest.mark.parametrize("line", ["BDAT", "BDAT x", "BDAT 3 FIRST", "BDAT -1", "BDAT 9999999999999"])
async def test_a_bdat_whose_size_is_unknown_ends_the_connection(tmp_path: Path, line: str) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask(line)).startswith("501 5.5.4 ")
        assert await client.at_end()


async def test_a_bdat_of_an_absurd_size_is_not_waited_for(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.envelope()
        assert (await client.ask("BDAT 999999999999 LAST")).startswith("552 5.3.4 ")
        assert await client.at_end()


async def test_starttls_forgets_what_was_said_and_drops_what_was_buffered(tmp_path: Path) -> None:
    async with running(settings(tmp_path, replace(LAN, tls="starttls", auth="offered"))) as place:
        client = await place.connect()
        hello = await client.hello()
        assert "STARTTLS" in hello and "AUTH" not in hello
        assert (await client.ask("STARTTLS now")).startswith("501 5.5.4 ")
        await client.ask("MAIL FROM:<evil@example.com>")
        client.raw(b"STARTTLS\r\nRCPT TO:<injected@example.net>\r\n")
        assert (await client.reply()).startswith("220 2.0.0 ")
        await client.start_tls()
        assert (await client.ask("RCPT TO:<b@example.net>")).startswith("503 5.5.1 ")
        assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("503 5.5.1 ")
        hello = await client.ask("EHLO pc")
        assert "STARTTLS" not in hello and "AUTH PLAIN LOGIN SCRAM-SHA-256" in hello
        assert (await client.ask("STARTTLS")).startswith("503 5.5.1 ")
        assert (await client.post()).startswith("250 ")
        assert place.spool.kept[0].arrival.protocol == "ESMTPS"
        assert [str(each.mailbox) for each in place.spool.kept[0].envelope.recipients] == ["b@example.net"]


async def test_limits_are_true(tmp_path: Path) -> None:
    async with running(settings(tmp_path, recipients_max=100)) as place:
        client = await place.greeted()
        replies = await client.envelope("a@example.com", *[f"r{each}@example.net" for each in range(103)])
        assert [each[:9] for each in replies] == ["250 2.1.0"] + ["250 2.1.5"] * 100 + ["452 4.5.3"] * 3
        assert (await client.data(b"Subject: x\r\n\r\ny\r\n.\r\n")).startswith("250 ")
        assert len(place.spool.kept[0].envelope.recipients) == 100
        assert b"\tfor <" not in place.spool.kept[0].content


async def test_received_tells_where_the_message_came_from(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.post(b"Received: from z; now\r\nSubject: x\r\n\r\ny\r\n.\r\n")
        trace, _, rest = place.spool.kept[0].content.partition(b";\r\n\t")
        queue_id = place.spool.kept[0].queue_id
        start = b"Received: from pc.example ([127.0.0.1])\r\n\tby box.example.com (Outbox "
        assert trace.startswith(start) and trace.endswith(f"id {queue_id}\r\n\tfor <b@example.net>".encode())
        assert b" with ESMTP id " in trace and b"\r\nReceived: from z; now\r\n" in rest and b"Return-Path" not in rest


async def test_received_can_hide_the_client_and_cannot_be_broken_by_its_name(tmp_path: Path) -> None:
    async with running(settings(tmp_path, hide_clients=True)) as place:
        client = await place.greeted()
        await client.post()
        assert place.spool.kept[0].content.startswith(b"Received: by box.example.com (")
    async with running(settings(tmp_path)) as place:
        client = await place.connect()
        await client.reply()
        await client.ask("EHLO a) by evil (b\\")
        await client.post()
        assert place.spool.kept[0].content.startswith(b"Received: from a??by?evil??b? ([127.0.0.1])\r\n")


async def test_a_message_that_loops_is_refused(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.post(b"Received: x\r\n" * 101 + b"\r\ny\r\n.\r\n")).startswith("554 5.4.6 ")
        assert (await client.post(b"Received: x\r\n" * 100 + b"\r\ny\r\n.\r\n")).startswith("250 ")
        again = place.spool.kept[0].content.replace(b"Received: x\r\n", b"")
        assert (await client.post(again + b".\r\n")).startswith("554 5.4.6 ")
