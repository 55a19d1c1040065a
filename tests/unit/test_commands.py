"""MAIL and RCPT as they leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.capabilities import Capabilities
from appliance.core.commands import mail_line, path, rcpt_line, xtext
from appliance.core.envelope import Arrival, Body, Envelope, Notify, Recipient, Ret
from appliance.core.item import QueueItem
from appliance.core.mailbox import Mailbox, parse

ALL = Capabilities.parse(["SIZE", "8BITMIME", "SMTPUTF8", "DSN", "PIPELINING"])
NONE = Capabilities()
B = Mailbox("b", "y.example")


def item(**changes: object) -> QueueItem:
    envelope = Envelope(Mailbox("a", "x.example"), (Recipient(B),), **changes)  # type: ignore[arg-type]
    return QueueItem.new("Q1", envelope, Arrival(0.0), 100)


def test_every_parameter_is_said_where_offered_and_none_elsewhere() -> None:
    full = item(body=Body.EIGHT_BIT, smtputf8=True, ret=Ret.FULL, envid="QQ 314=1")
    line = mail_line(full, "a@x.example", ALL, 123, Body.EIGHT_BIT, True)
    assert line == b"MAIL FROM:<a@x.example> SIZE=123 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=QQ+20314+3D1\r\n"
    assert mail_line(full, "", NONE, 123, Body.SEVEN_BIT, False) == b"MAIL FROM:<>\r\n"


def test_notify_and_orcpt_are_passed_on_unchanged() -> None:
    who = Recipient(B, frozenset({Notify.DELAY, Notify.FAILURE}), "utf-8;ü@y.example")
    expected = b"RCPT TO:<b@y.example> NOTIFY=FAILURE,DELAY ORCPT=utf-8;+C3+BC@y.example\r\n"
    assert rcpt_line(who, "b@y.example", ALL) == expected
    assert rcpt_line(who, "b@y.example", NONE) == b"RCPT TO:<b@y.example>\r\n"


@pytest.mark.parametrize(
    "mailbox, utf8, expected",
    [
        (None, False, ""),
        (B, False, "b@y.example"),
        (Mailbox("Postmaster", ""), False, "Postmaster"),
        (Mailbox("b", "[ipv6:2001:db8::1]"), False, "b@[IPv6:2001:db8::1]"),
        (Mailbox("b", "bücher.example"), True, "b@bücher.example"),
        (Mailbox("b", "bücher.example"), False, "b@xn--bcher-kva.example"),
        (Mailbox("grüße", "y.example"), True, "grüße@y.example"),
        (Mailbox("grüße", "y.example"), False, None),
        (Mailbox("b", "ü" * 70 + ".example"), False, None),
    ],
)
def test_an_address_is_said_so_that_the_host_can_take_it(
    mailbox: Mailbox | None, utf8: bool, expected: str | None
) -> None:
    assert path(mailbox, utf8) == expected


@given(st.text(max_size=40))
def test_no_envelope_text_can_end_a_line_early(text: str) -> None:
    assert xtext(text).isascii()
    assert not set(xtext(text)) & set("\r\n =")
    mailbox = parse(text + "@y.example")
    if mailbox is not None:
        line = rcpt_line(Recipient(mailbox), path(mailbox, True) or "", ALL)
        assert line.count(b"\r") == line.count(b"\n") == 1
