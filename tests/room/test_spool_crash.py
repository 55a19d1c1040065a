"""The plug is pulled, or the process killed, anywhere in: accept, deliver one, bounce one, deliver the DSN."""

import asyncio
import random
import shutil
import threading
from pathlib import Path

from appliance.core.envelope import Arrival, Envelope, Recipient
from appliance.core.item import Event, QueueItem, State
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply
from appliance.settings.schema import SpoolSettings
from appliance.spool.files import Files
from appliance.spool.journal import JournalSpool, open_spool
from appliance.spool.place import Place
from tests.fakes.card import PoweredCard, WatchedCard
from tests.fakes.clock import FakeClock

ENVELOPE = Envelope(Mailbox("a", "x.example"), (Recipient(Mailbox("b", "y.example")),))
Told = tuple[set[str], set[str], set[str], bool]
SEGMENT = 8 * 65536
CONTENTS = {"SMALL": b"s" * 2000, "LARGE": random.Random(1).randbytes(600_000), "DSN": b"d" * 3000}


def settings(folder: Path) -> SpoolSettings:
    return SpoolSettings(directory=str(folder), segment_bytes=SEGMENT, ready_bytes=3 * SEGMENT, free_min_bytes=0)


class Cycle:
    """One life of two messages, with what the world was told so far."""

    def __init__(self, folder: Path, files: Files) -> None:
        self.spool = open_spool(settings(folder), FakeClock(), files)
        self.acknowledged: set[str] = set()
        self.maybe_removed: set[str] = set()
        self.removed: set[str] = set()
        self.failed_for_sure = False

    def told(self) -> Told:
        return set(self.acknowledged), set(self.maybe_removed), set(self.removed), self.failed_for_sure

    def since(self, told: Told) -> Told:
        """`told` before a copy of the card was made, with what may have been removed while it was made."""
        return told[0], set(self.maybe_removed), told[2], told[3]

    async def accept(self, name: str) -> None:
        draft = self.spool.draft(name)
        assert not isinstance(draft, Reply)
        for start in range(0, len(CONTENTS[name]), 100_000):
            assert await draft.write(CONTENTS[name][start : start + 100_000]) is None
        reply = await draft.commit(ENVELOPE, Arrival(1.0))
        assert reply.positive
        self.acknowledged.add(name)

    async def remove(self, name: str) -> None:
        self.maybe_removed.add(name)
        self.spool.remove(item(name))
        assert (await self.spool.settled()).positive
        self.removed.add(name)

    async def live(self) -> None:
        await self.spool.start()
        await asyncio.gather(self.accept("SMALL"), self.accept("LARGE"))
        await self.remove("SMALL")
        bounced = item("LARGE")
        bounced.progress[0].step(Event.FAIL, Reply.of("550 5.1.1 nobody"), 2.0)
        self.spool.record(bounced, bounced.progress)
        assert (await self.spool.settled()).positive
        self.failed_for_sure = True
        await self.accept("DSN")
        bounced.progress[0].step(Event.REPORT)
        self.spool.record(bounced, bounced.progress)
        await self.remove("LARGE")
        await self.remove("DSN")
        await self.spool.stop()


def item(name: str) -> QueueItem:
    return QueueItem.new(name, ENVELOPE, Arrival(1.0), len(CONTENTS[name]))


async def contents(spool: JournalSpool) -> dict[str, bytes]:
    return {name: b"".join([piece async for piece in spool.content(name).chunks()]) for name in spool.places}


async def judge(folder: Path, told: Told) -> None:
    acknowledged, maybe_removed, removed, failed = told
    spool = open_spool(settings(folder), FakeClock())
    found = {each.queue_id: each for each in spool.items()}
    assert acknowledged - maybe_removed <= set(found)
    assert not removed & set(found)
    for name, octets in (await contents(spool)).items():
        assert octets == CONTENTS[name]
    if failed and "LARGE" in found:
        assert found["LARGE"].progress[0].state in (State.FAILED, State.REPORTED)
    assert spool.facts().quarantined == 0
    spool.store.close()


