"""The SMTP client against real sockets: what it sends, and what it makes of every answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from appliance.core.envelope import Body, Notify, Recipient, Ret
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply
from appliance.delivery.transport import SmtpTransport
from appliance.ports import Hop, Host, TlsPolicy
from appliance.settings.schema import Relay
from tests.fakes.mx import MailServer, certificate, mail_server, tls_context
from tests.room.mail import CONTENT, SystemClock, TextContent, hop, item, settings

PLAIN = "OFFER\n"
NO_CHUNKING = "OFFER PIPELINING, SIZE 1000000, 8BITMIME, SMTPUTF8, DSN\n"


class Client:
    """A transport with what the tests need around it."""

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}
        self.transport = self.fresh()

    def fresh(self, **changes: object) -> SmtpTransport:
        self.transport = SmtpTransport(settings(**changes), self.password, SystemClock())  # type: ignore[arg-type]
        return self.transport

    async def password(self, name: str) -> str | None:
        return self.passwords.get(name)

    async def send(
        self, to: Hop | MailServer, recipients: Sequence[str] = ("b@y.example",), octets: bytes = CONTENT
    ) -> list[Reply]:
        where = to if isinstance(to, Hop) else hop((to.host, to.port))
        mail = item(recipients)
        return await self.transport.deliver(where, mail, mail.progress, TextContent(octets))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    yield made
    made.transport.close()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("script", ["", NO_CHUNKING, PLAIN])
async def test_a_message_arrives_as_it_was(client: Client, script: str) -> None:
    async with mail_server(script) as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, reply.host) == (250, "mx0.y.example[127.0.0.1]")
        (message,) = mx.messages
        assert (message.helo, message.reverse_path) == ("box.x.example", "a@x.example")
        assert message.content == CONTENT
        assert message.bdat == (script == "")


async def test_pipelining_puts_the_envelope_into_one_write_only_when_offered(client: Client) -> None:
    async with mail_server(NO_CHUNKING + "RCPT no@* -> 550 5.1.1 no such user\nRCPT later@* -> 450 4.2.1 later") as mx:
        replies = await client.send(mx, ["b@y.example", "no@y.example", "later@y.example", "c@y.example"])
        assert [reply.code for reply in replies] == [250, 550, 450, 250]
        assert replies[1].text == "no such user"
        assert mx.messages[0].recipients == ["b@y.example", "c@y.example"]


async def test_without_a_recipient_only_the_dot_follows_354(client: Client) -> None:
    async with mail_server(NO_CHUNKING + "RCPT -> 550 5.1.1 no\nDATA -> 354 go on anyway") as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, mx.messages) == (550, [])
        await client.send(mx)
        assert mx.connections == 1


async def test_a_connection_is_used_again_and_for_so_many_messages(client: Client) -> None:
    client.fresh(in_a_row=3)
    async with mail_server() as mx:
        for _ in range(7):
            await client.send(mx)
        assert [message.connection for message in mx.messages] == [1, 1, 1, 2, 2, 2, 3]


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
            assert (reply.code, reply.text) == (450, "busy")


async def test_helo_is_tried_when_ehlo_is_unknown(client: Client) -> None:
    async with mail_server("EHLO -> 502 5.5.1 what") as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, mx.lines[1]) == (250, "HELO box.x.example")


async def test_without_a_mail_name_the_address_literal_is_said(client: Client) -> None:
    client.fresh(mail_name="")
    async with mail_server() as mx:
        await client.send(mx)
        assert mx.lines[0] == "EHLO [127.0.0.1]"


@pytest.mark.parametrize("action", ["drop", "hang", "drip 0.01", "flood", "cut", "-> 421 4.3.2 closing"])
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DATAEND"])
async def test_trouble_at_any_step_is_transient_and_bounded(client: Client, step: str, action: str) -> None:
    client.fresh(timeout_factor=0.0005)
    async with mail_server(NO_CHUNKING + f"{step} {action}") as mx, asyncio.timeout(5):
        (reply,) = await client.send(mx)
        assert reply.transient
        assert len(reply.text) <= 512


async def test_what_was_said_to_a_recipient_stays_when_the_line_breaks(client: Client) -> None:
    async with mail_server(NO_CHUNKING + "RCPT no@* -> 550 5.1.1 no\nDATAEND drop") as mx:
        replies = await client.send(mx, ["no@y.example", "b@y.example"])
        assert [(reply.code, reply.enhanced) for reply in replies] == [(550, "5.1.1"), (451, "4.4.2")]


async def test_552_to_rcpt_is_452_and_the_rest_goes_in_another_transaction(client: Client) -> None:
    script = "RCPT c@* -> 552 too many recipients x1"
    async with mail_server(script) as mx:
        replies = await client.send(mx, ["b@y.example", "c@y.example"])
        assert [reply.code for reply in replies] == [250, 250]
        assert [message.recipients for message in mx.messages] == [["b@y.example"], ["c@y.example"]]
    async with mail_server("RCPT -> 552 5.2.2 full") as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, reply.enhanced) == (452, "4.2.2")


@pytest.mark.parametrize("offer, sizes", [("PIPELINING", [100, 100, 50]), ("LIMITS RCPTMAX=90", [90, 90, 70])])
async def test_no_transaction_has_too_many_recipients(client: Client, offer: str, sizes: list[int]) -> None:
    async with mail_server(f"OFFER {offer}") as mx:
        replies = await client.send(mx, [f"u{n}@y.example" for n in range(250)])
        assert {reply.code for reply in replies} == {250}
        assert [len(message.recipients) for message in mx.messages] == sizes
        assert mx.connections == 1


async def test_a_message_above_the_size_limit_is_not_sent(client: Client) -> None:
    async with mail_server("OFFER SIZE 1000, PIPELINING") as mx:
        (reply,) = await client.send(mx, octets=b"A: b\r\n\r\n" + b"x" * 1000)
        assert (reply.code, reply.enhanced) == (552, "5.3.4")
        await client.send(mx)
        assert [message.parameters for message in mx.messages] == [f"SIZE={len(CONTENT)}"]


async def test_dsn_parameters_are_passed_on_only_where_offered(client: Client) -> None:
    who = Recipient(Mailbox("b", "y.example"), frozenset({Notify.SUCCESS, Notify.DELAY}), "rfc822;b+c@y.example")
    mail = item([who], ret=Ret.HEADERS, envid="a b=1")
    async with mail_server(NO_CHUNKING) as mx, mail_server("OFFER PIPELINING") as without:
        await client.transport.deliver(hop((mx.host, mx.port)), mail, mail.progress, TextContent())
        await client.transport.deliver(hop((without.host, without.port)), mail, mail.progress, TextContent())
        assert mx.messages[0].parameters.endswith("RET=HDRS ENVID=a+20b+3D1")
        assert mx.messages[0].recipient_parameters == ["NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@y.example"]
        assert without.messages[0].parameters == ""
        assert without.messages[0].recipient_parameters == [""]


@pytest.mark.parametrize("piece", [1, 2, 7, 65536])
@pytest.mark.parametrize("script", ["", NO_CHUNKING])
async def test_nothing_but_crlf_leaves_and_the_end_stands_once(client: Client, piece: int, script: str) -> None:
    octets = b"A: b\r\n\r\n.\r\nx\n.\ny\r.\rz\r\n.\r\n..\r\n\r\n.end"
    mail = item()
    async with mail_server(script) as mx:
        await client.transport.deliver(hop((mx.host, mx.port)), mail, mail.progress, TextContent(octets, piece))
        (message,) = mx.messages
        assert message.content == b"A: b\r\n\r\n.\r\nx\r\n.\r\ny\r\n.\r\nz\r\n.\r\n..\r\n\r\n.end\r\n"
        assert not script or message.wire.count(b"\r\n.\r\n") == 1


async def test_a_large_message_streams(client: Client) -> None:
    octets = b"A: b\r\n\r\n" + b".line of text that is long enough to matter somewhat\r\n" * 60000
    for script in ("", NO_CHUNKING):
        async with mail_server(script.replace("1000000", "0")) as mx:
            (reply,) = await client.send(mx, octets=octets)
            assert reply.code == 250
            assert mx.messages[0].content == octets


async def test_8_bit_is_converted_for_a_host_that_cannot_take_it(client: Client) -> None:
    octets = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode()
    mail = item(body=Body.EIGHT_BIT)
    async with mail_server("OFFER PIPELINING") as mx, mail_server(NO_CHUNKING) as able:
        for each in (mx, able):
            await client.transport.deliver(hop((each.host, each.port)), mail, mail.progress, TextContent(octets))
        assert able.messages[0].content == octets
        assert "BODY=8BITMIME" in able.messages[0].parameters
        assert mx.messages[0].content.endswith(
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
        )


async def test_an_internationalized_address_needs_smtputf8(client: Client) -> None:
    mail = item(["grüße@y.example", "b@bücher.example"], smtputf8=True)
    async with mail_server("OFFER PIPELINING, 8BITMIME") as mx, mail_server() as able:
        replies = await client.transport.deliver(hop((mx.host, mx.port)), mail, mail.progress, TextContent())
        assert (replies[0].code, replies[0].enhanced) == (553, "5.6.7")
        assert mx.messages[0].recipients == ["b@xn--bcher-kva.example"]
        replies = await client.transport.deliver(hop((able.host, able.port)), mail, mail.progress, TextContent())
        assert able.messages[0].recipients == ["grüße@y.example", "b@bücher.example"]
        assert "SMTPUTF8" in able.messages[0].parameters


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
        where = Hop("relay r", (Host("r", mx.port, (mx.host,)),), TlsPolicy("none"), mechanism, "me", "r")
        (reply,) = await client.send(where)
        assert (reply.code, mx.messages[0].login) == (250, "me")
        client.transport.close()
        client.passwords["r"] = "wrong"
        client.fresh()
        (reply,) = await client.send(where)
        assert (reply.code, reply.enhanced) == (535, "5.7.8")
        client.passwords.clear()
        (reply,) = await client.send(where)
        assert (reply.code, reply.enhanced) == (454, "4.7.0")
