"""The steward over its real socket: settings, commit confirmed, passwords, who may use what."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from appliance.interface.client import ask
from appliance.ports import Refused
from appliance.settings.load import load
from appliance.settings.salvage import load_or_salvage
from appliance.settings.schema import Settings
from appliance.steward.machine import PlainMachine
from appliance.steward.room import BUTTON, Steward
from tests.fakes.clock import FakeClock

TEXT = """format = 1
[control]
socket = "{folder}/control.sock"
steward_socket = "{folder}/steward.sock"
[paths]
accounts = "{folder}/accounts.json"
credentials = "{folder}/credentials.toml"
password = "{folder}/password.json"
settings = "{folder}/settings"
tls = "{folder}/tls"
[spool]
directory = "{folder}/spool"
"""


class Machine(PlainMachine):
    """Remembers what was to be restarted."""

    restarted: list[str]

    def __init__(self, settings: Settings, stop: Any = lambda: None) -> None:
        super().__init__(settings, stop)
        self.restarted = []

    async def restart(self, parts: Iterable[str]) -> list[str]:
        self.restarted += parts
        return []


class Box:
    """A folder with a settings file, and the steward that is started on it again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config, self.clock = folder, folder / "outbox.toml", FakeClock()
        self.config.write_text(TEXT.format(folder=folder))
        self.steward: Steward | None = None

    async def start(self, boot: str = "boot 1") -> Steward:
        self.steward = Steward(self.config, Machine, self.clock, boot)
        await self.steward.start()
        return self.steward

    async def stop(self) -> None:
        if self.steward:
            await self.steward.stop()
            self.steward = None

    async def ask(self, verb: str, **args: Any) -> Any:
        return await asyncio.to_thread(ask, f"{self.folder}/steward.sock", verb, args)

    def timeout_s(self) -> float:
        found = load(self.config)
        assert isinstance(found, Settings)
        return found.dns.timeout_s

    async def time_passes(self, seconds: float) -> None:
        """And the steward looks at its clock."""
        self.clock.pass_by(seconds)
        assert self.steward
        if self.steward.pending.active:
            await self.steward.commits._look()


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = Box(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def test_set_compare_commit_history_rollback(box: Box) -> None:
    await box.ask("settings.set", path="dns.timeout_s", value="3")
    assert (await box.ask("settings.compare"))["lines"] == ["- dns.timeout_s = 5", "+ dns.timeout_s = 3"]
    assert box.timeout_s() == 5
    done = await box.ask("settings.commit", comment="quicker")
    assert done == {"committed": True, "confirm_s": None, "warnings": []} and box.timeout_s() == 3
    assert box.steward and isinstance(box.steward.machine, Machine) and box.steward.machine.restarted == ["relay"]
    assert [row["comment"] for row in await box.ask("settings.history")] == ["quicker", "as found"]
    await box.ask("settings.rollback", n=1)
    await box.ask("settings.commit", comment="back")
    assert box.timeout_s() == 5
    with pytest.raises(Refused, match="nothing to commit"):
        await box.ask("settings.commit")


async def test_show_gives_text_and_values_as_typed(box: Box) -> None:
    await box.ask("settings.set", path="dns.servers", value="192.0.2.1 192.0.2.2")
    shown = await box.ask("settings.show", which="candidate")
    assert 'servers = ["192.0.2.1", "192.0.2.2"]' in shown["text"] and shown["changed"]
    assert {"path": "dns.servers", "value": "192.0.2.1 192.0.2.2", "shipped": False} in shown["values"]
    assert "servers" not in (await box.ask("settings.show"))["text"]
    assert (await box.ask("settings.show", which="history", n=0))["comment"] == "as found"


async def test_what_does_not_fit_together_is_not_committed(box: Box) -> None:
    await box.ask("settings.set", path="network.ipv4", value="static")
    found = (await box.ask("settings.check"))["complaints"]
    assert [each["key"] for each in found] == ["network.address"]
    with pytest.raises(Refused, match=r"network\.address"):
        await box.ask("settings.commit")
    assert "static" not in box.config.read_text()


async def confirmed(box: Box, minutes: float = 5) -> None:
    await box.ask("settings.set", path="dns.timeout_s", value="3")
    assert (await box.ask("settings.commit", confirm_min=minutes))["confirm_s"] == minutes * 60
    assert box.timeout_s() == 3


async def test_commit_confirmed_stays_when_confirmed(box: Box) -> None:
    await confirmed(box)
    await box.time_passes(299)
    assert (await box.ask("settings.pending"))["left_s"] == 1
    await box.ask("settings.confirm")
    await box.time_passes(1000)
    assert box.timeout_s() == 3 and (await box.ask("settings.pending"))["left_s"] is None
    with pytest.raises(Refused, match="no commit waits"):
        await box.ask("settings.confirm")


async def test_a_plain_commit_confirms_as_well(box: Box) -> None:
    await confirmed(box)
    assert await box.ask("settings.commit") == {"confirmed": True}
    await confirmed_nothing_left(box)


async def confirmed_nothing_left(box: Box) -> None:
    await box.time_passes(1000)
    assert box.timeout_s() == 3


async def test_commit_confirmed_goes_back_by_itself(box: Box) -> None:
    await confirmed(box)
    await box.time_passes(299)
    assert box.timeout_s() == 3
    await box.time_passes(1)
    assert box.timeout_s() == 5
    assert "not confirmed" in (await box.ask("settings.history"))[0]["comment"]
    assert box.steward and isinstance(box.steward.machine, Machine) and box.steward.machine.restarted == ["relay"] * 2


async def test_a_second_unconfirmed_commit_keeps_the_way_back_of_the_first(box: Box) -> None:
    await confirmed(box)
    await box.ask("settings.set", path="dns.timeout_s", value="4")
    await box.ask("settings.commit", confirm_min=10)
    await box.time_passes(600)
    assert box.timeout_s() == 5


async def test_it_goes_back_after_the_steward_was_killed(box: Box) -> None:
    await confirmed(box)
    await box.stop()  # writes nothing on its way out
    box.clock.pass_by(200)
    await box.start()
    assert (await box.ask("settings.pending"))["left_s"] == 100
    await box.time_passes(100)
    assert box.timeout_s() == 5


async def test_it_goes_back_when_time_ran_out_while_the_steward_was_down(box: Box) -> None:
    await confirmed(box)
    await box.stop()
    box.clock.pass_by(4000)
    await box.start()
    await asyncio.wait_for(gone_back(box), 10)


async def gone_back(box: Box) -> None:
    while box.timeout_s() != 5:
        await asyncio.sleep(0.01)


async def test_it_goes_back_after_a_new_start_of_the_machine_with_an_unknown_clock(box: Box) -> None:
    await confirmed(box)
    await box.time_passes(100)
    await box.stop()
    box.clock.at, box.clock.ticks = 0.0, 7.0  # 1970, and a monotonic clock that began anew
    await box.start("boot 2")
    left = (await box.ask("settings.pending"))["left_s"]
    assert 0 < left <= 200
    await box.time_passes(left)
    assert box.timeout_s() == 5


async def test_a_steward_killed_before_it_told_the_machine_does_so_when_it_starts_again(box: Box) -> None:
    assert box.steward
    box.steward.store.write(TEXT.format(folder=box.folder) + "[dns]\ntimeout_s = 3.0\n", "killed here")
    await box.stop()
    machine = (await box.start()).machine
    assert isinstance(machine, Machine) and "relay" in machine.restarted
    await box.stop()
    machine = (await box.start()).machine
    assert isinstance(machine, Machine) and machine.restarted == [], "once"
    await box.stop()
    box.config.write_text(TEXT.format(folder=box.folder))
    machine = (await box.start("boot 2")).machine
    assert isinstance(machine, Machine) and machine.restarted == [], "all parts began with these settings"


async def test_a_setting_that_starts_the_machine_again_and_again_ends(box: Box) -> None:
    await confirmed(box, 1)
    for number in range(3):
        await box.stop()
        box.clock.ticks = 0.0
        await box.start(f"boot {number + 2}")
    await asyncio.wait_for(gone_back(box), 10)


async def test_a_damaged_way_back_means_the_commit_before(box: Box) -> None:
    await confirmed(box)
    await box.stop()
    (box.folder / "settings" / "pending.json").write_text("{")
    await box.start()
    await asyncio.wait_for(gone_back(box), 10)


@pytest.mark.parametrize("broken", ["x = ", "\x00", ""])
async def test_a_broken_settings_file_leaves_the_way_out(box: Box, broken: str) -> None:
    await box.ask("settings.set", path="dns.timeout_s", value="3")
    await box.ask("settings.commit")
    box.config.write_text(broken)
    shown = await box.ask("settings.show")
    assert shown["text"] == broken
    await box.ask("settings.rollback", n=0)
    await box.ask("settings.commit", comment="as it was")
    assert box.timeout_s() == 3


async def test_the_steward_starts_with_a_file_of_which_only_the_mail_part_is_wrong(box: Box) -> None:
    await box.stop()
    box.config.write_text(TEXT.format(folder=box.folder) + '[dns]\nservers = ["fish"]\n')
    await box.start()
    found = (await box.ask("settings.show"))["complaints"]
    assert [each["key"] for each in found] == ["dns.servers[1]"]
    await box.ask("settings.unset", path="dns.servers")
    await box.ask("settings.commit")
    assert isinstance(load(box.config), Settings)


@pytest.mark.parametrize("text", ["x = ", "control = 1", "[control]\nsocket = 1", "\xff", None])
def test_a_file_that_says_nothing_usable_means_the_shipped_sockets(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "outbox.toml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    assert load_or_salvage(path) == Settings()


async def test_a_card_that_refuses_is_told_and_nothing_changes(box: Box) -> None:
    await box.ask("settings.set", path="dns.timeout_s", value="3")
    (box.folder / "outbox.toml.new").mkdir()  # stands in the way of every write
    with pytest.raises(Refused, match="the card refuses"):
        await box.ask("settings.commit", confirm_min=5)
    assert box.timeout_s() == 5 and (await box.ask("settings.pending"))["left_s"] is None


async def test_the_first_password_needs_none_and_the_next_the_old_one(box: Box) -> None:
    assert await box.ask("password.exists") == {"exists": False}
    with pytest.raises(Refused, match="no password is set"):
        await box.ask("password.check", password="x")
    with pytest.raises(Refused, match="at least 8"):
        await box.ask("password.set", new="short")
    await box.ask("password.set", new="four words of mine")
    assert await box.ask("password.check", password="four words of mine") == {"right": True}
    assert await box.ask("password.check", password="four words of yours") == {"right": False}
    with pytest.raises(Refused, match="old password is wrong"):
        await box.ask("password.set", old="no", new="another of mine")
    file = box.folder / "password.json"
    assert file.stat().st_mode & 0o777 == 0o640 and "words" not in file.read_text()


async def test_guessing_is_slowed_down_also_for_the_right_password(box: Box) -> None:
    await box.ask("password.set", new="four words of mine")
    for _ in range(4):
        assert await box.ask("password.check", password="guess") == {"right": False}
    with pytest.raises(Refused, match="please wait"):
        await box.ask("password.check", password="four words of mine")
    box.clock.pass_by(60)
    assert await box.ask("password.check", password="four words of mine") == {"right": True}


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"n": 1073741824, "r": 8, "p": 1, "salt": "", "hash": ""}'])
async def test_a_damaged_password_file_lets_nobody_in(box: Box, damage: str) -> None:
    (box.folder / "password.json").write_text(damage)
    assert await box.ask("password.check", password="") == {"right": False}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
async def test_other_users_use_only_their_verbs() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        box = Box(Path(folder))
        await box.start()
        assert await as_user(901, box, "settings.show") == "this user may not use settings.show"
        assert await as_user(903, box, "settings.set") == "this user may not use settings.set"
        assert await as_user(905, box, "settings.show") == "this user may not use the command interface"
        assert await as_user(902, box, "settings.compare") == "fine"
        await box.stop()
    assert all(each.startswith("button.") for each in BUTTON)


async def as_user(uid: int, box: Box, verb: str) -> str:
    code = (
        "import os, sys; from appliance.interface.client import ask; from appliance.ports import Refused\n"
        "os.setuid(int(sys.argv[3]))\n"
        "try:\n    ask(sys.argv[1], sys.argv[2]); print('fine')\nexcept Refused as error:\n    print(error)"
    )
    command = [sys.executable, "-c", code, f"{box.folder}/steward.sock", verb, str(uid)]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    return (await child.communicate())[0].decode().strip()
