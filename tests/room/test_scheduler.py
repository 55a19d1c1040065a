"""The scheduler with the real spool on a folder, a scripted next hop and a clock that the test moves."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from appliance.core.envelope import Arrival, Envelope, Notify, Recipient
from appliance.core.item import Phase, Progress, QueueItem, State
from appliance.core.mailbox import parse
from appliance.core.reply import Reply
from appliance.delivery.attempt import Attempt
from appliance.delivery.bounces import Bounces
from appliance.delivery.reports import Reporter
from appliance.delivery.scheduler import Scheduler
from appliance.ports import Content, DamagedContent, Hop, Host
from appliance.settings.schema import Box, Delivery, Domain, Relay, Reports, Settings, SpoolSettings
from appliance.spool.files import Files
from appliance.spool.history import FileHistory
from appliance.spool.journal import JournalSpool, open_spool
from tests.fakes.clock import FakeClock

OK = Reply.of("250 2.0.0 ok", "mx")
Answer = Callable[[Hop, QueueItem, Progress], Reply]


class World:
    """Routes every domain to a host of its name; `answer` says what each recipient gets; `log` has every attempt."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str, list[str]]] = []
        self.contents: dict[str, bytes] = {}
        self.answer: Answer = lambda hop, item, row: OK
        self.routes: dict[str, Reply] = {}
        self.gate: asyncio.Event | None = None
        self.at_once = self.most_at_once = 0

    async def route(self, domain: str) -> Hop | Reply:
        return self.routes.get(domain) or Hop(domain, (Host(f"mx.{domain}", 25, ("192.0.2.9",)),))

    async def resolve(self, host: str, port: int) -> Host | Reply:
        return Host(host, port, ("192.0.2.8",))

    async def deliver(self, hop: Hop, item: QueueItem, recipients: Sequence[Progress], content: Content) -> list[Reply]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate:
                await self.gate.wait()
            self.log.append((hop.name, item.queue_id, [str(row.recipient.mailbox) for row in recipients]))
            self.contents[item.queue_id] = b"".join([piece async for piece in content.chunks()])
            return [self.answer(hop, item, row) for row in recipients]
        finally:
            self.at_once -= 1

    def close(self) -> None:
        pass


class Rig:
    def __init__(
        self, folder: Path, settings: Settings, clock: FakeClock, world: World, card: Files | None = None
    ) -> None:
        self.world, self.clock, self.crashes = world, clock, list[BaseException]()
        self.spool: JournalSpool = open_spool(settings.spool, clock, card)
        self.history = FileHistory(folder, 30, 1 << 20, clock)
        self.bounces = Bounces(folder, Files().append)
        reporter = Reporter(settings, self.spool, self.bounces, clock, lambda: "box.office.example")
        attempt = Attempt(settings, world, world, self.spool)
        self.scheduler = Scheduler(settings, self.spool, self.history, attempt, reporter, clock, self.crashes.append)

    async def start(self) -> None:
        await self.spool.start()
        self.scheduler.start()

    async def stop(self) -> None:
        self.counts_are_right()
        await self.scheduler.stop()
        self.counts_are_right()
        await self.spool.stop()
        assert not self.crashes

    def counts_are_right(self) -> None:
        """What is counted as it changes is what counting gives."""
        counted = Counter(item.phase for item in self.scheduler.items())
        assert {phase: count for phase, count in self.scheduler.census.counts.items() if count} == dict(counted)

    async def take(
        self, queue_id: str, *to: str, sender: str | None = "a@x.example", notify: tuple[Notify, ...] = ()
    ) -> QueueItem:
        recipients = tuple(Recipient(mailbox, frozenset(notify)) for mailbox in map(parse, to) if mailbox)
        envelope = Envelope(parse(sender) if sender else None, recipients)
        draft = self.spool.draft(queue_id)
        assert not isinstance(draft, Reply)
        await draft.write(b"Subject: scan\r\n\r\nbody\r\n")
        arrival = Arrival(self.clock.wall(), "192.0.2.7", subject="scan")
        assert (await draft.commit(envelope, arrival)).positive
        item = QueueItem.new(queue_id, envelope, arrival, draft.size_bytes)
        self.scheduler.accepted(item)
        return item

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.002)

    async def pass_by(self, seconds: float) -> None:
        self.clock.pass_by(seconds)
        self.scheduler.tick()
        await self.idle()

    async def idle(self) -> None:
        await self.until(lambda: not any(item.active for item in self.scheduler.items()))
        self.counts_are_right()

    @property
    def waiting(self) -> list[str]:
        return [item.queue_id for item in self.scheduler.items()]


