"""The slot state: two copies on the card, of which one is always whole."""

import struct
import zlib
from pathlib import Path

import pytest

from image import slot_state
from image.slot_state import Refused, State, act, booted, judged, newest, pack, trying, unpack


@pytest.fixture
def card(tmp_path: Path) -> str:
    path = tmp_path / "card"
    path.write_bytes(bytes(256 * slot_state.SIZE))
    return str(path)


def test_a_state_survives_packing() -> None:
    state = State(seq=0x2A, good="b", trial="a", left=3)
    assert unpack(pack(state)) == state


def test_the_block_is_what_u_boot_imports() -> None:
    block = pack(State(seq=16, good="a", trial="none", left=0))
    assert block[4:].startswith(b"good=a\0left=0\0seq=10\0trial=none\0\0")
    assert struct.unpack("<I", block[:4])[0] == zlib.crc32(block[4:])
    assert len(block) == 512


@pytest.mark.parametrize("at", [0, 3, 4, 20, 511])
def test_one_wrong_byte_and_a_copy_counts_for_nothing(at: int) -> None:
    block = bytearray(pack(State(seq=1)))
    block[at] ^= 0x40
    assert unpack(bytes(block)) is None


@pytest.mark.parametrize("text", [b"seq=1\0good=c\0trial=none\0left=0\0", b"seq=x\0good=a\0trial=none\0left=0\0", b""])
def test_a_right_checksum_over_wrong_values_counts_for_nothing(text: bytes) -> None:
    body = text.ljust(508, b"\0")
    assert unpack(struct.pack("<I", zlib.crc32(body)) + body) is None


def test_the_copy_with_the_higher_number_counts_and_a_torn_one_does_not() -> None:
    old, new = State(seq=9), State(seq=10, good="b")
    assert newest([pack(old), pack(new)]) == newest([pack(new), pack(old)]) == new
    assert newest([pack(new)[:8] + pack(old)[8:], pack(old)]) == old


def test_without_any_copy_slot_a_is_started() -> None:
    assert newest([bytes(512), b""]).primary() == "a"


@pytest.mark.parametrize("cut", [0, 1, 4, 12, 20, 64, 511, 512, 516, 530, 600, 1024])
def test_power_fails_while_writing_and_one_copy_is_whole(card: str, cut: int) -> None:
    slot_state.write(card, State(good="a"))
    before = Path(card).read_bytes()
    slot_state.write(card, State(seq=1, good="b"))
    after = Path(card).read_bytes()
    torn = bytearray(before)
    for number, sector in enumerate(slot_state.SECTORS):
        done = min(max(cut - 512 * number, 0), 512)
        torn[sector * 512 : sector * 512 + done] = after[sector * 512 : sector * 512 + done]
    Path(card).write_bytes(torn)
    assert slot_state.read(card).good == ("b" if cut >= 64 else "a")


def test_an_update_is_tried_three_times_then_the_good_slot_starts() -> None:
    state = trying(State(good="a"), "b")
    assert (state.primary(), state.left) == ("b", 3)
    assert State(good="a", trial="b", left=0).primary() == "a"


def test_an_update_found_good_is_the_new_good_slot() -> None:
    assert judged(State(good="a", trial="b", left=2), "b", "good") == State(good="b")


def test_an_update_found_bad_is_not_tried_again() -> None:
    assert judged(State(good="a", trial="b", left=2), "b", "bad").primary() == "a"


def test_the_slot_that_works_is_never_given_up() -> None:
    with pytest.raises(Refused):
        judged(State(good="a"), "a", "bad")


def test_the_commands_that_rauc_uses(card: str) -> None:
    assert act(["get-primary"], card) == "a"
    act(["set-state", "b", "bad"], card)
    assert act(["get-state", "b"], card) == "bad"
    act(["set-primary", "b"], card)
    assert (act(["get-primary"], card), act(["get-state", "b"], card)) == ("b", "good")
    act(["set-state", "b", "good"], card)
    assert act(["show"], card).startswith("good=b trial=none left=0")
    act(["set-primary", "b"], card)
    assert act(["show"], card).startswith("good=b trial=none left=0")


@pytest.mark.parametrize("words", [[], ["set-primary", "c"], ["set-state", "a", "odd"], ["get-state", "../a"]])
def test_other_commands_are_refused(words: list[str], card: str) -> None:
    with pytest.raises(Refused):
        act(words, card)


def test_the_running_slot_is_read_from_the_command_line() -> None:
    assert booted("rauc.slot=b console=tty0\n") == "b"
    assert booted("console=tty0") == ""
