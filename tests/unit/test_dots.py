"""What leaves has no line end but CRLF and ends exactly once (design P6, RFC 5321 4.5.2)."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from appliance.core.dots import CrlfLines, DotStuffer
from appliance.pretend.dialogue import unstuff

PIECES = st.lists(st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"a"])).map(b"".join), max_size=8)


@given(PIECES)
@example([b"a\r\n", b".\r\n", b"b"])
@example([b"a\n.\r\nb", b"\r", b"\n.", b"\r.\r"])
def test_the_end_of_data_stands_once_and_at_the_end(pieces: list[bytes]) -> None:
    stuffer = DotStuffer()
    wire = b"".join([stuffer.feed(piece) for piece in pieces]) + stuffer.finish()
    assert (b"\r\n" + wire).count(b"\r\n.\r\n") == 1
    assert wire.endswith(b".\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", wire)
    plain = CrlfLines()
    assert unstuff(wire[:-3]) == b"".join([plain.feed(piece) for piece in pieces]) + plain.finish()


@given(st.binary(max_size=200), st.integers(1, 9))
def test_lines_that_are_right_stay_as_they_are(octets: bytes, size: int) -> None:
    text = re.sub(rb"[\r\n]+", b"\r\n", octets) + b"\r\n"
    text = text.replace(b"\r\n\n", b"\r\n")
    plain = CrlfLines()
    out = b"".join([plain.feed(text[at : at + size]) for at in range(0, len(text), size)]) + plain.finish()
    assert out == text
