"""P8: a spool of another release. An older format is loaded, a newer one is mentioned, left alone and never fatal."""

import struct
import tarfile
from pathlib import Path

from appliance.core.envelope import Arrival, Body, Envelope, Notify, Recipient, Ret
from appliance.core.item import Event, QueueItem
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply
from appliance.spool.journal import JournalSpool
from tests.room.test_spool import opened, put, read

GOLDEN = Path(__file__).parents[1] / "golden"
LETTER = b"Subject: letter\r\n\r\n" + b"".join(b"line %d of an ordinary letter\r\n" % number for number in range(300))
SMALL, LARGE = b"Subject: small\r\n\r\none\r\n", b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 20_000
ENVELOPE = Envelope(
    Mailbox("a", "x.example"),
    (
        Recipient(Mailbox("b", "y.example"), frozenset({Notify.SUCCESS, Notify.FAILURE}), "rfc822;b@y.example"),
        Recipient(Mailbox("ü", "z.example")),
        Recipient(Mailbox("c", "z.example")),
    ),
    Body.EIGHT_BIT,
    True,
    Ret.HEADERS,
    "envelope-1",
)
ARRIVAL = Arrival(
    1.8e9, "192.0.2.7", "copier", "the copier", "till", "ESMTPSA", "small", "<m@x.example>", ("added Date",), ""
)


async def fill(spool: JournalSpool) -> list[QueueItem]:
    """What the kept spools hold: every field of an item that can stand on the card. Returns what must be found."""
    await spool.start()
    items = []
    for queue_id, content in (("Q1", SMALL), ("Q2", LARGE), ("Q3", SMALL), ("Q5", LETTER)):
        draft = spool.draft(queue_id)
        assert not isinstance(draft, Reply)
        await draft.write(content)
        assert (await draft.commit(ENVELOPE, ARRIVAL)).positive
        items.append(QueueItem.new(queue_id, ENVELOPE, ARRIVAL, len(content)))
    first, second, third, letter = items
    first.progress[0].step(Event.DELIVER, Reply.of("250 2.0.0 ok", "mx.y.example"), 1.8e9)
    first.progress[0].told = True
    first.progress[1].step(Event.FAIL, Reply.of("550 5.1.1 no such user", "mx.z.example"), 1.8e9)
    first.progress[2].step(Event.DEFER, Reply.of("450 4.2.0 later", "mx.z.example"), 1.8e9)
    first.progress[2].direct_attempts, first.progress[2].delayed = 2, True
    first.progress[2].unknown_domain_at = 1.7e9
    spool.record(first, first.progress)
    second.held = "held by the operator"
    spool.record(second, [])
    spool.remove(third)
    await spool.stop()
    return [first, second, letter]


def keep(folder: Path, name: str) -> None:
    """How a kept spool is made, once for each format: `keep(folder of a spool after fill, "spool-format-N")`."""
    with tarfile.open(GOLDEN / f"{name}.tar.xz", "w:xz") as archive:
        for path in sorted(folder.glob("*.seg")):
            if path.read_bytes().strip(b"\0"):
                archive.add(path, path.name)


async def test_the_spool_of_every_earlier_format_is_loaded(tmp_path: Path) -> None:
    wanted = await fill(opened(tmp_path / "now"))
    kept = sorted(GOLDEN.glob("spool-format-*.tar.xz"))
    assert kept
    for path in kept:
        folder = tmp_path / path.name
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
        spool = opened(folder)
        assert list(spool.items()) == wanted and spool.damage == []
        assert [await read(spool, each) for each in ("Q1", "Q2", "Q5")] == [SMALL, LARGE, LETTER]
        assert spool.places["Q5"].inline_raw == len(LETTER)
        await spool.start()
        assert (await put(spool, "Q4", LARGE)).positive
        await spool.stop()
        assert [item.queue_id for item in opened(folder).items()] == ["Q1", "Q2", "Q5", "Q4"]


def newer_segment(size: int, generation: int) -> bytes:
    """A segment as a release to come may write it: another format in both heads, and who knows what behind."""
    head = b"OUTBOXSG" + struct.pack("<IIQ", 2, 1, generation) + b"?" * 32
    return (head.ljust(2048, b"!") * 2).ljust(size, b"n")


async def test_a_newer_format_is_mentioned_left_alone_and_hides_nothing(tmp_path: Path) -> None:
    wanted = await fill(opened(tmp_path))
    newer = newer_segment(1 << 20, 77)
    (tmp_path / "000099.seg").write_bytes(newer)
    spool = opened(tmp_path)
    before = {segment.generation for segment in spool.store.segments.values()}
    assert list(spool.items()) == wanted
    assert spool.damage == ["segment 99 is of a newer release: left alone"]
    await spool.start()
    for number in range(5):
        assert (await put(spool, f"N{number}", LARGE)).positive
    await spool.stop()
    assert (tmp_path / "000099.seg").read_bytes() == newer
    again = opened(tmp_path)
    assert len(list(again.items())) == 8
    since = {segment.generation for segment in again.store.segments.values()} - before
    assert since and min(since) > 77


async def test_a_flipped_format_in_one_head_hides_nothing(tmp_path: Path) -> None:
    wanted = await fill(opened(tmp_path))
    for path in tmp_path.glob("*.seg"):
        octets = bytearray(path.read_bytes())
        if octets.strip(b"\0"):
            octets[8] ^= 0x40
            path.write_bytes(octets)
    assert list(opened(tmp_path).items()) == wanted
