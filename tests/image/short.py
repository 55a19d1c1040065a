"""The short form: from power on through the operator's first visit and some mail to two power cuts. In this order, one
box: every start in the emulator costs minutes."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.box import ANSWER_S, BOOT_S, Box
from tests.image.lan import CHOSEN, DNS, ROUTER, mdns

PORT = 2525
WELL = {"system": "steady", "queue": "off", "bounce": "off"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("image")) as made:
        made.power_on()
        yield made


def test_it_starts_and_shows_its_banner_on_the_line(box: Box) -> None:
    banner = box.operator.first_visit(BOOT_S)
    assert "Outbox" in banner
    assert not re.search(r"login:|\[ +\d+\.\d+\]|Starting kernel", box.said()), "a kernel or a login on the line"
    seconds = box.accepting()
    tell(f"power to accepting mail: {seconds:.0f} s")


def test_the_first_settings_are_made_over_the_line(box: Box) -> None:
    say = box.operator.command
    box.operator.plain()
    say("configure terminal")
    for line in (
        "set mail-name outbox.example.org",
        "set owner boss@example.net",
        f"set network static {CHOSEN}/24 {ROUTER}",
        f"set dns server {DNS}",
        f"set smtp port {PORT}",
    ):
        assert "%" not in say(line), line
    assert f"{PORT}" in say("show | compare")
    assert "%" not in say("commit confirmed 10", ANSWER_S)
    box.address, box.port = CHOSEN, PORT
    box.accepting(ANSWER_S * 2)
    said = say("commit", ANSWER_S)
    assert "%" not in said, said
    say("end")


def test_mail_arrives_outside_and_the_lamps_say_that_all_is_well(box: Box) -> None:
    assert "queued as" in box.send("reader@example.net", "delivered")
    box.until(lambda: any(b"Subject: delivered" in each.content for each in box.lan.mx.messages), ANSWER_S, "delivery")
    assert box.status()["delivered"] == 1
    seen, said = box.lamps_and_language()
    assert seen == said == WELL


def test_a_refused_message_comes_back_and_the_lamp_says_so(box: Box) -> None:
    box.send("no@example.net", "refused")
    box.until(lambda: box.status()["bounces"] == 1, ANSWER_S, "bounce")
    seen, said = box.lamps_and_language()
    assert seen == said == {**WELL, "bounce": "steady"}


def test_a_message_that_must_wait_waits_and_the_lamp_says_so(box: Box) -> None:
    box.send("later@example.net", "deferred")
    box.until(lambda: box.status()["queue"]["deferred"] == 1, ANSWER_S, "deferred message")
    seen, said = box.lamps_and_language()
    assert seen == said == {"system": "steady", "queue": "slow blink", "bounce": "steady"}
    assert "later@" in box.operator.command("show queue")


def test_nothing_failed_and_memory_suffices(box: Box) -> None:
    box.operator.plain()
    text = box.operator.command("support-bundle", ANSWER_S * 4)
    failed = section(text, "$ systemctl --failed --no-legend --plain --no-pager")
    assert failed == []
    assert "ordering cycle" not in text
    memory = {name: int(size) for name, size in re.findall(r"(\w+): +(\d+) kB", text)}
    cache = sum(memory[name] for name in ("Buffers", "Cached", "SReclaimable")) - memory["Shmem"]
    used = memory["MemTotal"] - memory["MemFree"] - cache
    tell(f"memory in use: {used // 1024} MB")
    for command in ("time", "--no-pager critical-chain outbox-relay.service"):
        tell("\n".join(section(text, f"$ systemd-analyze {command}")))
    assert used < 200 * 1024


def tell(text: str) -> None:
    """A figure for the table in docs/image.md."""
    sys.stderr.write(f"\n{text}\n")


def section(text: str, head: str) -> list[str]:
    """The lines below `head` in a support bundle."""
    lines = [line.strip() for line in text.splitlines()]
    at = lines.index(head) + 1
    end = next(n for n, line in enumerate(lines[at:], at) if line.startswith(("$ ", "== ")) or not line)
    return lines[at:end]


def test_the_lan_finds_it_by_name(box: Box) -> None:
    assert socket.inet_aton(box.address) in mdns("outbox.local", 1, ANSWER_S)
    for service in ("_smtp._tcp.local", "_http._tcp.local"):
        assert b"outbox" in mdns(service, 12, ANSWER_S)


def test_the_open_ports_are_the_configured_ones(box: Box) -> None:
    candidates = [*range(1, 1025), 2525, 3000, 4000, 5000, 5353, 5355, 8000, 8080, 8443, 9090, 9100, 10000]
    assert open_ports(box.address, candidates) == {80, 443, 465, 587, PORT}


def open_ports(address: str, ports: list[int]) -> set[int]:
    """A port that answers neither way within the time counts as closed."""
    found: set[int] = set()
    for at in range(0, len(ports), 64):
        made = {}
        for port in ports[at : at + 64]:
            peer = socket.socket()
            peer.setblocking(False)
            peer.connect_ex((address, port))
            made[port] = peer
        time.sleep(1.5)
        for port, peer in made.items():
            with peer:
                try:
                    peer.getpeername()
                    found.add(port)
                except OSError:
                    continue
    return found


@pytest.mark.parametrize("cut", [1, 2])
def test_a_power_cut_under_load_loses_nothing_that_was_acknowledged(box: Box, cut: int, tmp_path: Path) -> None:
    acknowledged = []
    for number in range(4 * cut):
        subject = f"cut {cut} message {number}"
        box.send("later@example.net" if number % 2 else "reader@example.net", subject)
        acknowledged.append(subject)
    box.power_cut()
    assert box.card.trouble() == ""
    box.power_on()
    box.accepting()
    box.operator.log_in()

    def missing() -> set[str]:
        arrived = b"".join(each.content for each in box.lan.mx.messages)
        waiting = box.page("/api/queue?limit=1000")
        waits = box.status()["queue"]["deferred"] + box.status()["queue"]["queued"] + box.status()["queue"]["active"]
        assert waiting and waits >= 0
        return {subject for subject in acknowledged if f"Subject: {subject}".encode() not in arrived}

    deferred = {subject for number, subject in enumerate(acknowledged) if number % 2}
    box.until(lambda: missing() <= deferred, ANSWER_S, "delivery of what was acknowledged")
    box.lan.mx.change("")
    box.operator.command("flush")
    box.until(lambda: not missing(), ANSWER_S * 2, "delivery of what waited")
    box.lan.mx.change("RCPT later@* -> 451 4.2.0 come again\nRCPT no@* -> 550 5.1.1 no such user")
