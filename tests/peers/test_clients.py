"""Real clients against the box; what they hand over is looked at where a real server has put it."""

from __future__ import annotations

import email
import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from appliance.accounts import make_account, save_accounts
from tests.peers.lab import BOX_LAN, BOX_NET, Network, Relay, Server, body, client, run

Servers = dict[str, Server]
ACCOUNT, PASSWORD = "till", "a-Till's password"
SWAKS = ("swaks", "--server", BOX_LAN, "--from", "sender@office.example", "--to", "reader@postfix.example")
RAW = """
import socket, sys
talk = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
replies = talk.makefile("rb")
def reply():
    while (line := replies.readline())[3:4] == b"-":
        print(line.decode().rstrip())
    print(line.decode().rstrip(), flush=True)
reply()
for part in sys.stdin.buffer.read().split(b"\\0"):
    talk.sendall(part)
    reply()
"""


def swaks(network: Network, letter: Path, *more: str) -> tuple[int, str]:
    return client(network, [*SWAKS, "--data", str(letter), *more])


def raw(network: Network, *parts: bytes, port: int = 25) -> str:
    """What the box answers when each part is sent after the reply to the one before."""
    status, text = client(network, [sys.executable, "-c", RAW, BOX_LAN, str(port)], b"\0".join(parts))
    assert status == 0, text
    return text


@pytest.fixture(scope="module")
def account(relay: Relay) -> str:
    save_accounts(relay.folder / "accounts.json", [make_account(ACCOUNT, PASSWORD)])
    return ACCOUNT


def test_swaks_hands_over_and_the_content_arrives_unchanged(
    network: Network, relay: Relay, servers: Servers, letter: Path, mark: str
) -> None:
    status, talk = swaks(network, letter)
    assert status == 0, talk
    assert re.search(r"250 2\.0\.0 .*queued as", talk)
    arrived = servers["postfix"].await_mail(mark)
    assert body(arrived).rstrip(b"\n") == body(letter.read_bytes()).rstrip(b"\n")
    assert b"by outbox.example" in arrived


def test_swaks_with_pipelining(network: Network, relay: Relay, servers: Servers, letter: Path, mark: str) -> None:
    status, talk = swaks(network, letter, "--pipeline")
    assert status == 0, talk
    assert "PIPELINING" in talk
    servers["postfix"].await_mail(mark)


def test_swaks_with_starttls(network: Network, relay: Relay, servers: Servers, letter: Path, mark: str) -> None:
    status, talk = swaks(network, letter, "--tls")
    assert status == 0, talk
    assert "TLS started" in talk
    assert b"with ESMTPS" in servers["postfix"].await_mail(mark)


