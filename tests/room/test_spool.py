import asyncio
import errno
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.core.envelope import Arrival, Envelope, Recipient
from appliance.core.item import Event, QueueItem
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply
from appliance.ports import DamagedContent
from appliance.settings.schema import SpoolSettings
from appliance.spool.files import Files
from appliance.spool.journal import JournalSpool, open_spool
from tests.fakes.clock import FakeClock

ENVELOPE = Envelope(
    Mailbox("a", "x.example"), (Recipient(Mailbox("b", "y.example")), Recipient(Mailbox("c", "y.example")))
)
MIB = 1 << 20


def settings(folder: Path) -> SpoolSettings:
    return SpoolSettings(directory=str(folder), segment_bytes=MIB, ready_bytes=4 * MIB, free_min_bytes=0)


def opened(folder: Path, files: Files | None = None) -> JournalSpool:
    return open_spool(settings(folder), FakeClock(), files)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[JournalSpool]:
    room = opened(tmp_path)
    await room.start()
    yield room
    await room.stop()


async def put(spool: JournalSpool, queue_id: str, content: bytes) -> Reply:
    draft = spool.draft(queue_id)
    if isinstance(draft, Reply):
        return draft
    for start in range(0, len(content), 50_000):
        if refused := await draft.write(content[start : start + 50_000]):
            draft.abandon()
            return refused
    return await draft.commit(ENVELOPE, Arrival(1.0), b"Received: x\r\n")


async def read(spool: JournalSpool, queue_id: str) -> bytes:
    return b"".join([piece async for piece in spool.content(queue_id).chunks()])


async def test_the_box_is_the_same_after_each_start(tmp_path: Path) -> None:
    known = set()
    for _ in range(3):
        spool = opened(tmp_path)
        await spool.start()
        known.add(spool.box_id)
        await spool.stop()
    assert len(known) == 1


