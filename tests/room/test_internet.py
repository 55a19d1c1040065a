"""The pretend Internet does what its script and zone say: the tests and the demonstration lean on it."""

import smtplib
import socket
from collections.abc import Iterator

import pytest

from appliance.pretend.internet import Internet

ZONES = """
y.example MX 10 mx.y.example
mx.y.example A 127.0.0.10
mx2.y.example A 127.0.0.11
gone.y.example A 127.0.0.12
"""
SCRIPT = """
mx.y.example RCPT no@* -> 550 5.1.1 no such user
* DATAEND -> 451 4.3.0 later x1
gone.y.example absent
"""


@pytest.fixture
def net() -> Iterator[Internet]:
    internet = Internet(ZONES, SCRIPT)
    yield internet
    internet.stop()


def test_mail_servers_share_a_port_and_follow_their_own_rules(net: Internet) -> None:
    with smtplib.SMTP("127.0.0.10", net.mail_port, "client.example", timeout=5) as client:
        client.ehlo()
        client.mail("a@x.example")
        assert client.rcpt("no@y.example") == (550, b"5.1.1 no such user")
        client.rcpt("b@y.example")
        assert client.data("later\r\n")[0] == 451
        client.mail("a@x.example")
        client.rcpt("b@y.example")
        assert client.data("..dots\r\n.x\r\n")[0] == 250
    with smtplib.SMTP("127.0.0.11", net.mail_port, "client.example", timeout=5) as client:
        client.ehlo()
        client.mail("a@x.example")
        assert client.rcpt("no@y.example")[0] == 250
    assert [(name, each.content) for name, each in net.received] == [("mx.y.example", b"..dots\r\n.x\r\n")]


def test_an_absent_server_does_not_listen(net: Internet) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.12", net.mail_port), 5)


def test_the_name_server_can_go_away_and_come_back(net: Internet) -> None:
    net.dns_off()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", net.dns_port), 5)
    net.dns_on()
    socket.create_connection(("127.0.0.1", net.dns_port), 5).close()