def made(folder: Path, **other: object) -> Settings:
    spool = SpoolSettings(directory=str(folder), segment_bytes=1 << 20, ready_bytes=4 << 20, free_min_bytes=0)
    return Settings(spool=spool, **other)  # type: ignore[arg-type]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, made(tmp_path), FakeClock(), World())
    await rig.start()
    yield rig
    await rig.stop()


async def test_one_attempt_for_many_recipients_of_one_next_hop(rig: Rig) -> None:
    await rig.take("Q1", "b@y.example", "c@y.example", "d@z.example")
    await rig.until(lambda: not rig.waiting)
    assert sorted(rig.world.log) == [
        ("y.example", "Q1", ["b@y.example", "c@y.example"]), ("z.example", "Q1", ["d@z.example"])]  # fmt: skip
    assert {entry["outcome"] for entry in rig.history.search()} == {"delivered"}


async def test_a_transient_reply_waits_and_doubles(rig: Rig) -> None:
    rig.world.answer = lambda hop, item, row: Reply.of("450 4.7.1 later", "mx")
    item = await rig.take("Q1", "b@y.example")
    await rig.until(lambda: len(rig.world.log) == 1 and not item.active)
    first = rig.scheduler.due_in(item) or 0
    assert 360 <= first <= 600 and item.phase is Phase.DEFERRED
    await rig.pass_by(first - 1)
    assert len(rig.world.log) == 1
    await rig.pass_by(1.1)
    await rig.until(lambda: len(rig.world.log) == 2 and not item.active)
    assert (rig.scheduler.due_in(item) or 0) > 1.4 * first


async def test_a_refused_recipient_is_reported_and_the_others_go_on(rig: Rig) -> None:
    no = Reply.of("550 5.1.1 no such user", "mx")
    rig.world.answer = lambda hop, item, row: no if row.recipient.mailbox.local == "no" else OK
    await rig.take("Q1", "b@y.example", "no@y.example")
    await rig.until(lambda: not rig.waiting and len(rig.world.log) == 2)
    report = rig.world.log[1]
    assert report[0] == "x.example" and report[2] == ["a@x.example"]
    assert b"no such user" in rig.world.contents[report[1]]
    assert [record["recipient"] for record in rig.bounces.unread()] == ["no@y.example"]


async def test_a_null_reverse_path_is_never_answered_but_shown(rig: Rig) -> None:
    rig.world.answer = lambda hop, item, row: Reply.of("550 5.1.1 no", "mx")
    await rig.take("Q1", "b@y.example", sender=None)
    await rig.until(lambda: not rig.waiting)
    assert len(rig.world.log) == 1 and len(rig.bounces.unread()) == 1


async def test_notify_never_gets_no_report_and_success_gets_one(rig: Rig) -> None:
    await rig.take("Q1", "b@y.example", notify=(Notify.SUCCESS,))
    await rig.until(lambda: not rig.waiting and len(rig.world.log) == 2)
    assert b"Action: relayed" in rig.world.contents[rig.world.log[1][1]]
    rig.world.answer = lambda hop, item, row: Reply.of("550 5.1.1 no", "mx")
    await rig.take("Q2", "b@y.example", notify=(Notify.NEVER,))
    await rig.until(lambda: not rig.waiting)
    assert len(rig.world.log) == 3 and len(rig.bounces.unread()) == 1


async def test_success_is_told_when_it_happens_whatever_the_others_wait_for(rig: Rig) -> None:
    later = Reply.of("450 4.7.1 later", "mx")
    rig.world.answer = lambda hop, item, row: later if hop.name == "z.example" else OK
    item = await rig.take("Q1", "b@y.example", "c@z.example", notify=(Notify.SUCCESS,))
    await rig.until(lambda: len(rig.world.log) == 3 and rig.waiting == ["Q1"])
    first = rig.world.contents[rig.world.log[2][1]]
    assert b"b@y.example" in first and b"c@z.example" not in first
    await rig.idle()
    rig.world.answer = lambda hop, item, row: OK
    rig.scheduler.retry(item.queue_id)
    await rig.until(lambda: not rig.waiting and len(rig.world.log) == 5)
    second = rig.world.contents[rig.world.log[4][1]]
    assert b"c@z.example" in second and b"b@y.example" not in second.partition(b"message/delivery-status")[2][:400]


async def test_a_delay_is_told_once(rig: Rig) -> None:
    later = Reply.of("450 4.7.1 later", "mx")
    rig.world.answer = lambda hop, item, row: later if hop.name == "y.example" else OK
    await rig.take("Q1", "b@y.example")
    await rig.until(lambda: rig.world.log)
    for _ in range(30):
        await rig.pass_by(3600)
        await asyncio.sleep(0.005)
    told = [queue_id for name, queue_id, _ in rig.world.log if name == "x.example"]
    assert len(told) == 1 and b"Action: delayed" in rig.world.contents[told[0]]


