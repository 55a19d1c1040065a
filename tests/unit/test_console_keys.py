"""Octets of the serial line -> keys: what is known is known in any pieces, and nothing else does anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.console.keys import Key, Keys

KNOWN = {
    b"\x1b[A": Key.UP,
    b"\x1bOB": Key.DOWN,
    b"\x1b[C": Key.RIGHT,
    b"\x1b[1;5D": Key.LEFT,
    b"\x1b[H": Key.HOME,
    b"\x1b[1~": Key.HOME,
    b"\x1b[4~": Key.END,
    b"\x1bOF": Key.END,
    b"\x1b[3~": Key.DELETE,
    b"\x08": Key.BACKSPACE,
    b"\x7f": Key.BACKSPACE,
    b"\t": Key.TAB,
    b"\x03": Key.INTERRUPT,
    "ü".encode(): "ü",
    "日".encode(): "日",
    b"?": "?",
}
SILENT = (
    b"\x00\x00",
    b"\x1b[24;80R",  # a cursor position report
    b"\x1b[?1;2c",  # a terminal's identity
    b"\x1b[200~\x1b[201~",  # around a bracketed paste
    b"\x1b[[A",  # F1 of the Linux console
    b"\x1b]0;rm -rf\x07",
    b"\x1bPtext\x1b\\",
    b"\x1b]11;rgb:ff/ff/ff\x1b\\",
    b"\xff\xfe\xc3\xc3\x80\xed\xa0\x80\xf5\x80\x80\x80"[:3],
    b"\x9b\x9c\x80",
    b"\x1a\x1c\x07",
)


@pytest.mark.parametrize("octets", KNOWN)
def test_a_known_key_is_one_key_in_any_pieces(octets: bytes) -> None:
    whole, pieces = Keys(), Keys()
    assert whole.feed(octets) == [KNOWN[octets]]
    assert [key for octet in octets for key in pieces.feed(bytes([octet]))] == [KNOWN[octets]]


@pytest.mark.parametrize("octets", SILENT)
def test_replies_and_garbage_give_nothing_and_the_next_key_counts(octets: bytes) -> None:
    assert Keys().feed(octets + b"x") == ["x"]


@pytest.mark.parametrize(
    ("octets", "lines"),
    [(b"a\rb\r", 2), (b"a\nb\n", 2), (b"a\r\nb\r\n", 2), (b"\r\r", 2), (b"\n\n", 2), (b"\r\n\r\n", 2), (b"\r\0\n", 1)],
)
def test_cr_lf_and_both_are_one_enter(octets: bytes, lines: int) -> None:
    assert Keys().feed(octets).count(Key.ENTER) == lines


def test_a_partial_escape_is_over_when_the_line_is_quiet_or_a_control_comes() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    keys.quiet()
    assert keys.feed(b"[A") == ["[", "A"]
    assert keys.feed(b"\x1b[12\r") == [Key.ENTER]


def test_a_sequence_without_end_is_given_up() -> None:
    assert Keys().feed(b"\x1b[" + b"1" * 32 + b"ab") == ["a", "b"]
    assert Keys().feed(b"\x1b]" + b"1" * 256 + b"ab") == ["a", "b"]


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_octets_are_lawful_and_pieces_do_not_matter(octets: bytes, size: int) -> None:
    whole, pieces = Keys(), Keys()
    keys = whole.feed(octets)
    assert keys == [key for start in range(0, len(octets), size) for key in pieces.feed(octets[start : start + size])]
    assert all(isinstance(key, Key) or (len(key) == 1 and key.isprintable()) for key in keys)
