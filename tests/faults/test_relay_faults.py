"""The card fails once, at the n-th operation, through submit, deliver, bounce and report of the real relay.

For every n and each error: no false 250 (what got 250 arrives, or its report does), no permanent refusal (5yz) for the
card's trouble, nothing left behind, no bug in the log. The client does as clients do: after 4yz it comes back.
"""

import asyncio
import contextlib
import errno
import logging
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.pretend.internet import Internet
from appliance.relay import MailPath
from appliance.settings.schema import (
    AccessRule,
    Box,
    Control,
    Delivery,
    Dns,
    Domain,
    Listener,
    Paths,
    Settings,
    SpoolSettings,
)
from tests.fakes.card import FailingCard

ZONES = "\n".join(
    (
        "x.example MX 10 mx.x.example",
        "mx.x.example A 127.0.0.20",
        "y.example MX 10 mx.y.example",
        "mx.y.example A 127.0.0.10",
    )
)
SCRIPT = "mx.y.example RCPT nobody@y.example -> 550 5.1.1 no such user"
SEGMENT = 8 * 65536
DONE_S = 20.0


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    pretend = Internet(ZONES, SCRIPT)
    yield pretend
    pretend.stop()


def settings(folder: Path, internet: Internet) -> Settings:
    return Settings(
        box=Box(mail_name="outbox.example"),
        listener=(Listener(name="lan", address="127.0.0.1", port=0, tls="none", auth="none"),),
        access=(AccessRule(network="127.0.0.0/8"),),
        spool=SpoolSettings(
            directory=str(folder / "spool"), segment_bytes=SEGMENT, ready_bytes=2 * SEGMENT, free_min_bytes=0
        ),
        dns=Dns(servers=(f"127.0.0.1:{internet.dns_port}",)),
        domain=(Domain(retry_first_s=0.05, retry_longest_s=0.1),),
        delivery=Delivery(
            ipv6=False, lab_networks=("127.0.0.0/8",), lab_port=internet.mail_port, lab_timeout_factor=0.05
        ),
        control=Control(socket=str(folder / "control.sock")),
        paths=Paths(accounts="", credentials="", tls=str(folder / "tls")),
    )


def submit(port: int, recipient: str, size: int) -> list[int]:
    """Until 250; the codes of all refusals before it."""
    text = f"From: <a@x.example>\r\nSubject: {recipient}\r\n\r\n" + "x" * 70 + "\r\n"
    refusals: list[int] = []
    for _ in range(30):
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
                client.sendmail("a@x.example", [recipient], text + ("y" * 70 + "\r\n") * (size // 72))
            return refusals
        except smtplib.SMTPResponseException as refused:
            refusals.append(refused.smtp_code)
        except smtplib.SMTPRecipientsRefused as refused:
            refusals += [code for code, _ in refused.recipients.values()]
        except smtplib.SMTPServerDisconnected:
            refusals.append(421)
    raise AssertionError(f"never accepted: {refusals}")


async def cycle(folder: Path, internet: Internet, card: FailingCard) -> list[int]:
    """The refusals met on the way; returns when the queue is empty."""
    path = MailPath(settings(folder, internet), card)
    card.armed = True
    await path.start()
    port = int(path.intake.bound[0][-1])
    try:
        refusals = await asyncio.to_thread(submit, port, "somebody@y.example", 500)
        refusals += await asyncio.to_thread(submit, port, "nobody@y.example", 300_000)
        async with asyncio.timeout(DONE_S):
            while list(path.scheduler.items()):
                await asyncio.sleep(0.01)
        assert not path.crashed
    finally:
        await path.stop()
    return refusals


async def once(folder: Path, internet: Internet, number: int, code: int) -> FailingCard:
    internet.received.clear()
    card = FailingCard(number, code)
    refusals = await cycle(folder, internet, card)
    assert all(400 <= refusal < 500 for refusal in refusals), refusals
    arrived = [(server, received.reverse_path) for server, received in internet.received]
    assert ("mx.y.example", "a@x.example") in arrived
    assert [server for server, _ in arrived].count("mx.x.example") >= 1, "no report"
    card.armed = False
    again = MailPath(settings(folder, internet), card)
    assert [one["recipient"] for one in again.bounces.unread()] == ["nobody@y.example"]
    assert not list(again.spool.items())
    assert again.spool.facts().quarantined == 0
    again.spool.store.close()
    return card


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EMFILE], ids=errno.errorcode.get)
async def test_the_nth_operation_fails_and_nothing_is_lost(
    tmp_path: Path, internet: Internet, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    met = set()
    for number in range(1, 500):
        folder = tmp_path / str(number)
        folder.mkdir()
        with contextlib.ExitStack() as notes:
            notes.callback(caplog.clear)
            card = await once(folder, internet, number, code)
            assert not [row for row in caplog.records if row.exc_info], f"a bug at operation {number} ({card.failed})"
        if not card.failed:
            break
        met.add(card.failed)
    assert {"write", "sync", "open", "rename"} <= met
