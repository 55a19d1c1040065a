"""Every command of the grammar, run once against a real relay and a real steward."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.console.table import AREAS, GRAMMAR
from appliance.settings.path import Key, sections
from tests.room.console_box import WholeBox, whole_box

NOT_HERE = "only the box itself"
PASSWORD = "long enough 1"
# line, what it must say, what is answered to its questions; in this order
LINES: tuple[tuple[str, str, tuple[str | None, ...]], ...] = (
    ("show status", "accepting mail", ()),
    ("show queue", "the queue is empty", ()),
    ("show lamps", "SYSTEM", ()),
    ("show bounces", "nothing", ()),
    ("show history", "nothing", ()),
    ("show running-config", "set box mail-name outbox.example", ()),
    ("show running-config file", 'mail_name = "outbox.example"', ()),
    ("show candidate", "set box mail-name outbox.example", ()),
    ("show changes", "as found", ()),
    ("show network", "127.0.0.1", ()),
    ("show dns", "no server is set", ()),
    ("show clients", "nobody", ()),
    ("show storage", "takes mail", ()),
    ("show version", "settings format", ()),
    ("show log 5", "log of this machine", ()),
    ("show | compare", "no differences", ()),
    ("explain bounce", "could not be delivered", ()),
    ("test dns", "No DNS server", ()),
    ("test mx office.example", "no DNS server", ()),
    ("test smtp 127.0.0.1 9", "no connection", ()),
    ("test port25 office.example", "no DNS server", ()),
    ("test port25", "no owner is set, so name a domain", ()),
    ("test lamps", "Each lamp", ()),
    ("test message anna@office.example", "is on its way", ()),
    ("show message ID", "anna@office.example", ()),
    ("queue hold ID ask first", "is held", ()),
    ("queue retry ID", "% ", ()),
    ("queue release ID", "is released", ()),
    ("queue export ID", "It works.", ()),
    ("queue hold ID", "is held", ()),
    ("queue bounce ID", "is given up", ()),
    ("queue delete ID", "% no message", ()),
    ("flush", "due now", ()),
    ("acknowledge", "acknowledged", ()),
    ("erase", "history is empty", ("y",)),
    ("configure terminal", "commit", ()),
    ("configure replace terminal", "Nothing changed", (None,)),
    ("set smtp port 2525", "", ()),
    ("set dns server 192.0.2.1", "", ()),
    ("set mail-name mail.office.example", "", ()),
    ("set owner anna@office.example", "", ()),
    ("no owner", "", ()),
    ("no mail-name", "", ()),
    ("set timezone Europe/Vienna", "", ()),
    ("set network static 192.0.2.5/24 192.0.2.1", "", ()),
    ("set network dhcp", "", ()),
    ("set relay provider host relay.example", "", ()),
    ("set relay provider password", "is kept", ("secret",)),
    ("relay password provider", "is kept", ("secret",)),
    ("commit check", "The candidate is right", ()),
    ("commit confirmed 5", "In force for 5 min", ()),
    ("commit comment it works", "Confirmed", ()),
    ("rollback", "candidate now", ()),
    ("discard", "as the running", ()),
    ("end", "", ()),
    ("menu", "Back to the command line", ("0",)),
    ("wizard", "Stopped", (None,)),
    ("set clock 2026-11-24 12:00", NOT_HERE, ()),
    ("password", "is changed", ("", PASSWORD, PASSWORD)),
    ("account set copier anna@office.example", "may send", (PASSWORD, PASSWORD)),
    ("account list", "copier", ()),
    ("account remove copier", "is gone", ("y",)),
    ("update status", "idle", ()),
    ("update install /nowhere/bundle", "", ("y",)),
    ("locate", "blink", ()),
    ("reboot", NOT_HERE, ("y",)),
    ("shutdown", NOT_HERE, ("y",)),
    ("terminal length 0", "", ()),
    ("terminal width 80", "", ()),
    ("terminal ascii", "", ()),
    ("terminal utf-8", "", ()),
    ("help show", "the mail that waits", ()),
    ("support-bundle", "outbox.example", ()),
    ("backup", "BEGIN OUTBOX BACKUP", (PASSWORD, PASSWORD)),
    ("backup stick", "% ", (PASSWORD, PASSWORD)),
    ("restore", "% ", ("nonsense\n", PASSWORD, "y")),
    ("restore stick", "% ", (PASSWORD, "y")),
    ("factory-reset", "starts anew", ("keep", "reset")),
    ("exit", "", ()),
    ("logout", "", ()),
)  # fmt: skip
SAMPLES = {
    "domain": "office.example", "mailbox": "anna@office.example", "pattern": ".office.example", "range": "192.0.2.0/24",
    "network": "192.0.2.0/24", "address": "192.0.2.1", "cidr": "192.0.2.5/24", "server": "192.0.2.1", "path": "/data/x",
    "host": "relay.example", "label": "outbox", "timezone": "Europe/Vienna", "": "something",
}  # fmt: skip
ROWS = {"listener": "lan", "relay": "provider", "domain": "default", "access": "1", "device": "1"}


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[WholeBox]:
    async with whole_box(tmp_path) as made:
        yield made


def test_each_command_has_its_line() -> None:
    typed = {GRAMMAR.parse(line, True).command.pattern for line, _, _ in LINES}
    assert typed >= {command.pattern for commands in AREAS.values() for command in commands}


async def test_each_command_does_what_it_says(box: WholeBox) -> None:
    queue_id = ""
    for line, words, answers in LINES:
        said = await box.type(line.replace("ID", queue_id), *answers)
        assert words in said, (line, said)
        if line.startswith("test message"):
            queue_id = said.split()[1]


async def test_each_setting_is_set_and_set_back(box: WholeBox) -> None:
    await box.type("configure terminal")
    await box.quiet("set relay provider host relay.example", "set device 1 network 192.0.2.7")
    for section, keys in sections().items():
        for key in keys.values():
            row = f" {ROWS[section]}" if key.listed else ""
            place = f"{section}{row} {key.name.replace('_', '-')}"
            assert await box.type(f"set {place} {sample(key)}") == "", place
            if not (key.listed == "name" and key.name == "name"):
                assert await box.type(f"no {place}") == "", place
    for section, row in ROWS.items():
        assert await box.type(f"move {section} {row} to 1") == "", section
        assert await box.type(f"no {section} {row}") == "", section


def sample(key: Key) -> str:
    if key.name == "name" and key.listed == "name":
        return ROWS[key.section]
    if key.choices:
        return key.choices[-1]
    return key.shipped_text or ("1" if key.type is int else SAMPLES[key.form])
