"""A console's words in front of a real relay and a real steward, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from appliance.console.faces import Places
from appliance.console.shell import Commands
from appliance.relay import MailPath
from appliance.settings.load import load
from appliance.settings.render import render
from appliance.settings.schema import Settings
from appliance.steward.room import Steward
from tests.room.person import Person
from tests.room.test_relay import settings


class Console:
    """Lines typed one after the other."""

    def __init__(self, relay: str, steward: str) -> None:
        self.shell = Commands(Places(relay, steward))

    async def type(self, line: str, *answers: str | None) -> str:
        """What the console said."""
        person = Person(*answers)
        await asyncio.to_thread(self.shell.run, line, person)
        assert not person.answers, (person.answers, person.text)
        assert all(each.isprintable() for each in person.lines), person.lines
        assert "trouble inside" not in person.text
        return person.text

    async def quiet(self, *lines: str) -> None:
        """Lines that nothing is to be said about."""
        for line in lines:
            assert await self.type(line) == "", line


class WholeBox(Console):
    """`config` is the running file."""

    def __init__(self, folder: Path, made: Settings) -> None:
        self.config, self.made = folder / "outbox.toml", made
        super().__init__(made.control.socket, made.control.steward_socket)

    def running(self) -> Settings:
        found = load(self.config)
        assert isinstance(found, Settings)
        return found


@asynccontextmanager
async def whole_box(folder: Path) -> AsyncIterator[WholeBox]:
    made = settings(folder)
    made = replace(
        made,
        control=replace(made.control, steward_socket=str(folder / "steward.sock")),
        paths=replace(made.paths, settings=str(folder / "settings"), password=str(folder / "password.json")),
    )
    box = WholeBox(folder, made)
    box.config.write_text(render(made))
    path, steward = MailPath(made), Steward(box.config)
    await path.start()
    await steward.start()
    try:
        yield box
    finally:
        await steward.stop()
        await path.stop()
