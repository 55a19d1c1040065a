"""The scheduler when clocks jump, hosts die, lanes are long and the operator is in a hurry."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.core.envelope import Notify
from appliance.core.item import QueueItem, State
from appliance.core.reply import Reply
from appliance.ports import DamagedContent, Hop
from appliance.settings.schema import Delivery, Domain
from tests.fakes.card import WatchedCard
from tests.fakes.clock import FakeClock
from tests.room.test_scheduler import OK, Rig, World, made

LATER = Reply.of("450 4.7.1 later", "mx")
SILENT = Reply.of("451 4.4.1 no answer", "mx")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path, made(tmp_path, domain=(Domain(connections_max=1),)), FakeClock(), World())
    await rig.start()
    yield rig
    await rig.stop()


async def tried(rig: Rig, count: int) -> None:
    await rig.until(lambda: len(rig.world.log) >= count)
    await rig.idle()


@pytest.mark.parametrize("jump", [10 * 86400.0, -86400.0])
async def test_a_wall_clock_that_jumps_expires_nothing_and_keeps_the_retries(rig: Rig, jump: float) -> None:
    rig.world.answer = lambda hop, item, row: LATER
    item = await rig.take("Q1", "b@y.example")
    await tried(rig, 1)
    rig.clock.at += jump
    for count in (2, 3, 4):
        await rig.pass_by(7200)
        await tried(rig, count)
    assert item.progress[0].state is State.PENDING


async def test_mail_stamped_by_a_clock_in_1970_is_not_56_years_old(tmp_path: Path) -> None:
    clock, world = FakeClock(60.0), World()
    clock.is_known = False
    world.answer = lambda hop, item, row: LATER
    rig = Rig(tmp_path, made(tmp_path), clock, world)
    await rig.start()
    await rig.take("Q1", "b@y.example")
    await tried(rig, 1)
    await rig.stop()
    clock.at, clock.is_known = 1_800_000_000.0, True
    again = Rig(tmp_path, made(tmp_path), clock, world)
    await again.start()
    await again.pass_by(7200)
    await tried(again, 2)
    assert again.waiting == ["Q1"]
    await again.stop()


async def test_an_unknown_domain_gets_its_second_look_although_the_clock_went_back(rig: Rig) -> None:
    rig.world.routes["gone.example"] = Reply.of("550 5.1.2 no such domain")
    item = await rig.take("Q1", "b@gone.example")
    await rig.until(lambda: item.progress[0].reply)
    rig.clock.at -= 86400
    for _ in range(2):
        await rig.until(lambda: rig.scheduler.due_in(item))
        await rig.pass_by(301)
        await rig.until(lambda: "Q1" not in rig.waiting or rig.scheduler.due_in(item))
    assert len(rig.bounces.unread()) == 1


async def test_a_dead_host_gets_one_probe_at_ever_longer_times_and_all_mail_when_it_is_back(rig: Rig) -> None:
    rig.world.answer = lambda hop, item, row: SILENT
    for number in range(40):
        await rig.take(f"Q{number}", "b@y.example")
    await tried(rig, 1)
    for _ in range(60):
        await rig.pass_by(60)
        await rig.until(lambda: all(rig.scheduler.due_in(item) for item in rig.scheduler.items()))
    assert 4 <= len(rig.world.log) <= 14
    rig.world.answer = lambda hop, item, row: OK
    await rig.pass_by(601)
    await rig.pass_by(7200)
    await rig.until(lambda: not rig.waiting)


async def test_old_mail_behind_a_dead_host_is_given_up_without_a_turn_of_its_own(tmp_path: Path) -> None:
    world, clock = World(), FakeClock()
    world.answer = lambda hop, item, row: SILENT if hop.name == "y.example" else OK
    settings = made(tmp_path, domain=(Domain(connections_max=1),), delivery=Delivery(expire_after_s=100))
    rig = Rig(tmp_path, settings, clock, world)
    await rig.start()
    for number in range(20):
        await rig.take(f"Q{number}", "b@y.example")
    await tried(rig, 1)
    for _ in range(20):
        await rig.pass_by(61)
    await rig.until(lambda: not rig.waiting)
    assert len([name for name, _, _ in world.log if name == "y.example"]) < 10
    assert len(rig.bounces.unread()) == 20
    await rig.stop()


async def test_the_operator_holds_and_deletes_what_waits_in_a_long_lane(rig: Rig) -> None:
    rig.world.gate = asyncio.Event()
    for queue_id in ("Q1", "Q2", "Q3", "Q4"):
        await rig.take(queue_id, "b@y.example")
    await rig.until(lambda: rig.world.at_once == 1)
    assert rig.scheduler.hold("Q2", "") and await rig.scheduler.give_up("Q3", report=False)
    rig.world.gate.set()
    await rig.until(lambda: rig.waiting == ["Q2"])
    assert [queue_id for _, queue_id, _ in rig.world.log] == ["Q1", "Q4"]
    assert rig.scheduler.release("Q2")
    await rig.until(lambda: not rig.waiting)


async def test_a_host_that_took_over_the_duty_to_report_spares_the_senders_report(rig: Rig) -> None:
    rig.world.answer = lambda hop, item, row: replace(OK, dsn=True)
    await rig.take("Q1", "b@y.example", notify=(Notify.SUCCESS,))
    await rig.until(lambda: not rig.waiting)
    assert len(rig.world.log) == 1


async def test_the_report_of_a_damaged_item_goes_out(rig: Rig) -> None:
    def answer(hop: Hop, item: QueueItem, row: object) -> Reply:
        if item.queue_id == "BAD":
            raise DamagedContent("the card lies")
        return OK

    rig.world.answer = answer
    await rig.take("BAD", "b@y.example", "c@z.example")
    await rig.until(lambda: not rig.waiting)
    assert [name for name, _, _ in rig.world.log].count("x.example") == 1
    assert len(rig.bounces.unread()) == 2


async def test_a_report_that_the_card_refuses_is_made_later_and_nothing_is_forgotten(tmp_path: Path) -> None:
    world, clock = World(), FakeClock()
    world.answer = lambda hop, item, row: Reply.of("550 5.1.1 no", "mx") if hop.name == "y.example" else OK
    rig = Rig(tmp_path, made(tmp_path), clock, world)
    await rig.start()
    drafts = rig.spool.draft
    full = Reply.of("452 4.3.1 card full")
    item = await rig.take("Q1", "b@y.example")
    rig.spool.draft = lambda queue_id, expected_bytes=0: full  # type: ignore[method-assign]
    await rig.until(lambda: item.progress[0].state is State.FAILED)
    await rig.stop()
    assert rig.waiting == ["Q1"] and not rig.bounces.unread()
    rig.spool.draft = drafts  # type: ignore[method-assign]
    again = Rig(tmp_path, made(tmp_path), clock, world)
    await again.start()
    await again.until(lambda: not again.waiting)
    assert world.log[-1][2] == ["a@x.example"] and len(again.bounces.unread()) == 1
    await again.stop()


async def test_a_host_that_greets_with_not_now_is_not_asked_for_each_message(rig: Rig) -> None:
    rig.world.answer = lambda hop, item, row: Reply.of("421 greeting: 4.3.2 not now", "mx")
    for number in range(20):
        await rig.take(f"Q{number}", "b@y.example")
    await rig.until(lambda: all(item.progress[0].reply for item in rig.scheduler.items()))
    assert len(rig.world.log) == 1


async def test_while_the_card_does_not_flush_at_most_32_deliveries_go_out(tmp_path: Path) -> None:
    """P3: what a power cut then repeats. Attempts under way count, so that they cannot overshoot it together."""
    settings = made(tmp_path, domain=(Domain(connections_max=50),), delivery=Delivery(sessions_max=50))
    card = WatchedCard()
    rig = Rig(tmp_path, settings, FakeClock(), World(), card)
    await rig.start()
    rig.world.gate = asyncio.Event()
    for number in range(50):
        await rig.take(f"Q{number}", "b@y.example")
    with card.still:
        rig.world.gate.set()
        await rig.until(lambda: len(rig.world.log) >= 32)
        await asyncio.sleep(0.05)
        assert len(rig.world.log) == 32
    await rig.until(lambda: not rig.waiting)
    assert len(rig.world.log) == 50
    await rig.stop()


async def test_a_delivery_is_on_the_card_within_five_seconds_without_any_company(rig: Rig) -> None:
    await rig.take("Q1", "b@y.example")
    await rig.until(lambda: not rig.waiting)
    assert rig.spool.window.unrecorded == 1
    began = asyncio.get_running_loop().time()
    await rig.until(lambda: rig.spool.window.unrecorded == 0)
    assert asyncio.get_running_loop().time() - began < 5
