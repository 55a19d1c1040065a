"""The pretend servers of the demo and of the tests do what their texts say."""

import asyncio

import dns.message
import dns.query
import dns.rcode
import pytest

from appliance.pretend.script import Script
from tests.fakes.dns import nameserver
from tests.fakes.mx import mail_server

ZONE = """
y.example 300 MX 10 mx.y.example
mx.y.example A 127.0.0.12
alias.example CNAME y.example
sick.example SERVFAIL MX x1
sick.example A 127.0.0.1
"""


async def ask(port: int, name: str, kind: str) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    return await asyncio.to_thread(dns.query.udp, query, "127.0.0.1", 2, port)


async def test_a_name_server_answers_from_its_zone() -> None:
    async with nameserver(ZONE) as server:
        answer = await ask(server.port, "alias.example", "MX")
        assert [str(row) for row in answer.answer] == [
            "alias.example. 60 IN CNAME y.example.",
            "y.example. 300 IN MX 10 mx.y.example.",
        ]
        assert (await ask(server.port, "nowhere.example", "A")).rcode() == dns.rcode.NXDOMAIN
        assert (await ask(server.port, "sick.example", "MX")).rcode() == dns.rcode.SERVFAIL
        assert (await ask(server.port, "sick.example", "MX")).rcode() == dns.rcode.NOERROR
        assert server.queries[0] == ("alias.example", "MX")


async def test_a_mail_server_follows_its_script_and_keeps_what_it_took() -> None:
    async with mail_server("RCPT no@* -> 550 5.1.1 no such user\nDATAEND -> 451 4.3.0 later x1") as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        transaction = (
            b"MAIL FROM:<a@x.example>\r\nRCPT TO:<no@y.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n..dot\r\n.\r\n"
        )
        writer.write(b"EHLO x.example\r\n" + transaction * 2 + b"QUIT\r\n")
        said = (await reader.read()).decode().splitlines()
        writer.close()
        codes = [line[:3] for line in said if line[3] == " "]
        assert codes == ["220", "250", "250", "550", "250", "354", "451", "250", "550", "250", "354", "250", "221"]
        (message,) = server.messages
        assert (message.reverse_path, message.recipients, message.content) == (
            "a@x.example",
            ["b@y.example"],
            b".dot\r\n",
        )


@pytest.mark.parametrize("line", ["RCPT maybe", "SOMETIMES drop", "RCPT -> nonsense"])
def test_a_bad_script_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        Script.parse(line)
