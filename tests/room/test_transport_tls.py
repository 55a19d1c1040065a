"""The SMTP client: TLS and logins."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.ports import Hop, Host, TlsPolicy
from appliance.settings.schema import Relay
from tests.fakes.mx import certificate, mail_server, tls_context
from tests.room.client import Client
from tests.room.mail import hop


async def test_tls_is_used_when_offered_and_ehlo_said_again(client: Client, tmp_path: Path) -> None:
    async with mail_server("STARTTLS on", tls=tls_context(tmp_path)) as mx:
        await client.send(mx)
        assert mx.messages[0].tls
        assert [line.partition(" ")[0] for line in mx.lines[:3]] == ["EHLO", "STARTTLS", "EHLO"]


@pytest.mark.parametrize("mode, codes", [("opportunistic", [250]), ("starttls", [454])])
@pytest.mark.parametrize("trouble", ["STARTTLS garbage", "STARTTLS on\nSTARTTLS -> 454 4.7.0 not now", ""])
async def test_clear_text_follows_failed_tls_only_when_policy_lets_it(
    client: Client, tmp_path: Path, mode: str, codes: list[int], trouble: str
) -> None:
    async with mail_server(trouble, tls=tls_context(tmp_path)) as mx:
        replies = await client.send(hop((mx.host, mx.port), tls=TlsPolicy(mode)))
        assert [reply.code for reply in replies] == codes


async def test_octets_injected_before_the_handshake_end_the_session(client: Client, tmp_path: Path) -> None:
    async with mail_server("STARTTLS inject", tls=tls_context(tmp_path)) as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, reply.enhanced, mx.messages) == (451, "4.7.0", [])
        assert mx.connections == 1


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_relay_is_verified(client: Client, tmp_path: Path, implicit: bool) -> None:
    name = "relay.x.example"
    context, authority = tls_context(tmp_path, name), certificate(tmp_path, "other.x.example")
    async with mail_server("STARTTLS on", name=name, tls=context, implicit=implicit) as mx:
        own = str(tmp_path / f"{name}.pem")
        for asked, ca_file, code in ((name, own, 250), ("wrong.x.example", own, 454), (name, str(authority), 454)):
            policy = TlsPolicy("implicit" if implicit else "starttls", True, ca_file)
            where = Hop("relay r", (Host(asked, mx.port, (mx.host,)),), policy)
            (reply,) = await client.send(where)
            assert reply.code == code, (asked, reply)


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", ""])
async def test_a_relay_is_logged_in_to(client: Client, mechanism: str) -> None:
    client.passwords["r"] = "päss word"
    client.fresh(relay=(Relay(name="r", host="relay.x.example"),))
    async with mail_server("LOGIN me päss word") as mx:
        hosts = tuple(Host(name, mx.port, (mx.host,)) for name in ("r", "s"))
        where = Hop("relay r", hosts, TlsPolicy("none"), mechanism, "me", "r")
        (reply,) = await client.send(where)
        assert (reply.code, mx.messages[0].login) == (250, "me")
        client.transport.close()
        client.passwords["r"] = "wrong"
        client.fresh()
        (reply,) = await client.send(where)
        assert (reply.code, reply.enhanced) == (535, "5.7.8")
        assert mx.connections == 2
        client.passwords.clear()
        (reply,) = await client.send(where)
        assert (reply.code, reply.enhanced) == (454, "4.7.0")


async def test_a_password_does_not_leave_without_tls_unless_the_relay_has_none_by_setting(client: Client) -> None:
    client.passwords["r"] = "secret"
    async with mail_server("LOGIN me secret") as mx:
        for mechanism, code in (("plain", 454), ("login", 454), ("cram-md5", 250)):
            where = Hop("relay r", (Host("r", mx.port, (mx.host,)),), TlsPolicy("opportunistic"), mechanism, "me", "r")
            (reply,) = await client.send(where)
            assert reply.code == code, reply


async def test_a_login_that_the_relay_does_not_offer_is_transient(client: Client) -> None:
    async with mail_server() as mx:
        where = Hop("relay r", (Host("r", mx.port, (mx.host,)),), TlsPolicy("none"), "", "me", "r")
        (reply,) = await client.send(where)
        assert (reply.code, reply.enhanced) == (454, "4.7.0")


async def test_an_unreadable_authority_file_is_transient(client: Client, tmp_path: Path) -> None:
    async with mail_server("STARTTLS on", tls=tls_context(tmp_path)) as mx:
        policy = TlsPolicy("starttls", True, str(tmp_path / "missing.pem"))
        (reply,) = await client.send(hop((mx.host, mx.port), tls=policy))
        assert (reply.code, reply.enhanced) == (454, "4.7.5")


@pytest.mark.parametrize("trouble", ["STARTTLS drop", "STARTTLS -> 421 4.7.0 no", "EHLO drop x1"])
async def test_a_host_that_breaks_off_at_starttls_is_met_in_clear_text(
    client: Client, tmp_path: Path, trouble: str
) -> None:
    async with mail_server("STARTTLS on", tls=tls_context(tmp_path)) as mx:
        if trouble.startswith("EHLO"):
            mx.change("EHLO -> 250-mx | 250 STARTTLS x1\nSTARTTLS on\n" + trouble)
        else:
            mx.change("STARTTLS on\n" + trouble)
        (reply,) = await client.send(mx)
        assert (reply.code, mx.connections, mx.messages[0].tls) == (250, 2, False)
