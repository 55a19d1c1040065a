"""The console's words for settings, against a real steward."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.dns import nameserver
from tests.room.console_box import WholeBox, whole_box

ROWS = """\
# the old box
set mail-name mail.office.example
no listener submission
set listener lan port 2525
set access 1 network 192.0.2.0/24
set access 2 network any
set access 2 action deny
set device 1 network 192.0.2.7
set device 1 name "Copier, 2nd floor"
set relay provider host relay.example
set relay provider user office
set relay second host 192.0.2.9
"""


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[WholeBox]:
    async with whole_box(tmp_path) as made:
        yield made


async def test_a_change_counts_after_commit_and_can_be_taken_back(box: WholeBox) -> None:
    assert "commit" in await box.type("conf t")
    assert box.shell.prompt() == "outbox# "
    await box.quiet("set dns server 192.0.2.1 192.0.2.2", "set smtp port 2525", "set box.mail_name mail.office.example")
    assert box.running().dns.servers == ()
    assert "+ dns.servers = 192.0.2.1 192.0.2.2" in await box.type("show | compare")
    assert "In force" in await box.type("commit comment two servers")
    assert box.running().dns.servers == ("192.0.2.1", "192.0.2.2") and box.running().listener[0].port == 2525
    assert "two servers" in await box.type("show changes")
    assert "candidate" in await box.type("rollback 1")
    await box.type("commit")
    assert box.running() == box.made
    assert "nothing to commit" in await box.type("commit")
    await box.quiet("exit")
    assert box.shell.prompt() == "outbox> "


async def test_what_is_not_confirmed_can_be_confirmed(box: WholeBox) -> None:
    await box.type("conf t")
    await box.quiet("set owner anna@office.example")
    assert "for 5 min" in await box.type("commit confirmed")
    assert "rolls back by itself" in await box.type("show changes")
    assert "stay" in await box.type("commit")
    assert "nothing to commit" in await box.type("commit")
    assert box.running().box.owner == "anna@office.example"


async def test_what_is_wrong_is_named_and_not_committed(box: WholeBox) -> None:
    await box.type("conf t")
    assert "from 1 to 65535" in await box.type("set smtp port 70000")
    await box.quiet("set network ipv4 static")
    for line in ("commit check", "commit", "commit confirmed 5"):
        assert "network.address = '': should be given" in await box.type(line)
    assert box.running() == box.made
    assert "as the running" in await box.type("discard")
    assert "right" in await box.type("commit check")


async def test_short_ways_set_what_belongs_together(box: WholeBox) -> None:
    await box.type("conf t")
    await box.quiet("set network static 192.0.2.5/24 192.0.2.1", "set timezone Europe/Vienna")
    assert "network.gateway = 192.0.2.1" in await box.type("show | compare")
    assert "right" in await box.type("commit check")
    await box.quiet("set network dhcp", "no network timezone")
    assert await box.type("show | compare") == "no differences"


async def test_a_configuration_is_replaced_by_pasted_lines_and_shown_as_such(box: WholeBox) -> None:
    places = [line for line in (await box.type("show running-config")).split("\n") if line.startswith("set control")]
    places += [line for line in (await box.type("show running-config")).split("\n") if line.startswith("set paths")]
    text = ROWS + "\n".join(places) + "\n"
    assert "candidate now" in await box.type("configure replace terminal", text + "end\n")
    shown = await box.type("show candidate")
    assert 'set device 1 name "Copier, 2nd floor"' in shown
    assert shown.index("relay provider") < shown.index("relay second")
    assert "In force" in await box.type("commit")
    assert [row.name for row in box.running().listener] == ["lan", "submissions"]
    await box.type("relay password provider", "se cret")
    before = box.running()
    again = await box.type("show running-config")
    assert "set relay provider password ********" in again
    assert "candidate now" in await box.type("configure replace terminal", again + "\n")
    assert 'password = "se cret"' in Path(box.made.paths.credentials).read_text()
    assert await box.type("show | compare") == "no differences" and box.running() == before


async def test_a_wrong_line_in_a_paste_changes_nothing(box: WholeBox) -> None:
    await box.type("conf t")
    await box.quiet("set owner anna@office.example", "set network ipv4 static")  # incomplete, and yet it stays
    before = await box.type("show | compare")
    for line, why in (("set smtp port x", "line 2"), ("reboot", "only set and no"), ("set relay a port 25", "host")):
        said = await box.type("configure replace terminal", f"set box owner b@office.example\n{line}\nend\n")
        assert why in said, said
        assert await box.type("show | compare") == before
    assert "Nothing changed" in await box.type("configure replace terminal", None)


async def test_a_toml_file_can_be_pasted_too(box: WholeBox) -> None:
    text = await box.type("show running-config file")
    assert "candidate now" in await box.type(
        "configure replace terminal", text + '\n[dns]\nservers = ["192.0.2.1"]\nend\n'
    )
    assert await box.type("show | compare") == "- dns.servers = (empty)\n+ dns.servers = 192.0.2.1"


async def test_a_file_that_nobody_can_read_is_replaced_by_the_last_good_settings(box: WholeBox) -> None:
    box.config.write_text("rubbish = [\n")
    await box.type("conf t")
    await box.type("rollback 0")
    assert "which nobody can read" in await box.type("show | compare")
    assert "In force" in await box.type("commit")
    assert box.running() == box.made


async def test_broken_running_settings_are_shown_with_what_is_wrong(box: WholeBox) -> None:
    box.config.write_text('[box]\nowner = "nobody"\n')
    said = await box.type("show running-config")
    assert 'owner = "nobody"' in said and "should be a mailbox" in said
    assert any("settings are broken" in line for line in await asyncio.to_thread(box.shell.banner))


async def test_dns_servers_of_the_candidate_are_tried_before_commit(box: WholeBox) -> None:
    async with nameserver("office.example MX 10 mx.office.example\nmx.office.example A 127.0.0.1") as names:
        await box.type("conf t")
        assert "No DNS server" in await box.type("test dns")
        await box.quiet(f"set dns server {names.address}")
        assert "answers in" in await box.type("test dns office.example")
        assert "only addresses that" in await box.type("test mx office.example")
        assert box.running().dns.servers == ()


async def test_completion_knows_the_rows_that_there_are(box: WholeBox) -> None:
    await box.type("conf t")
    await box.quiet("set relay provider host relay.example")
    assert await asyncio.to_thread(box.shell.complete, "set relay pr") == ("ovider ", [])


async def test_a_password_is_asked_for_twice_and_changed(box: WholeBox) -> None:
    assert "changed" in await box.type("password", "", "long enough 1", "long enough 1")
    assert "differ" in await box.type("password", "long enough 1", "other one 22", "another one 2")
    assert (await box.type("password", "wrong", "other one 22", "other one 22")).startswith("% ")


async def test_settings_that_would_lock_the_console_out_are_not_committed(box: WholeBox) -> None:
    await box.type("conf t")
    await box.quiet(f"set control console-uids {os.getuid()}")
    await box.type("commit")
    await box.quiet("no control console-uids")
    for line in ("commit check", "commit", "commit confirmed 5"):
        assert "nobody could use this console" in await box.type(line)
    await box.type("discard")
    for place in (f"{box.config}/x.sock", "/tmp/" + "x" * 200):
        await box.quiet(f"set control steward-socket {place}")
        assert "no socket can be made there" in await box.type("commit")
    assert box.running().control.steward_socket == box.made.control.steward_socket


async def test_a_long_answer_can_be_sifted(box: WholeBox) -> None:
    assert await box.type("show running-config | include MAIL") == "set box mail-name outbox.example"
    assert "outbox.example" in await box.type("sh stat | inc Outbox") and "queue" not in await box.type(
        "sh stat | inc Outbox"
    )
    assert "^" in await box.type("show | include x")