async def test_old_mail_is_given_up_and_reported_with_4_4_7(rig: Rig) -> None:
    later = Reply.of("450 4.7.1 later", "mx")
    rig.world.answer = lambda hop, item, row: later if hop.name == "y.example" else OK
    await rig.take("Q1", "b@y.example")
    await rig.until(lambda: rig.world.log)
    await rig.idle()
    await rig.pass_by(5 * 86400 + 1)
    await rig.until(lambda: not rig.waiting)
    assert b"Status: 4.4.7" in rig.world.contents[rig.world.log[-1][1]]


async def test_nothing_expires_before_the_clock_is_known(rig: Rig) -> None:
    rig.world.answer = lambda hop, item, row: Reply.of("450 4.7.1 later", "mx")
    rig.clock.is_known = False
    item = await rig.take("Q1", "b@y.example")
    await rig.until(lambda: rig.world.log)
    await rig.idle()
    rig.clock.at += 50 * 365 * 86400
    await rig.pass_by(1000)
    await rig.until(lambda: len(rig.world.log) == 2)
    assert item.progress[0].state is State.PENDING


@pytest.mark.parametrize("jump", [10 * 86400.0, -86400.0, -3e9])
async def test_a_clock_that_jumps_makes_no_wait_longer_than_the_longest(tmp_path: Path, jump: float) -> None:
    clock, world = FakeClock(), World()
    world.answer = lambda hop, item, row: Reply.of("450 4.7.1 later", "mx")
    rig = Rig(tmp_path, made(tmp_path, delivery=Delivery(expire_after_s=2592000)), clock, world)
    await rig.start()
    await rig.take("Q1", "b@y.example")
    await rig.until(lambda: world.log)
    await rig.idle()
    await rig.stop()
    clock.at += jump
    again = Rig(tmp_path, made(tmp_path), clock, world)
    await again.start()
    (item,) = again.scheduler.items()
    assert 0 <= (again.scheduler.due_in(item) or 0) <= Domain().retry_longest_s
    await again.stop()


async def test_an_unknown_domain_is_final_on_the_second_look_only(rig: Rig) -> None:
    rig.world.routes["gone.example"] = Reply.of("550 5.1.2 no such domain")
    item = await rig.take("Q1", "b@gone.example")
    await rig.until(lambda: item.progress[0].reply and not item.active)
    assert item.progress[0].state is State.PENDING and rig.scheduler.due_in(item) == 300
    await rig.pass_by(301)
    await rig.until(lambda: "Q1" not in rig.waiting)
    assert len(rig.bounces.unread()) == 1


async def test_a_reply_about_us_is_the_relays_turn_at_once(tmp_path: Path) -> None:
    world = World()
    blocked = Reply.of("550 5.7.1 your IP is on a blacklist", "mx")
    world.answer = lambda hop, item, row: OK if hop.name.startswith("relay") else blocked
    settings = made(
        tmp_path, relay=(Relay(name="off", host="r.example", enabled=False), Relay(name="isp", host="r.example"))
    )
    rig = Rig(tmp_path, settings, FakeClock(), world)
    await rig.start()
    await rig.take("Q1", "b@y.example")
    await rig.until(lambda: not rig.waiting)
    assert [name for name, _, _ in world.log] == ["y.example", "relay isp"]
    await rig.stop()


