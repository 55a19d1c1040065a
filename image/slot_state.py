#!/usr/bin/python3 -I
"""Which slot the box starts: reads and writes the two copies of the slot state on the card; RAUC's bootloader backend.

A copy is one 512-byte sector: CRC32 (little endian) of the other 508 bytes, then `NAME=VALUE` texts each ended by
NUL, a further NUL, zeros; the format of U-Boot's `env export -c`. Names: seq (hexadecimal, the higher copy counts),
good (a or b, the slot known to work), trial (a, b or none), left (starts that a trial still has). Promises: the
copies are written one after the other, each flushed, so at every instant one is whole; unknown bytes are never taken
for a state. Without a valid copy: good=a, no trial, as U-Boot's script decides. Errors: one sentence on standard
error and exit status 1.
"""

import os
import struct
import sys
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

CARD = "/dev/outbox/card"
SECTORS = (64, 128)
SIZE = 512
SLOTS = ("a", "b")
STARTS = 3


class Refused(Exception):
    """What was asked for would leave the box without a slot that works."""


@dataclass(frozen=True)
class State:
    seq: int = 0
    good: str = "a"
    trial: str = "none"
    left: int = 0

    def primary(self) -> str:
        """The slot that the next start takes."""
        return self.trial if self.trial in SLOTS and self.left > 0 else self.good


def pack(state: State) -> bytes:
    values = {"good": state.good, "left": f"{state.left:x}", "seq": f"{state.seq:x}", "trial": state.trial}
    text = b"".join(f"{name}={value}\0".encode("ascii") for name, value in sorted(values.items())) + b"\0"
    body = text.ljust(SIZE - 4, b"\0")
    return struct.pack("<I", zlib.crc32(body)) + body


def unpack(block: bytes) -> State | None:
    """The state in a sector; None unless checksum, names and values are all right."""
    if len(block) != SIZE or struct.unpack("<I", block[:4])[0] != zlib.crc32(block[4:]):
        return None
    values = dict(text.partition(b"=")[::2] for text in block[4:].split(b"\0") if text)
    try:
        good, trial = values[b"good"].decode("ascii"), values[b"trial"].decode("ascii")
        state = State(int(values[b"seq"], 16), good, trial, int(values[b"left"], 16))
    except (KeyError, ValueError):
        return None
    return state if good in SLOTS and trial in (*SLOTS, "none") else None


def newest(blocks: list[bytes]) -> State:
    known = [state for state in map(unpack, blocks) if state]
    return max(known, key=lambda state: state.seq, default=State())


def trying(state: State, slot: str) -> State:
    """`slot` is to be started next: on trial, unless it is the one known to work."""
    if slot == state.good:
        return replace(state, trial="none", left=0)
    return replace(state, trial=slot, left=STARTS)


def judged(state: State, slot: str, verdict: str) -> State:
    """`slot` was found good (it now is the one known to work) or bad (it is not tried again)."""
    if verdict == "good":
        return replace(state, good=slot, trial="none", left=0)
    if slot == state.good:
        raise Refused(f"slot {slot} is the one that works: it is neither overwritten nor given up")
    return replace(state, trial="none", left=0)


def is_good(state: State, slot: str) -> bool:
    return slot in (state.good, state.primary())


def read(card: str) -> State:
    with Path(card).open("rb", buffering=0) as file:
        return newest([os.pread(file.fileno(), SIZE, sector * SIZE) for sector in SECTORS])


def write(card: str, state: State) -> None:
    """Both copies, each flushed before the next; one number higher than before."""
    block = pack(replace(state, seq=state.seq + 1))
    file = os.open(card, os.O_RDWR | os.O_CLOEXEC)
    try:
        for sector in SECTORS:
            os.pwrite(file, block, sector * SIZE)
            os.fsync(file)
    finally:
        os.close(file)


def booted(command_line: str) -> str:
    """The slot that runs now, from the kernel command line; empty when it does not say."""
    return next((word[10:] for word in command_line.split() if word.startswith("rauc.slot=")), "")


def act(words: list[str], card: str) -> str:
    """One command; returns what to print."""
    match words:
        case ["show"]:
            state = read(card)
            return f"good={state.good} trial={state.trial} left={state.left} seq={state.seq}"
        case ["booted" | "get-current"]:
            return booted(Path("/proc/cmdline").read_text(encoding="ascii", errors="replace"))
        case ["get-primary"]:
            return read(card).primary()
        case ["set-primary", slot] if slot in SLOTS:
            write(card, trying(read(card), slot))
        case ["get-state", slot] if slot in SLOTS:
            return "good" if is_good(read(card), slot) else "bad"
        case ["set-state", slot, "good" | "bad" as verdict] if slot in SLOTS:
            write(card, judged(read(card), slot, verdict))
        case _:
            raise Refused(
                "usage: slot-state show|booted|get-primary|set-primary a|b|get-state a|b|set-state a|b good|bad"
            )
    return ""


def main() -> int:
    try:
        answer = act(sys.argv[1:], os.environ.get("OUTBOX_CARD", CARD))
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    if answer:
        print(answer)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