async def test_killed_before_any_operation_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    card = tmp_path / "card"
    folders: list[tuple[Path, Told]] = []
    cycle: Cycle | None = None
    one_at_a_time = threading.Lock()

    def before(name: str) -> None:
        if cycle is not None:
            with one_at_a_time:
                told, folder = cycle.told(), tmp_path / f"{len(folders)}"
                shutil.copytree(card, folder)
                folders.append((folder, cycle.since(told)))

    cycle = Cycle(card, WatchedCard(before))
    await cycle.live()
    assert len(folders) > 20
    for folder, told in folders:
        await judge(folder, told)


async def test_a_power_cut_at_any_instant_loses_nothing_acknowledged(tmp_path: Path) -> None:
    rng = random.Random(5)
    states: list[tuple[dict[str, bytes], Told]] = []
    cycle: Cycle | None = None

    def before(name: str) -> None:
        if cycle is not None:
            told = cycle.told()
            copies = list(files.states(rng))
            told = cycle.since(told)
            states.extend((state, told) for state in copies)

    files = PoweredCard(before)
    cycle = Cycle(tmp_path / "card", files)
    await cycle.live()
    assert len(states) > 200
    for number, (state, told) in enumerate(states):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for name, octets in state.items():
            (folder / name).write_bytes(octets)
        await judge(folder, told)
        shutil.rmtree(folder)


async def test_a_power_cut_while_survivors_move_loses_none(tmp_path: Path) -> None:
    """Segments go round many times; two old messages, one of them large, are moved again and again."""
    rng = random.Random(9)
    states: list[tuple[dict[str, bytes], set[str]]] = []
    kept: set[str] = set()
    first: dict[str, Place] = {}

    def before(name: str) -> None:
        if kept and rng.random() < 0.08:
            states.extend((state, set(kept)) for state in files.states(rng))

    files = PoweredCard(before)
    spool = open_spool(settings(tmp_path / "card"), FakeClock(), files)
    await spool.start()
    for number in range(100):
        if number in (1, 3):
            name = "SMALL" if number == 1 else "LARGE"
            await _put(spool, name, CONTENTS[name])
            kept.add(name)
            first[name] = spool.places[name]
        await _put(spool, f"N{number}", bytes(64_000 if number % 4 else 300_000))
        spool.remove(QueueItem.new(f"N{number}", ENVELOPE, Arrival(1.0), 0))
        assert (await spool.settled()).positive
    assert all(spool.places[name] != first[name] for name in kept)
    assert spool.store.log[0].generation > 8
    assert spool.facts().segments <= 18
    await spool.stop()
    assert len(states) > 100
    for state, names in states[:: max(1, len(states) // 80)]:
        folder = tmp_path / "cut"
        folder.mkdir()
        for file, octets in state.items():
            (folder / file).write_bytes(octets)
        again = open_spool(settings(folder), FakeClock())
        assert names <= set(again.places)
        assert again.facts().quarantined == 0, again.damage
        for name, octets in (await contents(again)).items():
            assert octets == CONTENTS.get(name, octets)
        again.store.close()
        shutil.rmtree(folder)


async def test_a_spool_cut_off_once_goes_on(tmp_path: Path) -> None:
    """After a torn write the next life starts cleanly, and its mail survives the one after."""
    spool = open_spool(settings(tmp_path), FakeClock())
    await spool.start()
    for name in ("ONE", "TWO"):
        await _put(spool, name, random.Random(name).randbytes(9000))
    segment = spool.store.log[0]
    end = segment.cursor
    await spool.stop()
    octets = bytearray(segment.path.read_bytes())
    octets[end - 8192 :] = bytes(len(octets) - end + 8192)  # the tail of TWO and all after it never reached the card
    segment.path.write_bytes(octets)
    for life in range(3):
        spool = open_spool(settings(tmp_path), FakeClock())
        assert {each.queue_id for each in spool.items()} == {"ONE", *(f"L{n}" for n in range(life))}
        assert spool.facts().quarantined == 0
        await spool.start()
        await _put(spool, f"L{life}", b"2" * 500)
        await spool.stop()


async def _put(spool: JournalSpool, name: str, content: bytes) -> None:
    draft = spool.draft(name)
    assert not isinstance(draft, Reply)
    await draft.write(content)
    assert (await draft.commit(ENVELOPE, Arrival(1.0))).positive
