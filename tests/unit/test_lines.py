"""Where a message ends, and what its stray line ends become."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.lines import HELD_MAX, ChunkReader, DotReader

SMUGGLING = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r.\r",
    b"\r.\n",
    b"\r.\r\n",
    b"\n.\r",
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\n\x00.\n",
]


def read(octets: bytes, lf: bool = False, piece: int = 0) -> tuple[DotReader, bytes, bytes | None]:
    reader, content, rest = DotReader(lf), b"", None
    size = piece or len(octets)
    for place in range(0, len(octets), size):
        got, rest = reader.feed(octets[place : place + size])
        content += got
        if rest is not None:
            return reader, content, rest + octets[place + size :]
    return reader, content, rest


@pytest.mark.parametrize("piece", [0, 1, 2, 3, 5])
def test_only_crlf_dot_crlf_ends_content_and_stuffed_dots_go(piece: int) -> None:
    reader, content, rest = read(b"a\r\n..b\r\n...\r\n.c\r\n.\r\nQUIT\r\n", piece=piece)
    assert (content, rest) == (b"a\r\n.b\r\n..\r\nc\r\n", b"QUIT\r\n")
    assert not (reader.bare or reader.trick)


@pytest.mark.parametrize("piece", [0, 1, 4])
@pytest.mark.parametrize("sequence", SMUGGLING, ids=repr)
def test_a_published_smuggling_sequence_neither_ends_content_nor_goes_unseen(sequence: bytes, piece: int) -> None:
    reader, content, rest = read(b"one" + sequence + b"MAIL FROM:<x@y.z>\r\n.\r\nNOOP\r\n", piece=piece)
    assert rest == b"NOOP\r\n" and reader.trick and b"MAIL FROM" in content


@pytest.mark.parametrize("sequence", [each for each in SMUGGLING if b"\r" in each], ids=repr)
def test_in_an_lf_session_a_dot_line_with_cr_means_that_the_end_is_lost(sequence: bytes) -> None:
    reader, _, rest = read(b"one" + sequence + b"MAIL FROM:<x@y.z>\n.\nNOOP\n", lf=True)
    assert rest is not None and reader.trick


@pytest.mark.parametrize("piece", [0, 1, 2])
def test_an_lf_session_ends_at_lf_dot_lf_and_its_content_becomes_crlf(piece: int) -> None:
    reader, content, rest = read(b"a\n..b\n\n.\nQUIT\n", lf=True, piece=piece)
    assert (content, rest, reader.trick) == (b"a\r\n.b\r\n\r\n", b"QUIT\n", False)


def test_an_empty_content_ends_at_once() -> None:
    assert read(b".\r\nNOOP\r\n")[1:] == (b"", b"NOOP\r\n")
    assert read(b".\nNOOP\n", lf=True)[1:] == (b"", b"NOOP\n")


def test_stray_line_ends_become_crlf_and_are_noted() -> None:
    reader, content, _ = read(b"a\nb\rc\r\n.\r\n")
    assert content == b"a\r\nb\r\nc\r\n" and reader.bare and not reader.trick


@given(st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"\0", b"x", b"yz"]), max_size=30), st.integers(1, 7))
def test_what_comes_out_has_no_stray_cr_or_lf_and_does_not_depend_on_the_pieces(parts: list[bytes], piece: int) -> None:
    octets = b"".join(parts) + b"\r\n.\r\n"
    whole, content, rest = read(octets)
    cut, other, other_rest = read(octets, piece=piece)
    assert (content, rest, whole.trick) == (other, other_rest, cut.trick)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)


@pytest.mark.parametrize("filler", [b"x", b".", b"\n", b"\r", b"\0", b"\r\n"], ids=repr)
def test_no_input_makes_it_keep_more_than_a_little(filler: bytes) -> None:
    reader = DotReader()
    for _ in range(50):
        reader.feed(filler * 4000)
        assert len(reader._tail) <= 2 * HELD_MAX + 8000


@given(st.binary(max_size=60), st.integers(1, 5))
def test_chunks_come_out_with_crlf_only_however_they_were_cut(octets: bytes, piece: int) -> None:
    whole, cut = ChunkReader(), ChunkReader()
    expected = whole.feed(octets, last=True)
    got = b"".join(cut.feed(octets[place : place + piece]) for place in range(0, len(octets), piece)) + cut.feed(
        b"", True
    )
    assert got == expected
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", expected)
