"""The box against real servers over real DNS: what was negotiated, what arrived, what came back."""

from __future__ import annotations

import email
import email.policy
import re
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.peers.lab import BOX_LAN, PEERS, Network, Relay, Server, body, client, received, wait_for

Servers = dict[str, Server]
SENDER = "sender@office.example"
WITH_WORKING_TLS = ("postfix", "exim")  # OpenSMTPD 6.8 of Debian 12 offers STARTTLS and fails in the handshake


def send(network: Network, letter: Path, *recipients: str) -> None:
    command = ["swaks", "--server", BOX_LAN, "--from", SENDER, "--to", ",".join(recipients), "--data", str(letter)]
    status, talk = client(network, command)
    assert status == 0, talk


def report(servers: Servers, mark: str) -> tuple[EmailMessage, str]:
    """The report that reached the sender, and its machine-readable part."""
    text = servers["postfix"].await_mail(mark, "sender")
    mail = email.message_from_bytes(text, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail.get_content_type() == "multipart/report"
    assert text.startswith(b"Return-Path: <>")
    (status,) = [part for part in mail.walk() if part.get_content_type() == "message/delivery-status"]
    return mail, "\n".join(str(block) for block in status.iter_parts()) if status.is_multipart() else str(status)


@pytest.mark.parametrize("peer", PEERS)
def test_content_arrives_unchanged(
    peer: str, network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    send(network, letter, f"reader@{peer}.example")
    arrived = servers[peer].await_mail(mark)
    assert body(arrived).rstrip(b"\n") == body(letter.read_bytes()).rstrip(b"\n")
    for line in letter.read_bytes().partition(b"\n\n")[0].splitlines():
        assert line in arrived.splitlines()


@pytest.mark.parametrize("peer", WITH_WORKING_TLS)
def test_starttls_is_used_where_it_is_offered(
    peer: str, network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    send(network, letter, f"reader@{peer}.example")
    servers[peer].await_mail(mark)
    assert "TLS" in received(servers[peer].await_mail(mark))
    assert "outbox.example" in received(servers[peer].await_mail(mark))


def test_a_server_whose_starttls_is_broken_gets_its_mail_in_clear_text(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    send(network, letter, "reader@opensmtpd.example")
    servers["opensmtpd"].await_mail(mark)
    assert "SSL_accept: error" in servers["opensmtpd"].log()


def test_chunking_is_used_with_postfix(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    send(network, letter, "reader@postfix.example")
    servers["postfix"].await_mail(mark)
    wait_for(lambda: " bdat=" in servers["postfix"].log(), 30, lambda: servers["postfix"].log()[-2000:])


def test_two_recipients_of_one_server_are_one_transaction(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    send(network, letter, "reader@postfix.example", "second@postfix.example")
    postfix = servers["postfix"]
    wait_for(lambda: len(postfix.mail(mark)) == 2, 30, postfix.log)
    ids = {received(copy).partition(" id ")[2].split()[0] for copy in postfix.mail(mark)}
    assert len(ids) == 1


def test_recipients_at_three_servers(network: Network, relay: Relay, servers: Servers, letter: Path, mark: str) -> None:
    send(network, letter, *(f"reader@{peer}.example" for peer in PEERS))
    for peer in PEERS:
        servers[peer].await_mail(mark)


@pytest.mark.parametrize("peer", PEERS)
def test_an_unknown_user_comes_back_as_a_report(
    peer: str, network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    send(network, letter, f"nobody@{peer}.example", f"reader@{peer}.example")
    servers[peer].await_mail(mark)
    mail, status = report(servers, mark)
    assert f"rfc822; nobody@{peer}.example" in status
    assert "reader@" not in status
    assert "Action: failed" in status
    assert re.search(r"Diagnostic-Code:\s+smtp;\s5", status), status
    assert f"mail.{peer}.example" in status
    assert mail["Auto-Submitted"] == "auto-replied"


def test_a_null_mx_comes_back_as_a_report(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    send(network, letter, "reader@nomail.example")
    assert "Status: 5.1.10" in report(servers, mark)[1]


def test_an_unknown_domain_comes_back_as_a_report(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    send(network, letter, "reader@no-such-domain.example")
    assert "Status: 5.1.2" in report(servers, mark)[1]


def test_a_message_too_large_for_the_server_comes_back_as_a_report(
    network: Network, relay: Relay, servers: Servers, tmp_path: Path, letter: Path, mark: str
) -> None:
    large = tmp_path / "large.eml"
    large.write_bytes(letter.read_bytes() + b"0123456789abcdef0123456789abcdef\n" * 60_000)
    send(network, large, "reader@opensmtpd.example")
    assert "Status: 5.3.4" in report(servers, mark)[1]
    assert not servers["opensmtpd"].mail(mark)


def test_greylisted_mail_is_tried_again(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    exim = servers["exim"]
    exim.grey_known(False)
    send(network, letter, "grey@exim.example")
    wait_for(lambda: "greylisted, come back later" in exim.log(), 30, exim.log)
    assert not exim.mail(mark)
    exim.grey_known(True)
    exim.await_mail(mark)


def test_dead_servers_are_passed_over_and_aliases_followed(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    """dead.exim.example is an alias; the first server there refuses connections, the second does not exist."""
    send(network, letter, "reader@dead.exim.example")
    servers["exim"].await_mail(mark)


def test_an_answer_larger_than_a_datagram_is_read_by_tcp(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    """wide.example has 41 mail servers; the best one is Postfix."""
    send(network, letter, "reader@wide.example")
    servers["postfix"].await_mail(mark)


def test_a_utf8_mailbox(network: Network, relay: Relay, servers: Servers, mark: str) -> None:
    program = f"""
import smtplib
text = "From: {SENDER}\\r\\nTo: låda@postfix.example\\r\\nSubject: {mark} för låda\\r\\n\\r\\nhej\\r\\n".encode()
with smtplib.SMTP("{BOX_LAN}", 25, timeout=60) as smtp:
    smtp.ehlo()
    smtp.sendmail("{SENDER}", ["låda@postfix.example"], text, ["SMTPUTF8", "BODY=8BITMIME"])
"""
    status, talk = client(network, [sys.executable, "-c", program])
    assert status == 0, talk
    assert "UTF8SMTP" in received(servers["postfix"].await_mail(mark))
    wait_for(lambda: len(servers["postfix"].mail("för låda")) == 1, 5, servers["postfix"].log)


def test_a_utf8_mailbox_at_a_server_without_smtputf8_comes_back(
    network: Network, relay: Relay, servers: Servers, mark: str
) -> None:
    program = f"""
import smtplib
with smtplib.SMTP("{BOX_LAN}", 25, timeout=60) as smtp:
    smtp.ehlo()
    text = "From: {SENDER}\\r\\nSubject: {mark}\\r\\n\\r\\nhej\\r\\n".encode()
    smtp.sendmail("{SENDER}", ["låda@opensmtpd.example"], text, ["SMTPUTF8", "BODY=8BITMIME"])
"""
    status, talk = client(network, [sys.executable, "-c", program])
    assert status == 0, talk
    text = servers["postfix"].await_mail(mark, "sender")
    assert b"Status: 5.6.7" in text, text.decode()
