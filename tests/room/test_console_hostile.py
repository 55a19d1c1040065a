"""Whatever relay and remote hosts say, the console's lines stay lines and no control character gets through."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.console.faces import Gone, Places
from appliance.console.shell import Commands
from appliance.console.table import GRAMMAR
from appliance.interface.server import InterfaceServer
from appliance.ports import Refused, Verb
from tests.room.console_box import Console
from tests.room.person import Person

EVIL = "\x1b[2J\x9b2J\r\nFAKE% all is well\u202e\x00"
ROW = {"to": EVIL, "state": EVIL, "reply": EVIL, "host": EVIL, "cure": EVIL, "at": 0.0, "direct_attempts": 1,
       "relay_attempts": 0, "attempts": [{"at": 0, "via": EVIL, "host": EVIL, "reply": EVIL}]}  # fmt: skip
ITEM = {"id": EVIL, "phase": EVIL, "from": EVIL, "size": 1, "arrived_at": 0.0, "client": EVIL, "device": EVIL,
        "subject": EVIL, "helo": EVIL, "account": EVIL, "held": EVIL, "next_attempt_s": None, "recipients": [ROW],
        "repairs": [EVIL]}  # fmt: skip
PAST = {"id": EVIL, "at": 0.0, "outcome": EVIL, "from": EVIL, "to": EVIL, "host": EVIL, "reply": EVIL, "cure": EVIL}
TRIAL = {"lines": [EVIL], "reply": EVIL, "cure": EVIL, "port25": EVIL,
         "hosts": [{"name": EVIL, "port": 25, "addresses": [EVIL]}]}  # fmt: skip
STATUS = {"version": EVIL, "mail_name": EVIL, "host_name": EVIL, "fault": EVIL, "addresses": [EVIL], "damage": [EVIL],
          "queue": {EVIL: 1}, "dns": {"ok": False, "servers": [EVIL], "why": EVIL}, "tls_fingerprint": EVIL,
          "spool": {"fault": EVIL}, "intake": {"refusals": [{"client": EVIL, EVIL: EVIL}]},
          "listeners": [[EVIL, EVIL, 25]]}  # fmt: skip
DEVICE = {"address": EVIL, "name": EVIL, "seen_at": 0.0, "repairs": {EVIL: 1}, "last_refusal": EVIL, "note": EVIL}


def always(answer: Any) -> Verb:
    return lambda args: answer


async def refuse(args: dict[str, Any]) -> Any:
    raise Refused(EVIL)


def relay_verbs() -> dict[str, Verb]:
    answers: dict[str, Any] = {
        "status": STATUS, "queue.list": [ITEM], "message": ITEM, "history": [PAST], "bounces": [PAST],
        "devices": [DEVICE], "test.mx": TRIAL, "test.smtp": TRIAL, "test.port25": TRIAL,
        "test.dns": {"name": EVIL, "servers": [{"server": EVIL, "ok": False, "outcome": "failed", "why": EVIL}]},
        "queue.export": {"content": base64.b64encode(EVIL.encode()).decode()},
    }  # fmt: skip
    return {**{name: always(answer) for name, answer in answers.items()}, "queue.hold": refuse}


def steward_verbs() -> dict[str, Verb]:
    answers: dict[str, Any] = {
        "settings.show": {"text": f"# {EVIL}", "values": [{"path": f"relay.{EVIL}", "value": "row 1"}]},
        "settings.compare": {"lines": [EVIL]},
        "settings.check": {"complaints": [{"key": EVIL, "value": EVIL, "expected": EVIL}]},
        "settings.history": [{"n": 1, "at": 0.0, "comment": EVIL}], "settings.pending": {"left_s": None},
        "log": {"lines": [EVIL]}, "version": {EVIL: EVIL}, "network.show": {EVIL: [EVIL]}, "update.status": {"a": EVIL},
        "account.list": [{"name": EVIL, "senders": [EVIL]}], "support-bundle": {"text": EVIL.replace("\n", "")},
        "factory-reset.asked": {"asked": True}, "secret.list": {"relays": [EVIL]},
    }  # fmt: skip
    return {name: always(answer) for name, answer in answers.items()}


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[Console]:
    servers = [InterfaceServer(str(tmp_path / "r"), relay_verbs(), {}),
               InterfaceServer(str(tmp_path / "s"), steward_verbs(), {})]  # fmt: skip
    for server in servers:
        await server.start()
    yield Console(str(tmp_path / "r"), str(tmp_path / "s"))
    for server in servers:
        await server.stop()


@pytest.mark.parametrize(
    "line",
    [
        "show status", "show queue", "show lamps", "show message x", "show bounces", "show history", "show clients",
        "show storage", "show dns", "show network", "show version", "show log", "show changes", "queue hold x",
        "test dns", "test mx a.example", "test smtp a.example", "test port25 a.example", "test message a@a.example",
        "commit check", "account list", "update status", "support-bundle",
    ],
)  # fmt: skip
async def test_nothing_that_others_say_begins_a_line_or_moves_the_cursor(console: Console, line: str) -> None:
    person = Person()
    person.width = 10_000  # so that no line is folded
    person.interrupted = lambda wait_s=0.0: wait_s >= 1.0  # type: ignore[method-assign]
    await asyncio.to_thread(console.shell.run, line, person)
    assert person.lines and all(each.isprintable() for each in person.lines), person.lines
    assert not any(each.lstrip().startswith("FAKE") for each in person.lines), person.lines
    assert "trouble inside" not in person.text


async def test_the_banner_and_completion_are_clean_too(console: Console) -> None:
    banner = await asyncio.to_thread(console.shell.banner)
    assert all(line.isprintable() and not line.lstrip().startswith("FAKE") for line in banner), banner
    await console.type("configure terminal")
    for line in ("set relay ", "queue hold ", "show message "):
        text, listed = await asyncio.to_thread(console.shell.complete, line)
        assert text.isprintable() and all(each.isprintable() for each in listed)


@pytest.mark.parametrize(
    "line", ["set device 1 name \x1b[2J", "explain \x07bell", 'queue hold x "a\x00b"', "\x1b", "show \x9b"]
)
async def test_what_is_typed_is_not_echoed_raw_in_complaints(console: Console, line: str) -> None:
    await console.type("configure terminal")
    assert all(each.isprintable() for each in (await console.type(line)).split("\n"))


def test_random_lines_are_answered_and_never_stumbled_over(tmp_path: Path) -> None:
    """With everything dead; half of the words are the grammar's own."""
    luck = random.Random(20261124)
    known = sorted({word for command in GRAMMAR.commands for word in command.pattern.split()})
    odd = [
        '"',
        "\\",
        '"a',
        "?",
        "|",
        "\x1b[A",
        "\x00",
        "1",
        "-1",
        "9" * 50,
        "é",
        "\ud800",
        ".",
        "a.b.c",
        "::",
        "x" * 500,
    ]
    shell = Commands(Places(str(tmp_path / "r"), str(tmp_path / "s")))
    for _ in range(3000):
        words = [luck.choice(known if luck.random() < 0.6 else odd) for _ in range(luck.randint(0, 6))]
        line = luck.choice((" ", "  ", "")).join(words)
        person = Person(*[luck.choice(("", "y", "x", None)) for _ in range(4)])
        person.interrupted = lambda wait_s=0.0: True  # type: ignore[method-assign]
        with contextlib.suppress(Gone):
            shell.run(line, person)
        assert "trouble inside" not in person.text, line
        assert all(each.isprintable() for each in person.lines), line
        text, listed = shell.complete(line)
        assert all(each.isprintable() for each in (text, *listed, *shell.help(line))), line
