"""Lines of the body that are too long to send on."""

from __future__ import annotations

import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.body import LINE_MAX, BodyFilter, has_long_line


def through(octets: bytes, piece: int = 0, encode: bool = False) -> tuple[BodyFilter, bytes]:
    body = BodyFilter()
    body.quoted_printable = encode
    size = piece or max(1, len(octets))
    out = b"".join(body.feed(octets[place : place + size]) for place in range(0, len(octets), size))
    return body, out + body.finish()


LINES = st.lists(
    st.sampled_from([b"", b"x" * 998, b"short", b"y" * 2500, b"word " * 400, "ü".encode() * 700]), max_size=6
)


@given(LINES, st.integers(1, 3000))
def test_no_line_over_998_octets_leaves_and_nothing_but_line_ends_is_added(lines: list[bytes], piece: int) -> None:
    octets = b"\r\n".join(lines) + b"\r\n"
    body, out = through(octets, piece)
    assert max(map(len, out.split(b"\r\n"))) <= LINE_MAX
    assert out.replace(b"\r\n", b"") == octets.replace(b"\r\n", b"")
    assert body.broken is has_long_line(octets)
    if not body.broken:
        assert out == octets
    out.decode()  # no character was cut


@given(LINES, st.integers(1, 3000))
def test_quoted_printable_gives_the_same_text_back_in_short_lines(lines: list[bytes], piece: int) -> None:
    octets = b"\r\n".join(lines) + b"\r\n"
    _, out = through(octets, piece, encode=True)
    assert max(map(len, out.split(b"\r\n"))) <= 76 and out.isascii()
    assert quopri.decodestring(out).replace(b"\r\n", b"\n") == octets.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("size", [997, 998, 999, 1000, 100_000])
def test_a_line_is_long_from_999_octets(size: int) -> None:
    for octets in (b"x" * size + b"\r\n", b"a\r\n" + b"x" * size + b"\r\nb\r\n"):
        assert has_long_line(octets) is (size > 998)


def test_a_missing_last_line_end_is_added() -> None:
    assert through(b"a\r\nb")[1] == b"a\r\nb\r\n"
    assert through(b"a\r\nb", encode=True)[1] == b"a\r\nb\r\n"
    assert through(b"")[1] == b""
