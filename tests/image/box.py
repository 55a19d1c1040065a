"""One emulated box with everything around it, and the questions that the tests ask of it.

`Box` is a context: LAN, card, emulator, operator. `accepting` waits for port 25's greeting. The page is asked over
HTTP, the lamps are read from the chip. AssertionError says what the box did instead, with the end of its line.
"""

from __future__ import annotations

import contextlib
import json
import smtplib
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from appliance.core.lamps import lamps
from appliance.core.status import Status
from tests.image import pins
from tests.image.card import Card
from tests.image.emulator import Emulator
from tests.image.lan import GIVEN, Lan
from tests.image.operator import Operator

BOOT_S: Final = 900.0  # for a machine that does other things as well
ANSWER_S: Final = 90.0
LAB: Final = """\
format = 1
[delivery]
lab_networks = ["203.0.113.0/24"]
lab_second_look_s = 1.0
[spool]
ready_bytes = 33554432
[paths]
clock_stamp = "/data/clock/clock"
"""
SCRIPT: Final = """\
RCPT no@* -> 550 5.1.1 no such user
RCPT later@* -> 451 4.2.0 come again
"""
Looks = dict[str, str]


class Box:
    """`settings` lie on the boot partition at the first start."""

    def __init__(self, folder: Path, settings: str = LAB, words: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.lan, self.card = folder, Lan(), Card(folder)
        self.card.put_in_boot("outbox.toml", settings)
        self.emulator = Emulator(self.card, folder, words)
        self.operator: Operator
        self._log = (folder / "line.log").open("ab", buffering=0)
        self.address, self.port, self.page_port = GIVEN, 25, 80

    def __enter__(self) -> Box:
        self.lan.start()
        self.lan.mx.change(SCRIPT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.power_cut()
        self._log.close()
        self.lan.stop()
        if kind is None:
            self.card.remove()

    def power_on(self) -> None:
        self.emulator.power_on()
        assert self.emulator.line
        self.operator = Operator(self.emulator.line, self._log)

    def power_cut(self) -> None:
        self.emulator.cut()

    def accepting(self, seconds: float = BOOT_S) -> float:
        """Seconds from power on until port 25 greets."""
        self.until(self._greets, seconds, "a greeting")
        return time.monotonic() - self.emulator.on_at

    def _greets(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 5) as peer:
            peer.settimeout(ANSWER_S)
            return peer.recv(4) == b"220 "
        return False

    def until(self, what: Callable[[], object], seconds: float, wanted: str) -> None:
        end = time.monotonic() + seconds
        while not what():
            assert self.emulator.running, "the emulator ended"
            assert time.monotonic() < end, f"no {wanted} within {seconds:.0f} s; the line: {self.said()}"
            time.sleep(0.5)

    def said(self) -> str:
        """The end of what came over the line."""
        path = self.folder / "line.log"
        return path.read_bytes()[-1500:].decode("utf-8", "replace") if path.exists() else ""

    # -- a client on the LAN ----------------------------------------------------------------------------------------

    def send(self, to: str, subject: str) -> str:
        """What the box answers to the final dot."""
        text = f"From: <scanner@example.org>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\r\nA scan.\r\n"
        with smtplib.SMTP(self.address, self.port, "scanner.example.org", ANSWER_S) as client:
            client.ehlo_or_helo_if_needed()
            client.mail("scanner@example.org")
            assert client.rcpt(to)[0] == 250
            code, words = client.data(text)
        assert code == 250, words
        return words.decode()

    # -- the page and the lamps -------------------------------------------------------------------------------------

    def page(self, path: str) -> str:
        """The page starts after the relay, so it is given a while to listen."""
        end = time.monotonic() + ANSWER_S * 2
        while True:
            try:
                with urllib.request.urlopen(
                    f"http://{self.address}:{self.page_port}{path}", timeout=ANSWER_S
                ) as answer:
                    return str(answer.read().decode())
            except urllib.error.HTTPError:
                raise
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(1)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.page("/api/status"))
        return found

    def lamps_and_language(self) -> tuple[Looks, Looks]:
        """What the pins do, and what the language says of the status on the page before and after; activity apart,
        since it follows single messages. Looks again when a lamp was just changing or the lamps were being tested (the
        panel does that at each start); what does not agree after six looks is told as it is."""
        for _ in range(6):
            before = self.language()
            seen = pins.look(self.emulator.levels)
            if before == self.language() and before.items() <= seen.items():
                break
        return {name: seen[name] for name in before}, before

    def language(self) -> Looks:
        said = lamps(Status.of(self.status()), "")
        return {lamp.label.lower(): lamp.pattern.name for lamp in said if lamp.label.lower() != "activity"}
