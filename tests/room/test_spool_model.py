"""The spool against a model: accept, attempt, hold, finish, settle, orderly stop, crash, in any order."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from appliance.core.envelope import Arrival, Envelope, Recipient
from appliance.core.item import Event, QueueItem
from appliance.core.item_data import to_data
from appliance.core.mailbox import Mailbox
from appliance.core.reply import Reply
from appliance.settings.schema import SpoolSettings
from appliance.spool.journal import open_spool
from tests.fakes.card import WatchedCard
from tests.fakes.clock import FakeClock

ENVELOPE = Envelope(None, tuple(Recipient(Mailbox(name, "y.example")) for name in "bc"))
SEGMENT = 5 * 65536


class SpoolMachine(RuleBasedStateMachine):
    """`versions` holds, for each item, the states that a crash may leave: the settled one and all since."""

    names = Bundle("names")

    @initialize()
    def begin(self) -> None:
        self.root, self.lives, self.count = Path(tempfile.mkdtemp()), 0, 0
        self.loop = asyncio.new_event_loop()
        self.items: dict[str, QueueItem] = {}
        self.contents: dict[str, bytes] = {}
        self.versions: dict[str, list[object]] = {}
        self._open(self.root / "0")

    def _open(self, folder: Path) -> None:
        self.folder, self.card = folder, WatchedCard()
        self.spool = open_spool(
            SpoolSettings(directory=str(folder), segment_bytes=SEGMENT, ready_bytes=2 * SEGMENT, free_min_bytes=0),
            FakeClock(),
            self.card,
        )
        found = {item.queue_id: item for item in self.spool.items()}
        for name, versions in list(self.versions.items()):
            if name not in found:
                assert None in versions, f"{name} is lost"
                del self.versions[name]
                self.items.pop(name, None)
            else:
                assert to_data(found[name]) in versions
                self.items[name], self.versions[name] = found[name], [to_data(found[name])]
        assert set(found) == set(self.versions)
        assert self.spool.facts().quarantined == 0
        self.loop.run_until_complete(self.spool.start())

    @rule(target=names, size=st.sampled_from([0, 3000, 65536, 65537, 300_000]))
    def accept(self, size: int) -> str:
        self.count += 1
        name = f"Q{self.count}"
        content = (name.encode() * size)[:size]
        draft = self.spool.draft(name, size)
        assert not isinstance(draft, Reply)
        assert self.loop.run_until_complete(draft.write(content)) is None
        assert self.loop.run_until_complete(draft.commit(ENVELOPE, Arrival(1.0))).positive
        self.items[name], self.contents[name] = QueueItem.new(name, ENVELOPE, Arrival(1.0), size), content
        self.versions[name] = [to_data(self.items[name])]
        return name

    @rule(name=names, recipient=st.integers(0, 1), event=st.sampled_from([Event.DEFER, Event.DELIVER, Event.FAIL]))
    def attempt(self, name: str, recipient: int, event: Event) -> None:
        item = self.items.get(name)
        if item is None or item.progress[recipient].state != "pending":
            return
        item.progress[recipient].step(event, Reply(250, "", "so it went"), 3.0)
        item.progress[recipient].direct_attempts += 1
        self.spool.record(item, [item.progress[recipient]])
        self.versions[name].append(to_data(item))

    @rule(name=names, reason=st.sampled_from(["", "operator"]))
    def hold(self, name: str, reason: str) -> None:
        if item := self.items.get(name):
            item.held = reason
            self.spool.record(item, [])
            self.versions[name].append(to_data(item))

    @rule(name=consumes(names))
    def finish(self, name: str) -> None:
        if item := self.items.pop(name, None):
            self.spool.remove(item)
            self.versions[name].append(None)

    @rule()
    def settle(self) -> None:
        assert self.loop.run_until_complete(self.spool.settled()).positive
        for name, versions in list(self.versions.items()):
            self.versions[name] = versions[-1:]

    @rule()
    def stop_and_start(self) -> None:
        self.loop.run_until_complete(self.spool.stop())
        for name, versions in list(self.versions.items()):
            self.versions[name] = versions[-1:]
        self._open(self.folder)

    @rule()
    def crash(self) -> None:
        """The process dies: what was written stays, what waited is gone."""
        self.lives += 1
        with self.card.still:
            shutil.copytree(self.folder, self.root / str(self.lives))
        self.loop.run_until_complete(self.spool.stop())
        shutil.rmtree(self.folder)
        self._open(self.root / str(self.lives))

    @invariant()
    def contents_are_what_was_written(self) -> None:
        for name in list(getattr(self, "items", {}))[-2:]:
            assert self.loop.run_until_complete(self._read(name)) == self.contents[name]

    async def _read(self, name: str) -> bytes:
        return b"".join([piece async for piece in self.spool.content(name).chunks()])

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.loop.run_until_complete(self.spool.stop())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.root)


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
