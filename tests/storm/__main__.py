"""`python -m tests.storm [--kills 50] [--seed N]`: load, kills, and the account afterwards; exit 0 only if it is right.

First half of the kills: clients send without pause. Second half: a backlog is built while the mail servers refuse, and
the relay is killed while it drains. Bounded by LIMIT_S. The seed decides when it is killed and what is sent.
"""

from __future__ import annotations

import argparse
import random
import smtplib
import sys
import tempfile
import threading
import time
from pathlib import Path

from appliance.pretend.internet import Internet
from appliance.pretend.mailserver import Received
from tests.e2e.box import Box
from tests.storm.ledger import Ledger, verdict

LIMIT_S = 330.0
CLIENTS = 4
CONNECTIONS = 5
BACKLOG = 150
ZONES = "y.example MX 10 mx.y.example\nmx.y.example A 127.0.0.10\n"
REFUSING = "* GREETING -> 421 4.3.2 not now\n"
SETTINGS = f"""
[intake]
hijack_factor = 0
messages_per_minute = 1000000
recipients_per_minute = 10000000

[[domain]]
name = "default"
direct_attempts = 1000
connections_max = {CONNECTIONS}
retry_first_s = 0.2
retry_longest_s = 0.5
messages_in_a_row = 50
"""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def message(name: str, lines: int) -> str:
    """Content that proves itself: its name, and as many lines as it says."""
    return f"From: <a@x.example>\r\nSubject: {name} {lines}\r\n\r\n" + f"{name}\r\n" * lines


class Storm:
    """One run; `play` returns the exit status."""

    def __init__(self, folder: Path, kills: int, seed: int) -> None:
        self.kills, self.seed = kills, seed
        self.random = random.Random(seed)
        self.ledger = Ledger()
        self.net = Internet(ZONES, taken=self.arrived)
        self.box = Box(folder, SETTINGS, self.net.dns_port, self.net.mail_port)
        self.loading, self.over = threading.Event(), threading.Event()
        self.ends_at = time.monotonic() + LIMIT_S

    def arrived(self, server: str, received: Received) -> None:
        subject = next(line for line in received.content.split(b"\r\n") if line.startswith(b"Subject: "))
        name, lines = subject.decode()[9:].split()
        body = received.content.partition(b"\r\n\r\n")[2]
        if body != f"{name}\r\n".encode() * int(lines):
            self.ledger.damaged.append(name)
        self.ledger.arrived.append((time.monotonic(), name))

    def client(self, number: int) -> None:
        """Sends while `loading`, and writes down what was accepted."""
        chance = random.Random(f"{self.seed}/{number}")
        count = 0
        while not self.over.is_set():
            if not self.loading.wait(0.1):
                continue
            try:
                with smtplib.SMTP("127.0.0.1", self.box.smtp, "client.example", timeout=15) as smtp:
                    for _ in range(20):
                        if not self.loading.is_set():
                            break
                        count += 1
                        name = f"storm-{number}-{count}"
                        lines = chance.choice((1, 10, 100, 1000))
                        smtp.sendmail("a@x.example", ["b@y.example"], message(name, lines))
                        self.ledger.accepted[name] = time.monotonic()
                        time.sleep(0.005)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.05)

    def play(self) -> int:
        clients = [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        for each in clients:
            each.start()
        try:
            self.box.start()
            under_load = self.kills // 2
            self.under_load(under_load)
            self.draining(self.kills - under_load)
            self.wait(lambda: not self.ledger.missing(), 60.0)
            self.wait(lambda: '"id"' not in self.box.outbox("queue", "list", "--json").stdout, 20.0)
            stopped = self.box.stop()
        finally:
            self.over.set()
            for each in clients:
                each.join()
            self.box.kill()
            self.net.stop()
        return self.account(stopped)

    def wait(self, condition: object, timeout_s: float) -> bool:
        assert callable(condition)
        deadline = min(self.ends_at, time.monotonic() + timeout_s)
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def strike(self, after_s: float) -> None:
        """Kill and start again."""
        if time.monotonic() > self.ends_at:
            raise AssertionError(f"{len(self.ledger.kills)} kills, and the time is up")
        time.sleep(after_s)
        self.box.kill()
        self.ledger.kills.append(time.monotonic())
        self.box.start()

    def under_load(self, kills: int) -> None:
        self.loading.set()
        for _ in range(kills):
            self.strike(self.random.uniform(0.1, 2.5))
        self.loading.clear()
        say(f"under load: {len(self.ledger.accepted)} accepted, {len(self.ledger.kills)} kills")

    def draining(self, kills: int) -> None:
        for _ in range(kills):
            self.net.change(REFUSING)
            goal = len(self.ledger.accepted) + BACKLOG
            self.loading.set()
            self.wait(lambda goal=goal: len(self.ledger.accepted) >= goal, 20.0)
            self.loading.clear()
            self.net.change("")
            self.box.outbox("flush")
            self.strike(self.random.uniform(0.02, 0.8))
        say(f"while draining: {len(self.ledger.accepted)} accepted, {len(self.ledger.kills)} kills")

    def account(self, stopped: int) -> int:
        found = verdict(self.ledger)
        say(f"accepted {len(self.ledger.accepted)}, arrived {len(self.ledger.arrived)}, kills {len(self.ledger.kills)}")
        say(f"lost {len(found.lost)}, damaged {len(found.damaged)}, duplicates {found.duplicates}")
        say(f"widest window: {found.worst_s:.1f} s, {found.worst} deliveries repeated by one kill")
        for line in (*found.lost[:10], *found.damaged[:10], *found.unlawful[:10]):
            say(f"WRONG: {line}")
        right = found.right and stopped == 0 and not self.box.bugs()
        if stopped != 0 or self.box.bugs():
            say(f"WRONG: the relay ended with {stopped}\n{self.box.bugs()}")
        say("right" if right else "not right")
        return 0 if right else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.storm")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    chosen = parser.parse_args()
    say(f"seed {chosen.seed}, {chosen.kills} kills")
    with tempfile.TemporaryDirectory(prefix="outbox-storm-") as folder:
        return Storm(Path(folder), chosen.kills, chosen.seed).play()


if __name__ == "__main__":
    sys.exit(main())
