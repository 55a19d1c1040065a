"""The long form: twenty power cuts, updates that work and updates that do not, noise on the line, an idle while.

OUTBOX_CUTS and OUTBOX_IDLE_S change how many and how long. The bundles come from `make bundle`; the broken one is made
from it here, with the build's own development key, and so is the one that a stranger signed.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.image.box import ANSWER_S, BOOT_S, SCRIPT, Box
from tests.image.bundles import broken_bundle, good_bundle, strangers_bundle
from tests.image.lan import DNS, ROUTER
from tests.image.operator import PROMPT

CUTS = int(os.environ.get("OUTBOX_CUTS", "20"))
IDLE_S = float(os.environ.get("OUTBOX_IDLE_S", "3600"))
SEED = int(os.environ.get("OUTBOX_SEED", "1"))
SETTINGS = f"""\
format = 1
[box]
mail_name = "outbox.example.org"
[dns]
servers = ["{DNS}"]
[spool]
ready_bytes = 33554432
[delivery]
lab_networks = ["203.0.113.0/24"]
lab_second_look_s = 1.0
[paths]
clock_stamp = "/data/clock/clock"
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with Box(tmp_path / "box", SETTINGS) as made:
        yield made


class Load:
    """A client that sends one message after the other; `acknowledged` are the subjects that got their 250."""

    def __init__(self, box: Box) -> None:
        self._box, self._stopping = box, threading.Event()
        self.acknowledged: list[str] = []
        self._number = 0
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(ANSWER_S * 2)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._number += 1
            subject = f"load-{self._number:05d}."
            try:
                self._box.send("later@example.net" if self._number % 3 == 0 else "reader@example.net", subject)
            except (OSError, AssertionError):  # the plug was pulled: this one was never acknowledged
                time.sleep(0.5)
                continue
            self.acknowledged.append(subject)


def missing(box: Box, subjects: list[str]) -> set[str]:
    arrived = b"".join(each.content for each in box.lan.mx.messages)
    return {each for each in subjects if f"Subject: {each}".encode() not in arrived}


def test_no_power_cut_loses_what_was_acknowledged(box: Box) -> None:
    chance, load = random.Random(SEED), Load(box)
    box.power_on()
    box.accepting()
    load.start()
    for cut in range(CUTS):
        time.sleep(chance.uniform(0.5, 20))
        box.power_cut()
        assert box.card.trouble() == "", f"cut {cut}"
        box.power_on()
        box.accepting()
    load.stop()
    assert load.acknowledged
    box.lan.mx.change("")
    box.operator.log_in() if CUTS == 0 else box.operator.first_visit()
    box.operator.command("flush", ANSWER_S)
    box.until(lambda: not missing(box, load.acknowledged), 1200, "delivery of all that was acknowledged")


@pytest.fixture
def bundles(tmp_path: Path) -> Iterator[Path]:
    """A folder served at http://ROUTER:8000/ to the box."""
    folder = tmp_path / "bundles"
    folder.mkdir()
    server = ThreadingHTTPServer(("0.0.0.0", 8000), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder
    server.shutdown()
    server.server_close()


def slot(box: Box) -> str:
    """The slot that runs, as the console tells it."""
    found = re.search(r"slot\W+(?:rootfs\.)?([ab01])\b", box.operator.command("show version", ANSWER_S))
    assert found
    return {"0": "a", "1": "b"}.get(found[1], found[1])


def install(box: Box, name: str) -> str:
    box.operator.types(f"update install http://{ROUTER}:8000/{name}")
    return box.operator.waits_for(PROMPT, 1800)


def test_updates_go_there_and_back_with_mail_in_the_queue(box: Box, bundles: Path) -> None:
    for make, name in ((good_bundle, "good"), (broken_bundle, "broken"), (strangers_bundle, "strangers")):
        shutil.copy(make(), bundles / f"{name}.raucb")
    box.lan.mx.change(SCRIPT)
    box.power_on()
    box.accepting()
    box.operator.first_visit()
    box.send("later@example.net", "through all updates")
    assert slot(box) == "a"

    refused = install(box, "strangers.raucb")
    assert re.search("signature|certificate", refused), refused

    box.operator.types(f"update install http://{ROUTER}:8000/good.raucb")
    time.sleep(20)
    box.power_cut()  # in the middle of the installation
    box.power_on()
    box.accepting()
    box.operator.log_in()
    assert slot(box) == "a"

    box.operator.types(f"update install http://{ROUTER}:8000/good.raucb")
    box.operator.waits_for("press Enter to begin", 1800)
    box.power_cut()  # in the first start of the trial
    box.power_on()
    box.accepting()
    box.operator.log_in()
    assert slot(box) == "b"
    box.until(lambda: "good" in box.operator.command("show version", ANSWER_S), 600, "slot that was judged good")

    box.operator.types(f"update install http://{ROUTER}:8000/broken.raucb")
    box.operator.waits_for("press Enter to begin", 1800)
    box.accepting(BOOT_S * 8)  # three starts that fail, then the slot before
    box.operator.log_in()
    assert slot(box) == "b"

    assert box.status()["queue"]["deferred"] == 1
    box.lan.mx.change("")
    box.operator.command("flush", ANSWER_S)
    box.until(lambda: not missing(box, ["through all updates"]), ANSWER_S * 2, "delivery")


def test_noise_on_the_line_stops_neither_start_nor_console(box: Box) -> None:
    chance = random.Random(SEED)
    box.power_on()
    assert box.emulator.line
    end = time.monotonic() + BOOT_S
    greeted = False
    while not greeted and time.monotonic() < end:
        box.emulator.line.sendall(chance.choice([bytes(64), chance.randbytes(512), b"\x1b[1;1R" * 20, b"\r\n" * 50]))
        with_time = time.monotonic()
        greeted = box.port != 0 and box._greets()
        time.sleep(max(0.0, 1.0 - (time.monotonic() - with_time)))
    assert greeted, box.said()
    time.sleep(70)  # what was typed ahead is answered, the login times out
    box.operator.first_visit()
    said = box.operator.command("show status")
    assert "ccepting" in said


def test_an_idle_box_hardly_writes_to_its_card(box: Box) -> None:
    box.power_on()
    box.accepting()
    box.operator.first_visit()
    time.sleep(300)  # what the first start writes: space for mail, the certificate
    before = written(box)
    time.sleep(IDLE_S)
    assert (written(box) - before) * 3600 / IDLE_S <= 1 << 20


def written(box: Box) -> int:
    """Octets that the card took since it was switched on (the seventh number of its stat file counts sectors)."""
    box.operator.plain()
    text = box.operator.command("support-bundle", ANSWER_S * 4)
    lines = [line.split() for line in text.splitlines()]
    rows = [line for line in lines if len(line) >= 11 and all(word.isdigit() for word in line)]
    return int(rows[0][6]) * 512
