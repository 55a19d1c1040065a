"""The SMTP client against real sockets: what it sends, and what it makes of the answers."""

from __future__ import annotations

import asyncio

import pytest

from appliance.core.envelope import Body, Notify, Recipient, Ret
from appliance.core.mailbox import Mailbox
from appliance.ports import Hop, Host
from tests.fakes.mx import mail_server
from tests.room.client import NO_CHUNKING, PLAIN, Client
from tests.room.mail import CONTENT, TextContent, hop, item


@pytest.mark.parametrize("script", ["", NO_CHUNKING, PLAIN])
async def test_a_message_arrives_as_it_was(client: Client, script: str) -> None:
    async with mail_server(script) as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, reply.host) == (250, "mx0.y.example[127.0.0.1]")
        (message,) = mx.messages
        assert (message.helo, message.reverse_path) == ("box.x.example", "a@x.example")
        assert message.content == CONTENT
        assert message.bdat == (script == "")


@pytest.mark.parametrize("extension, writes", [("PIPELINING", [4, 6]), ("8BITMIME", [1, 1, 1, 1, 6])])
async def test_pipelining_puts_the_envelope_into_one_write_only_when_offered(
    client: Client, extension: str, writes: list[int]
) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        await reader.readline()
        writer.write(b"250-mx\r\n250 %b\r\n" % extension.encode())
        while octets := await reader.read(65536):
            seen.append(octets)
            lines = [b"250 ok"] if octets.endswith(b"\r\n.\r\n") else octets.splitlines()
            for line in lines:
                writer.write(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    where = hop(("127.0.0.1", server.sockets[0].getsockname()[1]))
    assert [reply.code for reply in await client.send(where, ["b@y.example", "c@y.example"])] == [250, 250]
    assert [octets.count(b"\r\n") for octets in seen] == writes
    client.transport.close()
    server.close()
    await asyncio.sleep(0.01)


async def test_each_recipient_has_its_own_answer(client: Client) -> None:
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


async def test_helo_is_tried_when_ehlo_is_unknown(client: Client) -> None:
    async with mail_server("EHLO -> 502 5.5.1 what") as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, mx.lines[1]) == (250, "HELO box.x.example")


async def test_without_a_mail_name_the_address_literal_is_said(client: Client) -> None:
    client.fresh(mail_name="")
    async with mail_server() as mx:
        await client.send(mx)
        assert mx.lines[0] == "EHLO [127.0.0.1]"


async def test_552_to_rcpt_is_452_and_the_rest_goes_in_another_transaction(client: Client) -> None:
    script = "RCPT c@* -> 552 too many recipients x1"
    async with mail_server(script) as mx:
        replies = await client.send(mx, ["b@y.example", "c@y.example"])
        assert [reply.code for reply in replies] == [250, 250]
        assert [message.recipients for message in mx.messages] == [["b@y.example"], ["c@y.example"]]
    async with mail_server("RCPT -> 552 5.2.2 full") as mx:
        (reply,) = await client.send(mx)
        assert (reply.code, reply.enhanced) == (552, "5.2.2"), "a full mailbox is no crowd"


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
        text = TextContent("Subject: Grüße\r\n\r\nkäse\r\n".encode(), piece=5)
        await client.transport.deliver(hop((mx.host, mx.port)), mail, mail.progress, text)
        assert mx.messages[1].content == "Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\r\nkäse\r\n".encode()
        address = TextContent("Cc: grüße@y.example\r\n\r\nx\r\n".encode())
        replies = await client.transport.deliver(hop((mx.host, mx.port)), mail, mail.progress, address)
        assert [reply.enhanced for reply in replies] == ["5.6.7", "5.6.9"]
        replies = await client.transport.deliver(hop((able.host, able.port)), mail, mail.progress, TextContent())
        assert able.messages[0].recipients == ["grüße@y.example", "b@bücher.example"]
        assert "SMTPUTF8" in able.messages[0].parameters


async def test_mails_max_of_the_host_is_kept(client: Client) -> None:
    async with mail_server("OFFER LIMITS MAILMAX=2") as mx:
        for _ in range(5):
            await client.send(mx)
        assert [message.connection for message in mx.messages] == [1, 1, 2, 2, 3]


async def test_quit_is_said_after_the_idle_time(client: Client) -> None:
    client.fresh(idle_s=0.05)
    async with mail_server() as mx:
        await client.send(mx)
        await asyncio.sleep(0.4)
        assert mx.lines[-1] == "QUIT"
        await client.send(mx)
        assert mx.connections == 2


async def test_idle_connections_are_bounded(client: Client) -> None:
    client.fresh(sessions_max=2)
    async with mail_server() as mx:
        for name in ("a", "b", "c"):
            await client.send(Hop(name, (Host(name, mx.port, (mx.host,)),)))
        await asyncio.sleep(0.3)
        assert mx.lines.count("QUIT") == 1