async def test_what_comes_together_is_packed_and_read_back(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    await spool.start()
    text = b"".join(b"line %d of an ordinary letter\r\n" % number for number in range(100))
    noise = random.Random(1).randbytes(3000)
    contents = {f"Q{number}": text if number % 2 else noise for number in range(20)}
    replies = await asyncio.gather(*(put(spool, queue_id, content) for queue_id, content in contents.items()))
    assert all(reply.positive for reply in replies)
    used = sum(segment.live for segment in spool.store.log)
    assert used < sum(map(len, contents.values())) * 0.8
    for room in (spool, opened(tmp_path)):
        for queue_id, content in contents.items():
            assert await read(room, queue_id) == b"Received: x\r\n" + content
            assert room.content(queue_id).size_bytes == len(content) + 13
            tail = b"".join([piece async for piece in room.content(queue_id).chunks(offset=1000)])
            assert tail == content[1000 - 13 :]
    await spool.stop()


async def test_a_packed_content_that_is_damaged_is_never_given_out(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    await spool.start()
    text = b"".join(b"line %d of an ordinary letter\r\n" % number for number in range(100))
    await asyncio.gather(*(put(spool, f"Q{number}", text) for number in range(5)))
    place = spool.places["Q4"]
    assert place.inline_raw
    part = next(place.parts())
    handle = spool.store.segments[part.segment].handle
    spool.store.files.write(handle, b"\xff", part.offset + part.size // 2)
    with pytest.raises(DamagedContent):
        await read(spool, "Q4")
    assert len(await read(spool, "Q3")) == len(text) + 13
    await spool.stop()


@pytest.mark.parametrize("size", [0, 10, 65536, 65537, 262_144, 3_000_000])
async def test_what_was_accepted_is_there_after_a_restart_without_a_stop(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    spool = opened(tmp_path)
    await spool.start()
    assert (await put(spool, "Q1", content)).positive
    again = opened(tmp_path)
    (item,) = again.items()
    assert item == QueueItem.new("Q1", ENVELOPE, Arrival(1.0), size + 13)
    assert await read(again, "Q1") == b"Received: x\r\n" + content
    await spool.stop()


async def test_progress_and_removal_are_remembered(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    await spool.start()
    for name in ("Q1", "Q2"):
        await put(spool, name, b"x")
    item, other = (QueueItem.new(name, ENVELOPE, Arrival(1.0), 14) for name in ("Q1", "Q2"))
    item.progress[1].step(Event.DELIVER, Reply.of("250 2.0.0 ok", "mx"), 5.0)
    spool.record(item, [item.progress[1]])
    item.held = "operator"
    spool.record(item, [])
    spool.remove(other)
    assert (await spool.settled()).positive
    assert list(opened(tmp_path).items()) == [item]
    await spool.stop()


async def test_segments_are_reused_and_survivors_move_forward(spool: JournalSpool, tmp_path: Path) -> None:
    await put(spool, "OLD", b"o" * 300_000)
    for number in range(200):
        assert (await put(spool, f"N{number}", b"n" * 100_000)).positive
        spool.remove(QueueItem.new(f"N{number}", ENVELOPE, Arrival(1.0), 0))
        assert (await spool.settled()).positive
    assert spool.facts().segments <= 8
    assert await read(spool, "OLD") == b"Received: x\r\n" + b"o" * 300_000
    assert [item.queue_id for item in opened(tmp_path).items()] == ["OLD"]


async def test_many_commits_share_a_flush(tmp_path: Path) -> None:
    class Counting(Files):
        syncs = 0

        def sync(self, handle: int) -> None:
            Counting.syncs += 1
            super().sync(handle)

    spool = opened(tmp_path, Counting())
    await spool.start()
    Counting.syncs = 0
    replies = await asyncio.gather(*(put(spool, f"Q{n}", b"x" * 2000) for n in range(100)))
    assert all(reply.positive for reply in replies)
    assert Counting.syncs < 20
    await spool.stop()


class Failing(Files):
    """The n-th operation, and from then on every one while `stuck`, fails."""

    def __init__(self, number: int, code: int, stuck: bool = False) -> None:
        self.left, self.code, self.stuck, self.armed = number, code, stuck, False

    def _count(self) -> None:
        if self.armed:
            self.left -= 1
            if self.left == 0 or (self.stuck and self.left < 0):
                raise OSError(self.code, os.strerror(self.code))

    def write(self, handle: int, octets: bytes, offset: int) -> None:
        self._count()
        super().write(handle, octets, offset)

    def sync(self, handle: int) -> None:
        self._count()
        super().sync(handle)

    def open(self, path: Path, create: bool = False) -> int:
        self._count()
        return super().open(path, create)

    def rename(self, old: Path, new: Path) -> None:
        self._count()
        super().rename(old, new)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EMFILE])
@pytest.mark.parametrize("number", range(1, 13))
async def test_a_failing_operation_gives_4yz_and_loses_nothing(tmp_path: Path, number: int, code: int) -> None:
    files = Failing(number, code)
    spool = opened(tmp_path, files)
    await spool.start()
    files.armed = True
    replies = {name: await put(spool, name, b"x" * size) for name, size in (("A", 10), ("B", 400_000), ("C", 900_000))}
    assert all(reply.positive or reply.transient for reply in replies.values())
    assert (await put(spool, "D", b"later")).positive
    await spool.stop()
    kept = {item.queue_id for item in opened(tmp_path).items()}
    assert kept == {name for name, reply in replies.items() if reply.positive} | {"D"}


async def test_a_dead_card_refuses_and_says_so(tmp_path: Path) -> None:
    files = Failing(1, errno.EROFS, stuck=True)
    spool = opened(tmp_path, files)
    await spool.start()
    files.armed = True
    assert (await put(spool, "A", b"x")).code == 451
    assert spool.facts().fault == "read-only"
    files.armed = False
    await spool.stop()


async def test_flipped_octets_hide_no_neighbour_and_are_shown(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    await spool.start()
    names = [f"Q{n}" for n in range(40)]
    await asyncio.gather(*(put(spool, name, name.encode() * 500) for name in names))
    await spool.stop()
    (first,) = spool.store.log
    clean = first.path.read_bytes()
    rng = random.Random(7)
    for round_ in range(30):
        octets = bytearray(clean)
        place = rng.randrange(0, first.cursor) if round_ else 4096 + 5  # first of all, the very first record
        octets[place] ^= 0xFF
        first.path.write_bytes(bytes(octets))
        again = opened(tmp_path)
        good = {item.queue_id for item in again.items()}
        bad = {name for name in good if await damaged(again, name)}
        assert len(good - bad) >= 39
        assert len(good - bad) == 40 or bad or again.damage
        again.store.close()


async def damaged(spool: JournalSpool, name: str) -> bool:
    try:
        return await read(spool, name) != b"Received: x\r\n" + name.encode() * 500
    except DamagedContent:
        return True


async def test_a_torn_tail_loses_only_what_was_not_acknowledged(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    await spool.start()
    await put(spool, "KEPT", b"k" * 5000)
    (segment,) = spool.store.log
    before, start = segment.path.read_bytes(), segment.cursor
    await put(spool, "TORN", b"t" * 9000)
    await spool.stop()
    after = segment.path.read_bytes()
    for cut in range(start, segment.cursor + 1, 512):
        segment.path.write_bytes(after[:cut] + before[cut:])
        again = opened(tmp_path)
        found = {item.queue_id for item in again.items()}
        assert "KEPT" in found
        for name in found:
            assert len(await read(again, name)) > 5000
        again.store.close()


async def test_hostile_content_never_passes_for_a_record(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    await spool.start()
    await put(spool, "INNER", b"i" * 100)
    (segment,) = spool.store.log
    forged = segment.path.read_bytes()[4096:8192]
    await put(spool, "EVIL", b"z" * (64 - 13) + forged * 4)
    await spool.stop()
    again = opened(tmp_path)
    assert sorted(item.queue_id for item in again.items()) == ["EVIL", "INNER"]
    again.store.close()
