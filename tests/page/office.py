"""An office for the browser: a pretend Internet, a real relay with a week of history, the real page; all on loopback.

`running` starts relay and page as processes and waits until both answer; everything ends with it. Passwords, names and
addresses are made up.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from appliance.clock import SystemClock
from appliance.demo.world import ZONES
from appliance.passwords import Passwords
from appliance.pretend.internet import Internet
from tests.e2e.box import free_port

PASSWORD = "correct horse battery"
WAIT_S = 30.0
PROBE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
SCRIPT = """
mail.strict.pretend.example RCPT -> 550 5.1.1 nobody of that name here {probe}
mail.grey.pretend.example RCPT -> 451 4.7.1 greylisted, come again in a few minutes
"""
SETTINGS = """\
format = 1
[box]
mail_name = "outbox.pretend.example"
[network]
timezone = "Europe/Vienna"
[[listener]]
name = "lan"
address = "127.0.0.1"
port = {smtp}
tls = "none"
auth = "none"
[[access]]
network = "127.0.0.0/8"
[[device]]
network = "127.0.0.21"
name = "Copier, 2nd floor"
[[device]]
network = "127.0.0.22"
name = "Alarm panel"
[[device]]
network = "127.0.0.23"
name = "Archive (NAS)"
[[device]]
network = "127.0.0.24"
name = "Till 1"
[spool]
directory = "{folder}/spool"
segment_bytes = 1048576
ready_bytes = 4194304
free_min_bytes = 1048576
[dns]
servers = ["127.0.0.1:{dns}"]
[[domain]]
name = "default"
retry_first_s = {retry}
retry_longest_s = {retry}
[delivery]
ipv6 = false
lab_networks = ["127.0.0.0/8"]
lab_port = {mail}
[reports]
device_senders = ["*@office.pretend.example"]
[page]
address = "127.0.0.1"
port = {http}
tls_port = {https}
[control]
socket = "{folder}/control.sock"
steward_socket = "{folder}/steward.sock"
[paths]
accounts = "{folder}/accounts.json"
credentials = "{folder}/credentials.toml"
password = "{folder}/password.json"
settings = "{folder}/settings"
tls = "{folder}/tls"
updates = "{folder}/updates"
"""
DEVICES = {
    "127.0.0.21": "Copier, 2nd floor",
    "127.0.0.22": "Alarm panel",
    "127.0.0.23": "Archive (NAS)",
    "127.0.0.24": "Till 1",
}
PEOPLE = ("anna", "otto", "maria", "office", "tax.adviser", "j.huber")


def past(now: float) -> Iterator[dict[str, Any]]:
    """A week of an office's mail, the same with each run: more in working hours, a few failures."""
    dice = random.Random(7)
    for step in range(7 * 144, 1, -1):
        at = now - step * 600
        hour, day = time.gmtime(at).tm_hour, time.gmtime(at).tm_wday
        busy = (1.1 if 7 <= hour < 17 else 0.12) * (0.15 if day > 4 else 1)
        for number in range(int(dice.expovariate(1 / busy))):
            lost = dice.random() < 0.03
            client = dice.choice(list(DEVICES))
            to, reply = f"{dice.choice(PEOPLE)}@friendly.pretend.example", "250 2.0.0 Ok: queued"
            yield {
                "at": at + number, "id": f"P{step}{number}", "outcome": "bounced" if lost else "delivered", "to": to,
                "from": "copier@office.pretend.example", "reply": "550 5.1.1 no such user" if lost else reply,
                "host": "mail.friendly.pretend.example", "subject": "Scan", "client": client,
                "device": DEVICES[client], "size": dice.randrange(90_000, 900_000), "arrived_at": at,
                "repairs": ["added Date"] if client == "127.0.0.24" else [], "via": "direct",
            }  # fmt: skip


class Office:
    """`http` and `https` are where the page is; `waiting` is a message that waits; `send` hands in mail as a device
    at an address of its own."""

    def __init__(self, folder: Path, retry_s: float, probe: str) -> None:
        self.folder = folder
        self.net = Internet(ZONES, SCRIPT.format(probe=probe))
        self.smtp, http, https = free_port(), free_port(), free_port()
        self.http, self.https = f"http://127.0.0.1:{http}", f"https://127.0.0.1:{https}"
        self.config = folder / "settings.toml"
        places = {"smtp": self.smtp, "http": http, "https": https, "folder": folder, "retry": retry_s}
        self.config.write_text(SETTINGS.format(**places, dns=self.net.dns_port, mail=self.net.mail_port))
        (folder / "spool").mkdir()
        (folder / "updates").mkdir()
        lines = [json.dumps(entry) + "\n" for entry in past(time.time())]
        (folder / "spool" / "history.jsonl").write_text("".join(lines))
        Passwords(str(folder / "password.json"), SystemClock("")).change("", PASSWORD)
        self.waiting = ""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def launch(self, part: str) -> None:
        command = [sys.executable, "-m", "appliance.cli", part, "--config", str(self.config)]
        with (self.folder / f"{part}.log").open("ab") as log:
            self.processes[part] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end(self, part: str) -> int:
        process = self.processes.pop(part)
        process.send_signal(signal.SIGTERM)
        return process.wait(WAIT_S)

    def until(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError, ssl.SSLError):
                if condition():
                    return
            time.sleep(0.05)
        logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.log"))
        raise AssertionError(f"{what} did not come true\n{logs}")

    def asked(self, path: str) -> Any:
        with urllib.request.urlopen(self.http + path, timeout=5) as answer:
            return json.load(answer) if path.startswith("/api") else answer.read().decode()

    def greets(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.smtp), 5) as probe:
            return probe.recv(4) == b"220 "

    def send(
        self, to: str, subject: str, client: str = "127.0.0.21", helo: str = "copier", octets: int = 90_000
    ) -> str:
        """The queue id."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "copier@office.pretend.example", to, subject
        mail.set_content("x" * 70 + "\n" + ("A scanned page.\n" * (octets // 16)))
        with smtplib.SMTP("127.0.0.1", self.smtp, helo, timeout=10, source_address=(client, 0)) as device:
            device.ehlo(helo)
            device.mail("copier@office.pretend.example")
            device.rcpt(to)
            code, words = device.data(mail.as_bytes())
        assert code == 250, words
        return words.decode().split()[-1]

    def settled(self) -> bool:
        """Whether nothing is on its way."""
        phases = self.asked("/api/status")["queue"]
        return not phases.get("queued") and not phases.get("active") and not phases.get("bouncing")


@contextlib.contextmanager
def running(folder: Path, retry_s: float = 600.0, probe: str = "") -> Iterator[Office]:
    """`probe` is what a hostile server adds to its words."""
    office = Office(folder, retry_s, probe)
    try:
        office.launch("steward")
        office.launch("relay")
        office.until(office.greets, "the relay's greeting")
        office.launch("page")
        office.until(lambda: office.asked("/readyz"), "a page that is ready")
        yield office
    finally:
        for part in list(office.processes):
            office.end(part)
        office.net.stop()