async def test_a_bug_in_an_attempt_defers_that_item_only(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def answer(hop: Hop, item: QueueItem, row: Progress) -> Reply:
        if item.queue_id == "BAD":
            raise RuntimeError("a bug")
        return OK

    rig.world.answer = answer
    bad = await rig.take("BAD", "b@y.example")
    await rig.take("GOOD", "b@y.example")
    await rig.until(lambda: rig.waiting == ["BAD"] and not bad.active)
    assert bad.progress[0].reply and bad.progress[0].reply.code == 451 and "RuntimeError" in caplog.text


async def test_damaged_content_is_quarantined_shown_and_reported(rig: Rig) -> None:
    def answer(hop: Hop, item: QueueItem, row: Progress) -> Reply:
        if item.queue_id == "BAD":
            raise DamagedContent("the card lies")
        return OK

    rig.world.answer = answer
    await rig.take("BAD", "b@y.example")
    await rig.until(lambda: not rig.waiting)
    assert len(rig.bounces.unread()) == 1 and rig.spool.facts().quarantined == 1


async def test_a_dead_host_is_not_hammered_by_each_message(rig: Rig) -> None:
    rig.world.answer = lambda hop, item, row: Reply.of("451 4.4.1 no answer", "mx")
    for number in range(100):
        await rig.take(f"Q{number}", "b@y.example")
    await rig.until(lambda: all(i.phase is Phase.DEFERRED for i in rig.scheduler.items()))
    assert len(rig.world.log) <= Domain().connections_max


async def test_connections_to_one_hop_are_bounded_and_do_not_block_another(rig: Rig) -> None:
    rig.world.gate = asyncio.Event()
    for number in range(30):
        await rig.take(f"Q{number}", "b@y.example")
    assert rig.world.most_at_once <= Domain().connections_max
    rig.clock.pass_by(1)  # the burst of clients is over
    await rig.take("Z", "b@z.example")
    await rig.until(lambda: rig.world.at_once == Domain().connections_max + 1)
    rig.world.gate.set()
    await rig.until(lambda: not rig.waiting)


async def test_held_mail_is_not_tried_until_it_is_released(rig: Rig) -> None:
    rig.world.gate = asyncio.Event()
    rig.world.answer = lambda hop, item, row: Reply.of("450 4.7.1 later", "mx")
    item = await rig.take("Q1", "b@y.example")
    await rig.until(lambda: rig.world.at_once == 1)
    assert rig.scheduler.hold("Q1", "look at it")
    rig.world.gate.set()
    await rig.until(lambda: rig.world.log and not item.active)
    await rig.pass_by(7200)
    assert len(rig.world.log) == 1 and item.phase is Phase.HELD
    rig.world.answer = lambda hop, item, row: OK
    assert rig.scheduler.release("Q1")
    await rig.until(lambda: not rig.waiting)


@pytest.mark.parametrize(("report", "sent"), [(True, 1), (False, 0)])
async def test_the_operator_gives_up_with_or_without_a_report(rig: Rig, report: bool, sent: int) -> None:
    rig.world.routes["y.example"] = Reply.of("451 4.4.3 no DNS")
    item = await rig.take("Q1", "b@y.example")
    await rig.until(lambda: item.progress[0].reply and not item.active)
    assert await rig.scheduler.give_up("Q1", report)
    await rig.until(lambda: not rig.waiting)
    assert len(rig.world.log) == sent
    assert rig.history.search("operator")


async def test_after_a_start_a_failure_is_reported_before_anything_else(tmp_path: Path) -> None:
    world, clock = World(), FakeClock()
    settings = made(tmp_path, box=Box(owner="boss@x.example"))
    rig = Rig(tmp_path, settings, clock, world)
    await rig.spool.start()
    item = await rig.take("Q1", "b@y.example")
    await rig.until(lambda: world.log)
    await rig.stop()
    again = Rig(tmp_path, settings, clock, world)
    await again.spool.start()
    draft = again.spool.draft("Q2")
    assert not isinstance(draft, Reply)
    assert (
        await draft.commit(Envelope(item.reverse_path, (item.progress[0].recipient,)), Arrival(clock.wall()))
    ).positive
    failed = QueueItem.new("Q2", Envelope(item.reverse_path, (item.progress[0].recipient,)), Arrival(clock.wall()), 0)
    from appliance.core.item import Event

    failed.progress[0].step(Event.FAIL, Reply.of("550 5.1.1 no", "mx"), clock.wall())
    again.spool.record(failed, failed.progress)
    await again.spool.settled()
    await again.spool.stop()
    third = Rig(tmp_path, settings, clock, world)
    await third.start()
    await third.until(lambda: not third.waiting)
    assert world.log[-1][2] == ["a@x.example"] and len(third.bounces.unread()) == 1
    await third.stop()


async def test_the_report_for_a_device_sender_goes_to_the_owner(tmp_path: Path) -> None:
    world = World()
    world.answer = lambda hop, item, row: OK if hop.name == "office.example" else Reply.of("550 5.1.1 no", "mx")
    rig = Rig(tmp_path, made(tmp_path, box=Box(owner="boss@office.example")), FakeClock(), world)
    await rig.start()
    await rig.take("Q1", "b@y.example", sender="NoReply@copier.example")
    await rig.until(lambda: not rig.waiting)
    assert world.log[-1][2] == ["boss@office.example"]
    await rig.stop()


async def test_reports_to_one_mailbox_are_bounded_and_the_rest_is_shown(tmp_path: Path) -> None:
    world = World()
    world.answer = lambda hop, item, row: OK if hop.name == "x.example" else Reply.of("550 5.1.1 no", "mx")
    rig = Rig(tmp_path, made(tmp_path, reports=Reports(per_sender_hour=3)), FakeClock(), world)
    await rig.start()
    for number in range(10):
        await rig.take(f"Q{number}", "b@y.example")
    await rig.until(lambda: not rig.waiting)
    assert sum(name == "x.example" for name, _, _ in world.log) == 3
    assert len(rig.bounces.unread()) == 10
    await rig.stop()
