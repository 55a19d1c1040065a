"""Did it go? The scheduler, the spool and the history together answer, while a message waits and after its end."""

import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.control.lookup import Lookup
from appliance.core.reply import Reply
from appliance.ports import Refused
from appliance.settings.schema import Device
from appliance.spool.history import FileHistory
from tests.fakes.clock import FakeClock
from tests.room.test_scheduler import OK, Rig, World, made

GREY = Reply.of("451 4.7.1 greylisted, come again", "mx.z.example[192.0.2.9]")


class Asked(Rig):
    live: list[dict[str, Any]]

    async def ask(self, verb: str, **args: Any) -> Any:
        rows = [Device(network="192.0.2.7", name="Copier"), Device(network="192.0.2.99", name="Alarm")]
        answer = Lookup(self.scheduler, self.history, self.clock, rows, lambda: self.live).table()[verb](args)
        return await answer if inspect.isawaitable(answer) else answer


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Asked]:
    rig = Asked(tmp_path, made(tmp_path), FakeClock(), World())
    rig.live = []
    rig.world.answer = lambda hop, item, row: GREY if hop.name == "z.example" else OK
    await rig.start()
    yield rig
    await rig.stop()


async def test_every_attempt_is_told_while_it_waits_after_its_end_and_after_a_start(rig: Asked, tmp_path: Path) -> None:
    item = await rig.take("Q1", "b@y.example", "c@z.example", "d@z.example")
    for count in range(1, 4):
        await rig.until(lambda count=count: item.progress[1].direct_attempts == count and rig.scheduler.due_in(item))  # type: ignore[misc]
        rig.clock.pass_by(30.0)
        rig.scheduler.retry("Q1")
    await rig.until(lambda: item.progress[1].direct_attempts == 4 and rig.scheduler.due_in(item))
    waiting = await rig.ask("message", id="Q1")
    delivered, grey, same = waiting["recipients"]
    assert [each["outcome"] for each in delivered["attempts"]] == ["delivered"]
    for row in (grey, same):
        assert [each["reply"] for each in row["attempts"]] == [str(GREY)] * 4
    assert [each["at"] - item.arrival.at for each in grey["attempts"]] == [0.0, 30.0, 60.0, 90.0]

    rig.history.write()
    assert len(FileHistory(tmp_path, 30, 1 << 20, rig.clock).attempts.of("Q1", 1)) == 4

    rig.world.answer = lambda hop, item, row: OK
    rig.scheduler.retry("Q1")
    await rig.until(lambda: rig.scheduler.find("Q1") is None)
    over = await rig.ask("message", id="Q1")
    assert over["phase"] == "done" and over["subject"] == "scan"
    told = {row["to"]: [each["outcome"] for each in row["attempts"]] for row in over["recipients"]}
    assert told["c@z.example"] == ["deferred"] * 4 + ["delivered"] and told["b@y.example"] == ["delivered"]
    assert rig.history.attempts.of("Q1") == []


async def test_the_last_messages_come_from_queue_and_history_and_can_be_searched(rig: Asked) -> None:
    begin = rig.clock.wall()
    for number, to in enumerate(("b@y.example", "c@z.example", "e@y.example")):
        await rig.take(f"Q{number}", to)
        rig.clock.pass_by(60.0)
    await rig.until(lambda: len(list(rig.scheduler.items())) == 1)

    async def found(**args: Any) -> list[str]:
        return [each["id"] for each in await rig.ask("messages", **args)]

    assert await found() == ["Q2", "Q1", "Q0"] and await found(limit=2) == ["Q2", "Q1"]
    assert await found(address="@Y.EXAMPLE") == ["Q2", "Q0"] and await found(address="c@z") == ["Q1"]
    assert await found(device="192.0.2.7") == ["Q2", "Q1", "Q0"] and await found(device="scanner") == []
    assert await found(since=begin + 30, until=begin + 90) == ["Q1"]
    with pytest.raises(Refused):
        await rig.ask("messages", since="yesterday")
    with pytest.raises(Refused):
        await rig.ask("message", id="Q9")


async def test_devices_are_those_heard_of_and_those_with_a_name(rig: Asked) -> None:
    await rig.take("Q1", "c@z.example")
    await rig.take("Q2", "b@y.example")
    await rig.until(lambda: rig.scheduler.delivered_count == 1)
    heard = {"address": "192.0.2.8", "name": "", "seen_at": rig.clock.wall() + 1, "refused": 3}
    rig.live = [{**heard, "last_refusal": "550 no", "note": "", "held": "", "repairs": {"added Date": 2}}]
    other, copier, alarm = await rig.ask("devices")
    assert (other["address"], other["refused"], other["repairs"]) == ("192.0.2.8", 3, {"added Date": 2})
    assert (copier["name"], copier["messages"], copier["delivered"], copier["waiting"]) == ("Copier", 1, 1, 1)
    assert (alarm["name"], alarm["address"], alarm["seen_at"]) == ("Alarm", "192.0.2.99", None)


async def test_counts_are_rebuilt_from_the_history(rig: Asked, tmp_path: Path) -> None:
    await rig.take("Q1", "b@y.example")
    await rig.until(lambda: rig.scheduler.delivered_count == 1)
    before = await rig.ask("tallies")
    assert before["day"][-1][1:] == [1, 0] and sum(row[1] for row in before["week"]) == 1
    rig.history.write()
    rig.history = FileHistory(tmp_path, 30, 1 << 20, rig.clock)
    assert await rig.ask("tallies") == before


def test_subjects_are_kept_for_their_days_only(tmp_path: Path) -> None:
    clock = FakeClock()
    history = FileHistory(tmp_path, 30, 1 << 20, clock, subject_days=2)
    history.add({"id": "Q1", "subject": "salary"})
    history.write()
    assert history.search("salary")[0]["subject"] == "salary"
    clock.pass_by(2 * 86400 + 1)
    assert history.search()[0]["subject"] == "" and history.search("salary") == []
    history.write()
    assert "salary" not in (tmp_path / "history.jsonl").read_text()
