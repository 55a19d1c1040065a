"""Who may relay, login, and the bounds on clients."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scramp import ScramClient

from appliance.accounts import make_account, save_accounts
from appliance.intake.certificate import Certificates
from appliance.intake.limits import HOUR
from appliance.settings.schema import AccessRule, Box, Tls
from tests.room.smtp import LAN, Client, running, settings

NOBODY = (AccessRule(network="any", action="deny"),)
LOGIN = replace(LAN, auth="required", plain_auth=True)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = [
    "v@example.net",
    "v@[192.0.2.1]",
    "v@[IPv6:2001:db8::1]",
    "@box.example.com:v@example.net",
    "v%example.net@box.example.com",
    "example.net!v@box.example.com",
    '"v@example.net"@box.example.com',
    "v@box.example.com",
    "postmaster",
    "v@127.0.0.1.example",
    "v@EXAMPLE.net.",
]


@pytest.mark.parametrize("form", FORMS)
async def test_a_stranger_cannot_relay(tmp_path: Path, form: str) -> None:
    async with running(settings(tmp_path, access=NOBODY)) as place:
        client = await place.greeted()
        for sender in ("", "a@example.com", "x@box.example.com", "postmaster@box.example.com", "v@example.net"):
            assert (await client.ask(f"MAIL FROM:<{sender}>"))[:3] == "250"
            assert (await client.ask(f"RCPT TO:<{form}>")).startswith("550 5.7.1 ")
            assert (await client.ask("DATA")).startswith("554 ")
            await client.ask("RSET")
        assert place.intake.facts()["devices"][0]["refused"] == 5


REJECTED = [
    "@",
    "a@",
    "@b",
    "a@b@c.d",
    "a@-.x",
    "a@b..c",
    "a..b@c.d",
    ".a@c.d",
    "a@[1.2.3]",
    "x" * 65 + "@c.d",
    "a@" + "y" * 64 + ".d",
]


@pytest.mark.parametrize("address", REJECTED)
async def test_a_malformed_recipient_is_refused_at_rcpt(tmp_path: Path, address: str) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        await client.ask("MAIL FROM:<a@example.com>")
        assert (await client.ask(f"RCPT TO:<{address}>")).startswith(("501 5.1.3 ", "550 5.1.2 "))


@pytest.mark.parametrize(
    "address", ['"a b"@c.example', "x" * 64 + "@c.example", "A.b+c@c.example", "a@[192.0.2.1]", "BoB@c.example"]
)
async def test_a_lawful_recipient_arrives_as_it_is(tmp_path: Path, address: str) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert [each[:3] for each in await client.envelope("a@example.com", address)] == ["250", "250"]
        await client.data(b"Subject: x\r\n\r\ny\r\n.\r\n")
        assert str(place.spool.kept[0].envelope.recipients[0].mailbox) == address


async def test_postmaster_alone_reaches_the_owner(tmp_path: Path) -> None:
    made = settings(tmp_path)
    async with running(replace(made, box=replace(made.box, owner="boss@example.org"))) as place:
        client = await place.greeted()
        await client.envelope("a@example.com", "PostMaster")
        await client.data(b"Subject: x\r\n\r\ny\r\n.\r\n")
        assert str(place.spool.kept[0].envelope.recipients[0].mailbox) == "boss@example.org"


async def test_only_allowed_sender_domains_may_be_used(tmp_path: Path) -> None:
    async with running(settings(tmp_path, sender_domains=("office.example",))) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("550 5.7.1 ")
        assert (await client.ask("MAIL FROM:<a@office.example>")).startswith("250 ")


async def test_a_sender_whose_domain_takes_no_mail_is_refused(tmp_path: Path) -> None:
    async def null_mx(domain: str) -> bool:
        return domain == "null.example"

    async with running(settings(tmp_path), null_mx=null_mx) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@null.example>")).startswith("550 5.7.27 ")
        assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("250 ")
    async with running(settings(tmp_path, refuse_null_mx_senders=False), null_mx=null_mx) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@null.example>")).startswith("250 ")


# -- login -----------------------------------------------------------------------------------------------------------


@pytest.fixture(name="accounts")
def make_accounts(tmp_path: Path) -> Path:
    rows = [
        make_account("pc", "pa ss", iterations=4096),
        make_account("till", "x", senders=("till@office.example", "shop.example"), iterations=4096),
    ]
    save_accounts(tmp_path / "accounts.json", rows)
    return tmp_path


async def test_a_listener_may_require_a_login(accounts: Path) -> None:
    async with running(settings(accounts, LOGIN)) as place:
        client = await place.greeted()
        assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("530 5.7.0 ")
        assert (await client.ask("AUTH PLAIN " + b64("\0pc\0pa ss"))).startswith("235 2.7.0 ")
        assert (await client.post()).startswith("250 ")
        assert place.spool.kept[0].arrival.protocol == "ESMTPA"


async def test_login_lets_strangers_relay(accounts: Path) -> None:
    async with running(settings(accounts, replace(LAN, auth="offered", plain_auth=True), access=NOBODY)) as place:
        client = await place.greeted()
        assert (await client.envelope())[1].startswith("550 5.7.1 ")
        await client.ask("RSET")
        assert (await client.ask("AUTH PLAIN")) == "334 "
        assert (await client.ask(b64("pc\0pc\0pa ss"))).startswith("235 2.7.0 ")
        assert (await client.envelope())[1].startswith("250 ")


async def scram(client: Client, name: str, password: str) -> str:
    made: Any = ScramClient(["SCRAM-SHA-256"], name, password)  # type: ignore[no-untyped-call]
    reply = await client.ask("AUTH SCRAM-SHA-256 " + b64(made.get_client_first()))
    assert reply.startswith("334 "), reply
    made.set_server_first(base64.b64decode(reply[4:]).decode())
    reply = await client.ask(b64(made.get_client_final()))
    if reply.startswith("334 "):
        made.set_server_final(base64.b64decode(reply[4:]).decode())
        reply = await client.ask("")
    return reply


async def test_scram_proves_both_sides_without_the_password(accounts: Path) -> None:
    async with running(settings(accounts, LOGIN)) as place:
        assert (await scram(await place.greeted(), "pc", "pa ss")).startswith("235 2.7.0 ")
        assert (await scram(await place.greeted(), "pc", "wrong")).startswith("535 5.7.8 ")
        assert (await scram(await place.greeted(), "nobody", "pa ss")).startswith("535 5.7.8 ")


async def test_login_replies(accounts: Path) -> None:
    async with running(settings(accounts, LOGIN)) as place:
        client = await place.connect()
        await client.reply()
        assert (await client.ask("AUTH PLAIN x")).startswith("503 5.5.1 ")
        await client.ask("EHLO pc")
        for line, code in [
            ("AUTH", "501 5.5.4"),
            ("AUTH GSSAPI", "504 5.5.4"),
            ("AUTH PLAIN !!!", "501 5.5.2"),
            ("AUTH PLAIN " + b64("\0pc"), "501 5.5.2"),
            ("AUTH PLAIN " + b64("till\0pc\0pa ss"), "535 5.7.8"),
            ("AUTH PLAIN " + b64("\0pc\0wrong"), "535 5.7.8"),
            ("AUTH PLAIN " + b64("\0nobody\0pa ss"), "535 5.7.8"),
        ]:
            assert (await client.ask(line)).startswith(code), line
        assert (await client.ask("AUTH LOGIN")).startswith("334 ")
        assert (await client.ask("*")).startswith("501 5.7.0 ")
        assert (await client.ask("AUTH PLAIN " + "x" * 12300)).startswith("500 5.5.2 ")
        assert (await client.ask("AUTH PLAIN " + b64("\0pc\0pa ss"))).startswith("235 ")
        assert (await client.ask("AUTH PLAIN " + b64("\0pc\0pa ss"))).startswith("503 5.5.1 ")


async def test_login_is_neither_offered_nor_taken_before_tls(accounts: Path) -> None:
    async with running(settings(accounts, replace(LAN, tls="starttls", auth="required"))) as place:
        client = await place.connect()
        assert "AUTH" not in await client.hello()
        assert (await client.ask("AUTH PLAIN " + b64("\0pc\0pa ss"))).startswith("538 5.7.11 ")
        assert (await client.ask("STARTTLS")).startswith("220 ")
        await client.start_tls()
        assert "AUTH PLAIN" in await client.ask("EHLO pc")
        assert (await client.ask("AUTH PLAIN " + b64("\0pc\0pa ss"))).startswith("235 ")
        await client.post()
        assert place.spool.kept[0].arrival.protocol == "ESMTPSA"


async def test_an_account_may_be_bound_to_its_senders(accounts: Path) -> None:
    async with running(settings(accounts, LOGIN)) as place:
        client = await place.greeted()
        await client.ask("AUTH PLAIN " + b64("\0till\0x"))
        assert (await client.ask("MAIL FROM:<pc@office.example>")).startswith("550 5.7.1 ")
        assert (await client.ask("MAIL FROM:<Till@office.example>")).startswith("250 ")
        await client.ask("RSET")
        assert (await client.ask("MAIL FROM:<any@shop.example>")).startswith("250 ")


async def test_guessing_passwords_is_slowed_down_and_forgotten_after_a_while(accounts: Path) -> None:
    async with running(settings(accounts, LOGIN)) as place:
        client = await place.greeted()
        wrong = [await client.ask("AUTH PLAIN " + b64(f"\0pc\0guess{each}")) for each in range(8)]
        assert [each[:3] for each in wrong] == ["535"] * 4 + ["454"] * 4
        assert (await client.ask("AUTH PLAIN " + b64("\0pc\0pa ss"))).startswith("454 4.7.0 ")
        place.clock.ahead += 10
        assert (await client.ask("AUTH PLAIN " + b64("\0pc\0pa ss"))).startswith("235 ")


def test_passwords_are_kept_only_as_keys_in_a_file_of_mode_0600(accounts: Path) -> None:
    path = accounts / "accounts.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "pa ss" not in path.read_text() and b64("pa ss") not in path.read_text()


# -- bounds ----------------------------------------------------------------------------------------------------------


async def test_messages_a_minute_are_bounded_by_4yz(tmp_path: Path) -> None:
    async with running(settings(tmp_path, messages_per_minute=3)) as place:
        client = await place.greeted()
        replies = [await client.post() for _ in range(3)]
        assert all(each.startswith("250 ") for each in replies)
        assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("451 4.7.1 ")
        place.clock.ahead += 21
        assert (await client.ask("MAIL FROM:<a@example.com>")).startswith("250 ")


async def test_recipients_a_minute_are_bounded_by_4yz(tmp_path: Path) -> None:
    async with running(settings(tmp_path, recipients_per_minute=1000, recipients_max=2000)) as place:
        client = await place.greeted()
        await client.ask("MAIL FROM:<a@example.com>")
        replies = [await client.ask(f"RCPT TO:<b{number}@example.net>") for number in range(1500)]
        assert all(each.startswith("250 ") for each in replies[:1000])
        assert replies[-1].startswith("451 4.7.1 "), "the test ran for half a minute"
        assert (await client.ask("RCPT TO:<b0@example.net>")).startswith("250 "), "not a new one"
        place.clock.ahead += 1
        assert (await client.ask("RCPT TO:<c@example.net>")).startswith("250 ")


async def test_a_usual_rate_outlives_a_restart(tmp_path: Path) -> None:
    made, memory = settings(tmp_path, hijack_factor=2.0, hijack_floor=3), tmp_path / "clients.json"
    async with running(made, memory=memory) as place:
        for _ in range(26):
            place.clock.ahead += HOUR
            await (await place.greeted()).post()
        ahead = place.clock.ahead
    async with running(made, memory=memory, ahead=ahead) as place:
        client = await place.greeted()
        for _ in range(4):
            assert (await client.post()).startswith("250 ")
        assert [bool(each.held) for each in place.queue.items] == [False, False, True, True]


@pytest.mark.parametrize("octets", [b"", b"\xff", b"[]", b'{"format": 1, "at": 0, "clients": {"a": [1]}}', b"{" * 9999])
async def test_a_damaged_memory_of_clients_is_as_good_as_none(tmp_path: Path, octets: bytes) -> None:
    memory = tmp_path / "clients.json"
    memory.write_bytes(octets)
    async with running(settings(tmp_path), memory=memory) as place:
        assert (await (await place.greeted()).post()).startswith("250 ")
    assert json.loads(memory.read_bytes())["format"] == 1


async def test_without_a_mail_name_a_loop_is_known_after_a_restart(tmp_path: Path) -> None:
    made = replace(settings(tmp_path), box=Box())
    async with running(made, identity="box 7") as place:
        await (await place.greeted()).post()
        content = place.spool.kept[0].content + b".\r\n"
    async with running(made, identity="box 7") as place:
        assert (await (await place.greeted()).post(content)).startswith("554 5.4.6 ")
    async with running(made, identity="box 8") as place:
        assert (await (await place.greeted()).post(content)).startswith("250 ")


async def test_a_client_far_past_its_usual_rate_is_held_and_shown(tmp_path: Path) -> None:
    async with running(settings(tmp_path, hijack_factor=2.0, hijack_floor=3)) as place:
        client = await place.greeted()
        for _ in range(26):
            place.clock.ahead += HOUR
            client = await place.greeted()
            await client.post()
        assert all(not each.held for each in place.queue.items)
        for _ in range(4):
            assert (await client.post()).startswith("250 ")
        assert [bool(each.held) for each in place.queue.items[-4:]] == [False, False, True, True]
        assert "within an hour" in place.intake.facts()["devices"][0]["held"]


async def test_a_silent_client_is_told_421_after_the_command_timeout_and_not_before(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        place.clock.ahead += 299
        place.intake.look(place.clock.monotonic())
        assert (await client.ask("NOOP")).startswith("250 ")
        place.clock.ahead += 301
        place.intake.look(place.clock.monotonic())
        assert (await client.reply()).startswith("421 4.4.2 ")
        assert place.intake.facts()["connections"] == 0, "its place is free at once, though it has not left yet"
        assert await client.at_end()


async def test_a_dripping_client_does_not_stretch_its_time(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        for _ in range(4):
            client.raw(b"N")
            await asyncio.sleep(0.02)
            place.clock.ahead += 80
            place.intake.look(place.clock.monotonic())
        assert (await client.reply()).startswith("421 4.4.2 ")


async def test_content_that_drips_is_told_421(tmp_path: Path) -> None:
    async with running(settings(tmp_path, data_rate_min_bytes=100)) as place:
        client = await place.greeted()
        await client.envelope()
        await client.ask("DATA")
        for _ in range(2):
            client.raw(b"Subject: x\r\n")
            await asyncio.sleep(0.02)
            place.intake.look(place.clock.monotonic())
            place.clock.ahead += 61
        assert (await client.reply()).startswith("421 4.4.2 ")
        assert await client.at_end() and place.spool.drafts_open == 0


async def test_connections_of_one_client_are_bounded_and_a_silent_one_makes_room(tmp_path: Path) -> None:
    async with running(settings(tmp_path, connections_per_client=3)) as place:
        old = [await place.greeted() for _ in range(3)]
        extra = await place.connect()
        assert (await extra.reply()).startswith("421 4.7.0 ")
        place.clock.ahead += 2
        assert (await (await place.connect()).reply()).startswith("220 ")
        assert (await old[0].reply()).startswith("421 4.3.2 ")
        assert (await old[1].ask("NOOP")).startswith("250 ")


async def test_a_newcomer_is_served_at_once_while_200_clients_are_idle(tmp_path: Path) -> None:
    async with running(settings(tmp_path, connections_max=200, connections_per_client=200)) as place:
        for _ in range(200):
            await place.greeted()
        assert place.intake.facts()["connections"] == 200
        place.clock.ahead += 2
        began = asyncio.get_running_loop().time()
        newcomer = await place.greeted()
        assert (await newcomer.post()).startswith("250 ")
        assert asyncio.get_running_loop().time() - began < 5


async def test_silence_is_cut_short_while_most_places_are_taken(tmp_path: Path) -> None:
    async with running(settings(tmp_path, connections_max=10, stress_timeout_s=10)) as place:
        clients = [await place.greeted() for _ in range(9)]
        place.clock.ahead += 11
        place.intake.look(place.clock.monotonic())
        assert (await clients[0].reply()).startswith("421 4.4.2 ")


async def test_unknown_commands_without_end_are_sent_away(tmp_path: Path) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        replies = [await client.ask("GET / HTTP/1.1") for _ in range(21)]
        assert all(each.startswith("500 5.5.2 ") for each in replies)
        assert (await client.reply()).startswith("421 4.7.0 ")
        assert await client.at_end()


@pytest.mark.parametrize("size", [512, 513, 2040])
async def test_command_lines_up_to_the_limit_are_taken(tmp_path: Path, size: int) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        assert (await client.ask("NOOP " + "x" * (size - 7))).startswith("250 ")


@pytest.mark.parametrize("size", [2050, 13_000, 100_000, 1_000_000])
async def test_a_far_longer_command_line_gets_500_and_the_session_lives(tmp_path: Path, size: int) -> None:
    async with running(settings(tmp_path)) as place:
        client = await place.greeted()
        client.raw(b"NOOP " + b"x" * size + b"\r\n")
        assert (await client.reply()).startswith("500 5.5.2 ")
        assert (await client.post()).startswith("250 ")


# -- certificate -----------------------------------------------------------------------------------------------------


def test_a_self_signed_certificate_is_made_once_and_renewed_before_its_end(tmp_path: Path) -> None:
    now = 1_790_000_000.0
    first = Certificates(str(tmp_path), "box.example.com")
    first.refresh(now)
    assert (tmp_path / "self-signed.key").stat().st_mode & 0o777 == 0o640
    made = (tmp_path / "self-signed.pem").read_bytes()
    again = Certificates(str(tmp_path), "box.example.com")
    again.refresh(now + 600 * 86400)
    assert (tmp_path / "self-signed.pem").read_bytes() == made and again.ends_at == first.ends_at
    context = again.context("1.2")
    again.refresh(now + 710 * 86400)
    assert again.ends_at > first.ends_at and again.context("1.2") is not context


def test_an_own_certificate_is_used_and_its_end_is_warned_of(tmp_path: Path) -> None:
    now = 1_790_000_000.0
    Certificates(str(tmp_path), "own.example.com").refresh(now)
    files = (str(tmp_path / "self-signed.pem"), str(tmp_path / "self-signed.key"))
    own = Certificates(str(tmp_path / "x"), "box.example.com", *files)
    own.refresh(now)
    assert own.own and own.warning == ""
    own.refresh(now + 715 * 86400)
    assert "ends in 15 days" in own.warning
    own.refresh(now + 800 * 86400)
    assert "has ended" in own.warning and own.context("") is not None


def test_an_own_certificate_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    own = Certificates(str(tmp_path), "box.example.com", "/nonexistent.pem", "/nonexistent.key")
    own.refresh(1_790_000_000.0)
    assert not own.own and "self-signed" in own.warning and own.context("") is not None


async def test_an_implicit_tls_listener_speaks_tls_from_the_first_octet(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    made = replace(settings(tmp_path, replace(LAN, tls="implicit", auth="required")), tls=Tls())
    async with running(made) as place:
        client = await place.connect(tls=context)
        assert "AUTH PLAIN LOGIN SCRAM-SHA-256" in await client.hello()
        assert place.intake.facts()["certificate"]["ends_at"] > place.clock.wall()