@pytest.mark.parametrize("how", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("door", [("--port", "587", "--tls"), ("--port", "465", "--tls-on-connect")])
def test_swaks_with_a_login(
    network: Network, servers: Servers, letter: Path, mark: str, account: str, how: str, door: tuple[str, ...]
) -> None:
    status, talk = swaks(network, letter, *door, "--auth", how, "--auth-user", account, "--auth-password", PASSWORD)
    assert status == 0, talk
    assert "235 2.7.0" in talk
    assert b"with ESMTPSA" in servers["postfix"].await_mail(mark)


def test_a_wrong_password_is_refused(network: Network, letter: Path, account: str) -> None:
    login = ("--auth", "PLAIN", "--auth-user", account, "--auth-password", "guess")
    status, talk = swaks(network, letter, "--port", "587", "--tls", *login)
    assert status != 0
    assert "535 5.7.8" in talk


def test_the_submission_port_wants_a_login(network: Network, relay: Relay, letter: Path) -> None:
    status, talk = swaks(network, letter, "--port", "587", "--tls")
    assert status != 0
    assert re.search(r"<[~*][*~ ] +530 5\.7\.", talk) or "530 5.7." in talk


def test_a_stranger_from_the_internet_cannot_relay(network: Network, relay: Relay, letter: Path) -> None:
    command = [*SWAKS, "--data", str(letter), "--server", BOX_NET]
    status, talk = client(network, command, place="net")
    assert status != 0
    assert "550 5.7.1" in talk


def test_msmtp(network: Network, relay: Relay, servers: Servers, letter: Path, mark: str) -> None:
    command = ["msmtp", f"--host={BOX_LAN}", "--port=25", "--from=sender@office.example", "--tls=on"]
    command += ["--tls-starttls=on", "--tls-certcheck=off", "--auth=off", "--domain=pc.office.example"]
    status, talk = client(network, [*command, "reader@postfix.example"], letter.read_bytes())
    assert status == 0, talk
    assert body(servers["postfix"].await_mail(mark)) == body(letter.read_bytes())


def test_curl(network: Network, relay: Relay, servers: Servers, letter: Path, mark: str) -> None:
    command = ["curl", "-sS", f"smtp://{BOX_LAN}/pc", "--mail-from", "sender@office.example", "--crlf"]
    command += ["--mail-rcpt", "reader@postfix.example", "--upload-file", str(letter), "--ssl-reqd", "--insecure"]
    status, talk = client(network, command)
    assert status == 0, talk
    assert body(servers["postfix"].await_mail(mark)) == body(letter.read_bytes())


def test_smtplib_sends_a_scan_of_30_mb(network: Network, relay: Relay, servers: Servers, mark: str) -> None:
    program = f"""
import email.message, hashlib, random, smtplib
scan = random.Random(7).randbytes(30_000_000)
mail = email.message.EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "scanner@office.example", "reader@exim.example", "{mark}"
mail.set_content("a scan")
mail.add_attachment(scan, maintype="application", subtype="pdf", filename="scan.pdf")
with smtplib.SMTP("{BOX_LAN}", 25, timeout=100) as smtp:
    smtp.send_message(mail)
print(hashlib.sha256(scan).hexdigest())
"""
    status, talk = client(network, [sys.executable, "-c", program])
    assert status == 0, talk
    arrived = servers["exim"].await_mail(mark, seconds=90)
    (scan,) = [part for part in email.message_from_bytes(arrived).walk() if part.get_filename() == "scan.pdf"]
    octets = scan.get_payload(decode=True)
    assert isinstance(octets, bytes)
    assert hashlib.sha256(octets).hexdigest() == talk.strip()


def test_a_device_that_ends_lines_with_lf_alone(network: Network, relay: Relay, servers: Servers, mark: str) -> None:
    text = f"Subject: {mark}\nFrom: ups@office.example\n\nbattery low\n.\n"
    talk = raw(
        network,
        b"HELO ups\n",
        b"MAIL FROM:<ups@office.example>\n",
        b"RCPT TO:<reader@exim.example>\n",
        b"DATA\n",
        text.encode(),
        b"QUIT\n",
    )
    assert "queued as" in talk, talk
    assert body(servers["exim"].await_mail(mark)) == b"battery low\n"


def test_a_client_that_sends_by_bdat(network: Network, relay: Relay, servers: Servers, mark: str) -> None:
    first = f"Subject: {mark}\r\nFrom: sender@office.example\r\n\r\n.\r\nfirst\r\n".encode()
    last = b".\r\nlast\r\n"
    talk = raw(
        network,
        b"EHLO pc.office.example\r\n",
        b"MAIL FROM:<sender@office.example>\r\n",
        b"RCPT TO:<reader@postfix.example>\r\n",
        b"BDAT %d\r\n" % len(first) + first,
        b"BDAT %d LAST\r\n" % len(last) + last,
        b"QUIT\r\n",
    )
    assert "CHUNKING" in talk
    assert "queued as" in talk, talk
    assert body(servers["postfix"].await_mail(mark)) == b".\nfirst\n.\nlast\n"


def test_what_became_of_each_message_can_be_asked(network: Network, relay: Relay) -> None:
    """The command speaks to the relay that runs: its answer is JSON, and no mail that clients handed over waits."""
    assert json.loads(run(*network.inside("box", *relay.command("status", "--json"))))
