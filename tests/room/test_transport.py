"""The SMTP client against real sockets: what it sends, and what it makes of every answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from appliance.core.envelope import Body, Notify, Recipient, Ret
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply
from appliance.core.smtp_reply import was_greeting
from appliance.delivery.transport import SmtpTransport
from appliance.ports import DamagedContent, Hop, Host, TlsPolicy
from appliance.settings.schema import Relay
from tests.fakes.clock import FakeClock
from tests.fakes.mx import MailServer, certificate, mail_server, tls_context
from tests.room.mail import CONTENT, TextContent, hop, item, settings

PLAIN = "OFFER\n"
NO_CHUNKING = "OFFER PIPELINING, SIZE 1000000, 8BITMIME, SMTPUTF8, DSN\n"


class Client:
    """A transport with what the tests need around it."""

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}
        self.transport = self.fresh()

    def fresh(self, **changes: object) -> SmtpTransport:
        self.transport = SmtpTransport(settings(**changes), self.password, FakeClock())  # type: ignore[arg-type]
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
            assert (reply.code, reply.text) == (450, "greeting: busy")


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
        replies = [
            (await client.transport.deliver(hop((each.host, each.port)), mail, mail.progress, TextContent()))[0]
            for each in (mx, without)
        ]
        assert mx.messages[0].parameters.endswith("RET=HDRS ENVID=a+20b+3D1")
        assert mx.messages[0].recipient_parameters == ["NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@y.example"]
        assert without.messages[0].parameters == ""
        assert [reply.dsn for reply in replies] == [True, False]
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


@pytest.mark.parametrize("action", ["drop", "hang", "-> 421 4.3.2 closing", "-> 452 4.3.1 full"])
async def test_trouble_with_chunks_is_transient(client: Client, action: str) -> None:
    client.fresh(timeout_factor=0.0005)
    octets = b"A: b\r\n\r\n" + b"line of text\r\n" * 60000
    for step in ("DATAEND", "RCPT"):
        async with mail_server(f"{step} {action}") as mx, asyncio.timeout(5):
            (reply,) = await client.send(mx, octets=octets)
            assert reply.transient


async def test_mails_max_of_the_host_is_kept(client: Client) -> None:
    async with mail_server("OFFER LIMITS MAILMAX=2") as mx:
        for _ in range(5):
            await client.send(mx)
        assert [message.connection for message in mx.messages] == [1, 1, 2, 2, 3]


async def test_quit_is_said_after_the_idle_time(client: Client) -> None:
    client.fresh(idle_s=0.05)
    async with mail_server() as mx:
        await client.send(mx)
        await asyncio.sleep(0.15)
        assert mx.lines[-1] == "QUIT"
        await client.send(mx)
        assert mx.connections == 2


async def test_idle_connections_are_bounded(client: Client) -> None:
    client.fresh(sessions_max=2)
    async with mail_server() as mx:
        for name in ("a", "b", "c"):
            await client.send(Hop(name, (Host(name, mx.port, (mx.host,)),)))
        await asyncio.sleep(0.05)
        assert mx.lines.count("QUIT") == 1


async def test_an_address_that_swallows_connections_does_not_hold_the_next_one_up(client: Client) -> None:
    """A listener whose backlog is full answers no SYN."""
    client.fresh(timeout_factor=0.01)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        async with mail_server() as mx, asyncio.timeout(3):
            (reply,) = await client.send(hop(("127.0.0.1", port), (mx.host, mx.port)))
            assert reply.code == 250
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
        assert rfc_s * factor <= spent < rfc_s * factor + 0.2


async def test_a_host_that_takes_octets_too_slowly_is_left(client: Client) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(DIALOGUE.replace(b"SIZE 1000", b"SIZE 0")[: -len(b"250 2.0.0 taken\r\n")])
        await enough.wait()
        writer.transport.abort()

    enough = asyncio.Event()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
    client.fresh(timeout_factor=0.001)
    async with asyncio.timeout(1.5):
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


async def test_an_unreadable_authority_file_is_transient(client: Client, tmp_path: Path) -> None:
    async with mail_server("STARTTLS on", tls=tls_context(tmp_path)) as mx:
        policy = TlsPolicy("starttls", True, str(tmp_path / "missing.pem"))
        (reply,) = await client.send(hop((mx.host, mx.port), tls=policy))
        assert (reply.code, reply.enhanced) == (454, "4.7.5")


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
