"""The console's words for looking and for mail, against a real relay; the steward is dead, which they survive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.relay import MailPath
from tests.room.console_box import Console
from tests.room.person import Person
from tests.room.test_relay import settings


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    path = MailPath(settings(tmp_path))
    await path.start()
    yield Console(str(tmp_path / "control.sock"), str(tmp_path / "none"))
    await path.stop()


async def sent(console: Console) -> str:
    """The queue id of a message that is in the queue: there is no DNS server, so it stays."""
    person = Person()
    person.interrupted = lambda wait_s=0.0: wait_s >= 1.0  # type: ignore[method-assign]
    await asyncio.to_thread(console.shell.run, "test message anna@y.example", person)
    return person.lines[0].split()[1]


async def test_a_message_is_seen_held_released_printed_and_given_up(console: Console) -> None:
    queue_id = await sent(console)
    assert queue_id in await console.type("sh q")
    assert "is held" in await console.type(f"queue hold {queue_id} ask Anna first")
    assert "ask Anna first" in await console.type(f"show message {queue_id}")
    assert "1 held" in await console.type("show status")
    assert "is released" in await console.type(f"queue rel {queue_id}")
    assert "It works." in await console.type(f"queue export {queue_id}")
    await console.type(f"queue hold {queue_id}")
    assert "is deleted" in await console.type(f"queue delete {queue_id}", "y")
    assert "anna@y.example" in await console.type(f"show message {queue_id}")
    assert queue_id in await console.type("show history anna")
    assert "empty" in await console.type("erase", "yes")
    assert await console.type("show history") == "nothing"
    assert (await console.type(f"queue retry {queue_id}")).startswith("% ")


async def test_the_box_is_looked_at(console: Console) -> None:
    assert "accepting mail" in await console.type("show status")
    assert "no server is set" in await console.type("show dns")
    assert "free" in await console.type("show storage")
    assert "nobody has sent" in await console.type("show clients")
    assert "version: 0" in await console.type("show version")
    assert "0 bounces" in await console.type("acknowledge")
    assert "due now" in await console.type("flush")
    assert "minute" in await console.type("locate")
    assert "lights" in await console.type("test lamps")
    assert "address" in await console.type("show network")


async def test_a_dead_steward_is_one_plain_line(console: Console) -> None:
    for line in ("show running-config", "commit", "backup", "show changes", "test dns"):
        answers = ("secret pass", "secret pass") if line == "backup" else ()
        said = (await console.type(line, *answers)).split("\n")
        assert said[0].startswith("% the steward does not answer")
    assert any("steward is dead" in line for line in await asyncio.to_thread(console.shell.banner))


async def test_with_everything_dead_the_banner_says_so_and_words_are_explained(tmp_path: Path) -> None:
    console = Console(str(tmp_path / "a"), str(tmp_path / "b"))
    text = "\n".join(console.shell.banner())
    assert "relay is dead" in text and "steward is dead" in text
    assert (await console.type("show status")).startswith("% the relay does not answer")
    assert "numbered door" in await console.type("explain port")
    assert "perhaps" in await console.type("show quque")


async def test_the_mark_stands_under_the_wrong_word(console: Console) -> None:
    said = (await console.type("show quque")).split("\n")
    assert said[0].index("^") == len(console.shell.prompt()) + 5


async def test_the_menu_runs_what_could_have_been_typed(console: Console) -> None:
    said = await console.type("menu", "1", "99", "3", "anna", "0")
    assert "> show status" in said and "a number from" in said and "> show history anna" in said


async def test_a_question_mark_at_the_end_of_a_line_asks_for_help(console: Console) -> None:
    assert "the mail that waits" in await console.type("show ?")
    assert "the mail that waits" in await console.type("help show")
    assert "explain bounce" in await console.type("help")
