"""The device zoo: what real office devices do, each accepted or repaired."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.accounts import make_account, save_accounts
from appliance.core.envelope import Body
from appliance.core.mailbox import Mailbox
from appliance.settings.schema import Device, Listener
from tests.room.smtp import LAN, Client, Place, running, settings

NO_DEVICE = Device(network="127.0.0.0/8", name="copier")


async def accepted(place: Place, client: Client, content: bytes) -> bytes:
    reply = await client.post(content)
    assert reply.startswith("250 "), reply
    return place.spool.kept[-1].content


def repairs(place: Place) -> tuple[str, ...]:
    return place.spool.kept[-1].arrival.repairs


async def test_no_login_is_needed_in_the_lan(tmp_path: Path) -> None:
    async with running(settings(tmp_path, replace(LAN, auth="offered"))) as place:
        await accepted(place, await place.greeted(), b"Subject: x\r\n\r\ny\r\n.\r\n")


@pytest.mark.parametrize("word", ["AUTH LOGIN", "auth login", "Auth Login", "AUTH login"])
async def test_auth_login_in_any_case_and_before_tls_on_old_firmware(tmp_path: Path, word: str) -> None:
    save_accounts(tmp_path / "accounts.json", [make_account("copier", "secret", iterations=4096)])
    async with running(settings(tmp_path, replace(LAN, auth="required", plain_auth=True), access=())) as place:
        client = await place.greeted()
        assert (await client.ask(word)).startswith("334 ")
        assert (await client.ask("Y29waWVy")).startswith("334 ")
        assert (await client.ask("c2VjcmV0")).startswith("235 2.7.0 ")
        await accepted(place, client, b"Subject: x\r\n\r\ny\r\n.\r\n")
        assert place.spool.kept[0].arrival.account == "copier"


@pytest.mark.parametrize("hello", ["HELO", "HELO ", "EHLO", "HELO localhost", "EHLO pc", "HELO _x y_", "EHLO [1.2"])
async def test_empty_unqualified_or_localhost_helo(tmp_path: Path, hello: str) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.connect()
        await client.reply()
        assert (await client.ask(hello)).startswith("250")
        await accepted(place, client, b"Subject: x\r\n\r\ny\r\n.\r\n")


async def test_a_strict_listener_wants_a_helo_name(tmp_path: Path) -> None:
    async with running(settings(tmp_path, replace(LAN, strict=True))) as place:
        client = await place.connect()
        await client.reply()
        assert (await client.ask("HELO ")).startswith("501 5.5.4 ")


async def test_bare_lf_throughout(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.connect()
        await client.reply()
        client.send("EHLO ups", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "DATA", end="\n")
        client.send("Subject: x", "", "one", "..two", ".", "QUIT", end="\n")
        assert [(await client.reply())[:3] for _ in range(6)] == ["250", "250", "250", "354", "250", "221"]
        assert place.spool.kept[0].content.endswith(b"\r\n\r\none\r\n.two\r\n")
        assert "repaired line ends" in repairs(place)
        assert "LF alone" in place.intake.facts()["devices"][0]["note"]


def old_client(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.maximum_version = context.minimum_version = version
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("where", ["nobody", "listener", "device"])
@pytest.mark.parametrize("name", ["TLSv1", "TLSv1_1"])
async def test_tls_1_0_and_1_1_per_listener_or_per_device(tmp_path: Path, name: str, where: str) -> None:
    old = "1.0" if where != "nobody" else "1.2"
    listener = replace(LAN, tls="implicit", tls_minimum=old if where == "listener" else "1.2")
    rows = (replace(NO_DEVICE, tls_minimum=old if where == "device" else ""),)
    async with running(settings(tmp_path, listener, device=rows)) as place:
        if where == "nobody":
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await place.connect(tls=old_client(ssl.TLSVersion[name]))
            return
        client = await place.connect(tls=old_client(ssl.TLSVersion[name]))
        await client.hello()
        await accepted(place, client, b"Subject: x\r\n\r\ny\r\n.\r\n")
        assert place.spool.kept[0].arrival.protocol == "ESMTPS"


async def test_a_tls_hello_on_a_plain_port_is_closed_and_shown_with_what_to_change(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.connect()
        client.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert (await client.reply()).startswith("220 ")
        assert await client.at_end()
        assert "early_tls_s" in place.intake.facts()["devices"][0]["note"]


async def test_a_tls_hello_on_a_plain_port_works_when_the_listener_waits_a_moment(tmp_path: Path) -> None:
    async with running(settings(tmp_path, replace(LAN, tls="starttls", early_tls_s=0.2))) as place:
        client = await place.connect(tls=old_client(ssl.TLSVersion.TLSv1_2))
        await client.hello()
        await accepted(place, client, b"Subject: x\r\n\r\ny\r\n.\r\n")
        plain = await place.greeted()
        await accepted(place, plain, b"Subject: x\r\n\r\ny\r\n.\r\n")


async def test_unknown_parameters_are_ignored_and_noted(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@example.com> SIZE=10 X-VENDOR=7 BODY=8bitmime")).startswith("250 ")
        assert (await client.ask("RCPT TO:<b@example.net> FOO")).startswith("250 ")
        await client.data(b"Subject: x\r\n\r\ny\r\n.\r\n")
        assert {"unknown parameter X-VENDOR", "unknown parameter FOO"} <= set(repairs(place))


async def test_unknown_parameters_are_refused_from_strict_clients_and_promises_from_all(tmp_path: Path) -> None:
    async with running(settings(tmp_path, replace(LAN, strict=True))) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@example.com> FOO=1")).startswith("555 5.5.4 ")
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@example.com> REQUIRETLS")).startswith("555 5.5.4 ")


@pytest.mark.parametrize("size", [998, 999, 5000, 70_000, 300_000])
async def test_lines_of_several_thousand_bytes(tmp_path: Path, size: int) -> None:
    async with running(settings(tmp_path)) as place:
        content = await accepted(place, await place.greeted(), b"Subject: x\r\n\r\n" + b"a" * size + b"\r\n.\r\n")
        assert max(map(len, content.split(b"\r\n"))) <= 998
        assert content.count(b"aaa") >= size // 4
        if size == 998:
            assert content.endswith(b"\r\n\r\n" + b"a" * 998 + b"\r\n")
            assert not any("long" in each for each in repairs(place))
        else:
            assert any("long lines" in each for each in repairs(place))


async def test_8_bit_without_saying_so(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        text = "Subject: Zähler\r\n\r\nStörung\r\n.\r\n".encode()
        content = await accepted(place, await place.greeted(), text)
        header, _, body = content.partition(b"\r\n\r\n")
        assert header.isascii() and b"\r\nContent-Transfer-Encoding: 8bit" in header and body == "Störung\r\n".encode()
        assert place.spool.kept[0].envelope.body is Body.EIGHT_BIT
        assert {"encoded 8-bit Subject", "declared 8-bit content"} <= set(repairs(place))


@pytest.mark.parametrize("field", ["From", "Date", "Message-ID", "MIME-Version"])
async def test_missing_fields_are_added(tmp_path: Path, field: str) -> None:
    fields = {"From": "a@example.com", "Date": "Mon, 23 Nov 2026 10:00:00 +0000", "Message-ID": "<1@pc>"}
    fields["MIME-Version"] = "1.0"
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if name != field)
    async with running(settings(tmp_path)) as place:
        content = await accepted(place, await place.greeted(), f"{lines}\r\ny\r\n.\r\n".encode())
        assert content.count(b"\r\n" + field.encode() + b": ") == 1 and repairs(place) == (f"added {field}",)


@pytest.mark.parametrize("field", ["From", "Date", "Message-ID", "MIME-Version"])
async def test_doubled_fields_leave_once(tmp_path: Path, field: str) -> None:
    lines = (
        "From: a@example.com\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@pc>\r\nMIME-Version: 1.0\r\n"
    )
    async with running(settings(tmp_path)) as place:
        content = await accepted(place, await place.greeted(), f"{lines}{field}: two\r\n\r\ny\r\n.\r\n".encode())
        assert content.count(b"\r\n" + field.encode() + b":") == 1 and b"two" not in content
        assert repairs(place) == (f"removed second {field}",)


async def test_a_from_that_the_office_does_not_own_is_replaced_and_kept_as_reply_to(tmp_path: Path) -> None:
    rows = (replace(NO_DEVICE, force_from="scan@office.example"),)
    async with running(settings(tmp_path, device=rows)) as place:
        content = await accepted(place, await place.greeted(), b"From: Alarm <x@vendor.example>\r\n\r\ny\r\n.\r\n")
        assert (
            b"\r\nFrom: <scan@office.example>\r\n" in content
            and b"\r\nReply-To: Alarm <x@vendor.example>\r\n" in content
        )
        assert place.spool.kept[0].envelope.reverse_path == Mailbox("scan", "office.example")
        assert place.spool.kept[0].arrival.device == "copier"


@pytest.mark.parametrize(
    ("mail", "rcpt"),
    [
        ("MAIL FROM: <a@example.com>", "RCPT TO: <b@example.net>"),
        ("MAIL FROM:a@example.com", "RCPT TO:b@example.net"),
        ("MAIL FROM: a@example.com SIZE=99", "RCPT TO: b@example.net"),
        ("MAIL FROM:< a@example.com >", "RCPT TO:<b @example.net>"),
        ("MAIL FROM:Copier <a@example.com>", "RCPT TO:Bob <b@example.net>"),
        ("mail  from : <a@example.com>", "Rcpt to:<@r.example:b@example.net>"),
        ("MAIL FROM:<a@EXAMPLE.com.>", "RCPT TO:<b@example.net.>"),
    ],
)
async def test_addresses_with_spaces_or_without_angle_brackets(tmp_path: Path, mail: str, rcpt: str) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask(mail)).startswith("250 ")
        assert (await client.ask(rcpt)).startswith("250 ")
        await client.data(b"Subject: x\r\n\r\ny\r\n.\r\n")
        envelope = place.spool.kept[0].envelope
        assert envelope.reverse_path == Mailbox("a", "example.com")
        assert envelope.recipients[0].mailbox == Mailbox("b", "example.net")


async def test_a_space_within_a_mailbox_is_not_guessed_away(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("250 ")
        assert (await client.ask("RCPT TO:<bob smith@example.net>")).startswith("501 5.1.3 ")


async def test_notes_of_one_message_are_bounded(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.ask("MAIL FROM:<a@example.com>")
        for each in range(100):
            await client.ask(f"RCPT TO:<b{each}@example.net> X-{each} Y-{each} Z-{each}")
        await client.data(b"Subject: x\r\n\r\ny\r\n.\r\n")
        assert len(place.spool.kept[0].envelope.recipients) == 100 and len(repairs(place)) <= 40


async def test_strict_clients_do_not_get_away_with_that(tmp_path: Path) -> None:
    async with running(settings(tmp_path, replace(LAN, strict=True))) as place:
        client = await place.greeted()
        for line in ("MAIL FROM: <a@example.com>", "MAIL FROM:a@example.com", "MAIL FROM:< a@example.com >"):
            assert (await client.ask(line)).startswith("501 5.5.2 ")


async def test_no_quit(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await accepted(place, client, b"Subject: x\r\n\r\ny\r\n.\r\n")
        client.writer.transport.abort()
        while place.intake.facts()["connections"]:
            await asyncio.sleep(0.01)
        assert len(place.queue.items) == 1


async def test_one_message_within_20_seconds_or_it_is_lost(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        began = asyncio.get_running_loop().time()
        await accepted(place, await place.greeted(), b"Subject: UPS on battery\r\n\r\ny\r\n.\r\n")
        assert asyncio.get_running_loop().time() - began < 1


async def test_30_mb_scans_stream_through(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        place.spool.keep_content = False
        client = await place.greeted()
        await client.envelope(mail=" SIZE=40000000")
        line = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\r\n"
        size = 30_000_000 // len(line) * len(line)
        await client.ask("DATA")
        client.raw(b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n")
        for _ in range(size // len(line) // 1000 + 1):
            client.raw(line * 1000)
            await client.writer.drain()
        client.raw(b".\r\n")
        assert (await client.reply()).startswith("250 ")
        assert place.spool.written > 30_000_000 and place.spool.largest_write < 400_000


async def test_a_sender_without_a_domain_is_completed(tmp_path: Path) -> None:
    for sender in ("scanner", "root@localhost", "ups@"):
        async with running(settings(tmp_path)) as place:
            client = await place.greeted()
            assert (await client.envelope(sender))[1].startswith("250 ")
            await client.data(b"Subject: x\r\n\r\ny\r\n.\r\n")
            reverse_path = place.spool.kept[0].envelope.reverse_path
            assert reverse_path is not None and reverse_path.domain == "box.example.com"
            assert "completed the sender's domain" in repairs(place)


async def test_a_default_recipient_and_a_rewritten_sender(tmp_path: Path) -> None:
    rows = (replace(NO_DEVICE, default_recipient="office@example.org", rewrite_sender="ups@example.org"),)
    async with running(settings(tmp_path, device=rows)) as place:
        client = await place.greeted()
        assert [each[:3] for each in await client.envelope("", "admin", "root@pc")] == ["250"] * 3
        await client.data(b"From: <ups@pc>\r\n\r\ny\r\n.\r\n")
        envelope = place.spool.kept[0].envelope
        assert [str(each.mailbox) for each in envelope.recipients] == ["office@example.org"]
        assert str(envelope.reverse_path) == "ups@example.org"
        assert b"\r\nFrom: <ups@pc>\r\n" in place.spool.kept[0].content


async def test_text_without_any_header(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        content = await accepted(place, await place.greeted(), b"ALARM zone 3\r\n.\r\n")
        assert content.endswith(b"\r\n\r\nALARM zone 3\r\n")
        assert "added empty line after the header" in repairs(place)


def test_listeners_of_the_zoo_are_ordinary_settings() -> None:
    assert Listener().bare_lf and not Listener().plain_auth and Listener().early_tls_s == 0
