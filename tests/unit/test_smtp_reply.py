"""A remote server's replies: read right, however they are cut, and never more than the bounds."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.capabilities import Capabilities
from appliance.core.reply import Reply
from appliance.core.smtp_reply import (
    LINE_MAX,
    LINES_MAX,
    REPLY_MAX,
    BadReply,
    RemoteReply,
    ReplyParser,
    in_greeting,
    was_greeting,
)

WIRE = b"220 mx\r\n250-mx\r\n250-SIZE 1\r\n250\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n354 \n421 bye\r\n"
REPLIES = [
    RemoteReply(220, ("mx",)),
    RemoteReply(250, ("mx", "SIZE 1", "")),
    RemoteReply(550, ("5.1.1 no", "5.1.1 such user")),
    RemoteReply(354, ("",)),
    RemoteReply(421, ("bye",)),
]


@given(st.lists(st.integers(0, len(WIRE)), max_size=6))
def test_replies_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    parser, found = ReplyParser(), []
    edges = [0, *sorted(cuts), len(WIRE)]
    for start, end in itertools.pairwise(edges):
        found += parser.feed(WIRE[start:end])
    assert found == REPLIES
    assert parser.empty


def test_an_enhanced_code_on_each_line_is_said_once() -> None:
    assert REPLIES[2].reply("mx") == Reply(550, "5.1.1", "no such user", "mx")


@pytest.mark.parametrize("line", [b"hello", b"25 x", b"2500 x", b"099 x", b"600 x", b"\xff\xfe", b"250_x", b""])
def test_what_is_no_reply_is_refused(line: bytes) -> None:
    with pytest.raises(BadReply):
        ReplyParser().feed(line + b"\r\n")


@pytest.mark.parametrize("times", [1, 1000])
def test_bounds_hold_one_past_and_far_past(times: int) -> None:
    for hostile in (
        b"250 " + b"x" * (LINE_MAX - 3) * times + b"\r\n",
        b"x" * (LINE_MAX + 1) * times,
        b"250-\r\n" * (LINES_MAX + times),
        (b"250-" + b"x" * 996 + b"\r\n") * (REPLY_MAX // 1000 + times),
    ):
        with pytest.raises(BadReply):
            ReplyParser().feed(hostile)


def test_what_is_at_the_bounds_is_read() -> None:
    assert ReplyParser().feed(b"250 " + b"x" * (LINE_MAX - 4) + b"\r\n")[0].code == 250
    assert len(ReplyParser().feed(b"250-\r\n" * (LINES_MAX - 1) + b"250 \r\n")[0].lines) == LINES_MAX


@given(st.binary(max_size=300))
def test_no_octets_make_anything_but_replies_or_a_refusal(octets: bytes) -> None:
    try:
        for reply in ReplyParser().feed(octets):
            text = reply.reply("mx").text
            assert "\r" not in text
            assert "\n" not in text
    except BadReply:
        pass


def test_a_reply_in_the_greeting_is_known_as_one() -> None:
    marked = in_greeting(Reply(554, "", "no"))
    assert was_greeting(marked)
    assert not was_greeting(Reply(554, "", "no"))


def test_capabilities_are_what_the_lines_say() -> None:
    lines = [
        "size 1000",
        "PIPELINING",
        "8bitmime",
        "SMTPUTF8",
        "AUTH PLAIN",
        "AUTH=LOGIN",
        "LIMITS RCPTMAX=7 MAILMAX=3",
    ]
    found = Capabilities.parse([*lines, "", "STARTTLS", "X-OTHER"])
    assert found == Capabilities(
        True, True, 1000, True, True, True, False, False, True, frozenset({"PLAIN", "LOGIN"}), 7, 3
    )


@pytest.mark.parametrize("line", ["SIZE -1", "SIZE x", "SIZE " + "9" * 5000, "SIZE ²", "LIMITS RCPTMAX=0", "LIMITS X"])
def test_a_number_that_is_none_is_no_limit(line: str) -> None:
    found = Capabilities.parse([line])
    assert (found.size_bytes, found.recipients_max) == (0, 100)


def test_smtputf8_needs_8bitmime() -> None:
    assert not Capabilities.parse(["SMTPUTF8"]).utf8
