"""Where a message ends, over real sockets: the published smuggling sequences get nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.settings.schema import Device
from tests.room.smtp import LAN, running, settings
from tests.unit.test_lines import SMUGGLING

SECOND = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<v@example.net>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize("sequence", SMUGGLING, ids=repr)
async def test_one_message_in_never_becomes_two(tmp_path: Path, sequence: bytes) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.envelope()
        reply = await client.data(b"Subject: x\r\n\r\none" + sequence + SECOND)
        assert reply.startswith("550 5.6.0 ")
        assert place.spool.kept == [] and place.spool.drafts_open == 0
        assert (await client.post()).startswith("250 ")


@pytest.mark.parametrize("sequence", [b"\r\n.\n", b"\n.\r\n", b"\r.\r\n"], ids=repr)
async def test_a_mixed_end_in_an_lf_session_is_refused_and_the_client_sent_away(
    tmp_path: Path, sequence: bytes
) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.connect()
        await client.reply()
        client.raw(b"EHLO x\nMAIL FROM:<a@example.com>\nRCPT TO:<b@example.net>\nDATA\n")
        for _ in range(4):
            await client.reply()
        client.raw(b"Subject: x\n\none" + sequence + SECOND.replace(b"\r\n", b"\n"))
        assert (await client.reply()).startswith("550 5.6.0 ")
        assert await client.at_end() and place.spool.kept == []


async def test_stray_line_ends_are_repaired_for_devices_and_refused_from_strict_ones(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.post(b"Subject: x\r\n\r\none\ntwo\rthree\r\n.\r\n")).startswith("250 ")
        assert place.spool.kept[0].content.endswith(b"\r\n\r\none\r\ntwo\r\nthree\r\n")
        assert "repaired line ends" in place.spool.kept[0].arrival.repairs
    strict = (Device(network="127.0.0.0/8", name="server", strict=True),)
    async with running(settings(tmp_path, device=strict)) as place:
        client = await place.greeted()
        assert (await client.post(b"Subject: x\r\n\r\none\ntwo\r\n.\r\n")).startswith("550 5.6.0 ")


async def test_a_bare_lf_in_a_command_of_a_crlf_session_is_refused_as_one_line(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        client.raw(b"NOOP\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.net>\r\n")
        assert (await client.reply()).startswith("500 5.5.2 ")
        assert (await client.reply()).startswith("503 ")
        client.raw(b"NOOP\rRSET\r\n")
        assert (await client.reply()).startswith("500 5.5.2 ")


async def test_crlf_in_a_session_that_speaks_lf_is_refused(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.connect()
        await client.reply()
        client.raw(b"HELO x\nNOOP\r\n")
        assert (await client.reply()).startswith("250 ")
        assert (await client.reply()).startswith("500 5.5.2 ")


@pytest.mark.parametrize("where", ["listener", "device"])
async def test_lf_alone_is_not_taken_where_it_is_switched_off(tmp_path: Path, where: str) -> None:
    listener = LAN.__class__(name="lan", address="127.0.0.1", port=0, tls="none", bare_lf=where == "device")
    rows = (Device(network="127.0.0.1", name="pc", strict=where == "device"),)
    async with running(settings(tmp_path, listener, device=rows)) as place:
        client = await place.connect()
        await client.reply()
        client.raw(b"HELO x\n")
        assert (await client.reply()).startswith("500 5.5.2 ")


async def test_nul_and_dots_inside_lines_stay_as_they_are(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.post(b"Subject: x\r\n\r\na\0b. .\r\n..\r\n...c\r\n.\r\n")).startswith("250 ")
        assert place.spool.kept[0].content.endswith(b"\r\n\r\na\0b. .\r\n.\r\n..c\r\n")
