"""A commit killed before each single change on the card: old or new, never mixed, and the way back holds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.settings.load import load
from appliance.settings.schema import Settings
from appliance.steward.room import Steward
from tests.fakes.clock import FakeClock
from tests.room.test_steward import TEXT


def killed_commits(folder: Path, minutes: float) -> list[Path]:
    """A folder for each change before which the commit died; the last one was not killed."""
    template = folder / "template"
    template.mkdir()
    (template / "outbox.toml").write_text(TEXT.format(folder=template))
    Steward(template / "outbox.toml", clock=FakeClock(), boot="boot 1").store.assign("dns.timeout_s", "3")
    command = [sys.executable, "-m", "tests.room.dying", str(template), str(folder), str(minutes)]
    count = int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)
    assert count > 8, "fewer changes than a commit makes"
    return [folder / str(number) for number in range(1, count + 1)]


def timeout_s(folder: Path) -> float:
    found = load(folder / "outbox.toml")
    assert isinstance(found, Settings), (folder.name, found)
    return found.dns.timeout_s


async def after(folder: Path, seconds: float) -> float:
    """What runs when the steward has started again and that time has passed."""
    clock = FakeClock()
    steward = Steward(folder / "outbox.toml", clock=clock, boot="boot 1")
    await steward.start()
    clock.pass_by(seconds)
    if steward.pending.active:
        await steward.commits._look()
    await steward.stop()
    return timeout_s(folder)


def test_a_plain_commit_is_old_or_new_and_a_way_back_is_kept(tmp_path: Path) -> None:
    seen = []
    for folder in killed_commits(tmp_path, 0):
        seen.append(timeout_s(folder))
        assert asyncio.run(after(folder, 0)) == seen[-1], "starting again changes nothing"
        store = Steward(folder / "outbox.toml", clock=FakeClock(), boot="boot 1").store
        texts = [each.text for each in store.commits()]
        assert store.running_text() == texts[0]
        assert seen[-1] == 5 or len(texts) == 2, "one can roll back to what was before"
    assert seen == sorted(seen, reverse=True) and set(seen) == {5, 3}


@pytest.mark.parametrize("seconds", [300.0])
def test_a_commit_to_confirm_goes_back_wherever_it_died(tmp_path: Path, seconds: float) -> None:
    folders = killed_commits(tmp_path, seconds / 60)
    assert {timeout_s(folder) for folder in folders} == {5, 3}
    for folder in folders:
        assert asyncio.run(after(folder, seconds)) == 5, folder.name
