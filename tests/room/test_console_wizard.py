"""The wizard: what is answered becomes the candidate, and counts only when the person says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.dns import nameserver
from tests.room.console_box import WholeBox, whole_box

NAMES = ("box2", "no name", "mail.office.example", "nobody", "anna@office.example")
NETWORK = ("192.168.7.300/24", "192.168.7.1", "192.168.7.5/24", "192.168.7.1")
REST = ("192.168.7.0/24 10.0.0.0/8", "relay.example", "office", "relay secret")


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[WholeBox]:
    async with whole_box(tmp_path) as made:
        yield made


async def test_all_answers_come_in_force_together(box: WholeBox) -> None:
    async with nameserver("office.example MX 0 .") as names:
        said = await box.type("wizard", *NAMES, *NETWORK, "?", names.address, *REST, "y", "", "y")
        again = await box.type("wizard", *[""] * 9, "")  # Enter keeps everything: nothing to put in force
    for words in ("a domain such as", "a mailbox", "prefix length", "DNS server:", "answers in"):
        assert words in said, words
    assert "stay" in said.split("\n")[-1]
    made = box.running()
    assert (made.network.host_name, made.box.mail_name, made.box.owner) == ("box2", NAMES[2], NAMES[4])
    assert (made.network.ipv4, made.network.address, made.network.gateway) == ("static", NETWORK[2], NETWORK[3])
    assert made.dns.servers == (names.address,)
    assert [(row.network, row.action) for row in made.access] == [("192.168.7.0/24", "allow"), ("10.0.0.0/8", "allow")]
    assert (made.relay[0].host, made.relay[0].user) == ("relay.example", "office")
    assert "relay secret" in Path(box.made.paths.credentials).read_text()
    assert "no differences" in again and box.running() == made


async def test_who_gives_up_has_changed_nothing_in_force(box: WholeBox) -> None:
    for answers in ((None,), ("box2", None), ("box2", "", "", None)):
        assert "Stopped" in await box.type("wizard", *answers)
    assert "candidate" in await box.type("wizard", "box2", "", "", "", "", "", "", "n")
    assert box.running() == box.made
    assert "+ network.host_name = box2" in await box.type("show | compare")


async def test_what_is_not_kept_is_taken_back_later(box: WholeBox) -> None:
    said = await box.type("wizard", "box2", "", "", "", "", "", "", "y", "", "n")
    assert "In force for 5 min" in said and "stay" not in said
    assert "rolls back by itself" in await box.type("show changes")
