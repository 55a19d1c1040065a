"""docs/console.md follows from the grammar, and the command line knows the same verbs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from appliance.cli import _parser
from appliance.console.document import document
from appliance.console.table import GRAMMAR

# a whole settings file at once, which the console takes as lines (configure replace terminal, commit, rollback)
SETTINGS = {f"settings {each}" for each in ("show", "compare", "history", "apply", "confirm", "rollback")}
# what is started from the command line of a machine, where there is no console to type at
PROCESSES = {"relay", "steward", "panel", "page", "console", "run", "demo", "selftest", "prepare", "probe"}


def test_the_console_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "console.md"
    assert page.read_text() == document(), "run make docs"


def verbs(parser: argparse.ArgumentParser, before: str = "") -> Iterator[str]:
    actions = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for action in actions:
        for name, child in action.choices.items():
            yield from verbs(child, f"{before} {name}".strip())
    if not actions:
        yield before


def test_every_verb_of_the_command_line_is_a_command_of_the_console() -> None:
    known = {command.cli for command in GRAMMAR.commands}
    assert set(verbs(_parser())) - PROCESSES - SETTINGS <= known
    assert {name for name in known if name and not name.startswith("--")} <= set(verbs(_parser()))


def test_both_have_the_same_name() -> None:
    other = {"send-test": "test message", "check-config": "commit check", "queue list": "show queue",
             "queue show": "show message", "test-lamps": "test lamps"}  # fmt: skip
    for command in GRAMMAR.commands:
        words = " ".join(word for word in command.pattern.split() if word.islower())
        if command.cli and not command.cli.startswith("--"):
            assert words.removeprefix("show ") == command.cli or words == other[command.cli], command.cli
