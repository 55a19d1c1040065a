"""The world of the demonstration: the real box with a pretend Internet, all state in a temporary folder.

`running` gives a Demo whose relay greets and whose lamps are shown, and tears everything down. `outbox run` keeps
relay, steward, page and console running; the console's serial line is a null modem whose other end is FOLDER/console.
Every wait is bounded; what does not come true raises Failed with one plain sentence.
"""

from __future__ import annotations

import contextlib
import json
import smtplib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from appliance.demo.lamps import ShownLamps
from appliance.demo.words import Failed
from appliance.pretend.internet import Internet
from appliance.pretend.mailserver import Received
from appliance.pretend.null_modem import NullModem

PORT = 2525
PAGE_PORTS = (8025, 8443)
START_S = 20.0
STEP_S = 15.0
STOP_S = 20.0
ZONES = """
office.pretend.example MX 10 mail.office.pretend.example
friendly.pretend.example MX 10 mail.friendly.pretend.example
strict.pretend.example MX 10 mail.strict.pretend.example
grey.pretend.example MX 10 mail.grey.pretend.example
mail.office.pretend.example A 127.0.0.10
mail.friendly.pretend.example A 127.0.0.11
mail.strict.pretend.example A 127.0.0.12
mail.grey.pretend.example A 127.0.0.13
"""
SCRIPT = """
mail.strict.pretend.example RCPT -> 550 5.1.1 nobody of that name here
mail.grey.pretend.example RCPT -> 451 4.7.1 greylisted, come again x2
"""
SENDER = "copier@office.pretend.example"
FRIENDLY, STRICT, GREY = "anna@friendly.pretend.example", "nobody@strict.pretend.example", "otto@grey.pretend.example"
SETTINGS = """\
format = 1
[box]
mail_name = "outbox.pretend.example"
[[listener]]
name = "demo"
address = "127.0.0.1"
port = {port}
tls = "none"
auth = "none"
[[access]]
network = "127.0.0.0/8"
[spool]
directory = "{folder}/spool"
segment_bytes = 1048576
ready_bytes = 4194304
free_min_bytes = 1048576
[dns]
servers = ["127.0.0.1:{dns}"]
[[domain]]
name = "default"
retry_first_s = 2.0
retry_longest_s = 3.0
[delivery]
ipv6 = false
lab_networks = ["127.0.0.0/8"]
lab_port = {mail}
lab_second_look_s = 1
[reports]
device_senders = []
[page]
address = "127.0.0.1"
port = {page}
tls_port = {tls_page}
[control]
socket = "{folder}/control.sock"
steward_socket = "{folder}/steward.sock"
[paths]
accounts = "{folder}/accounts.json"
credentials = "{folder}/credentials.toml"
password = "{folder}/password.json"
settings = "{folder}/settings"
tls = "{folder}/tls"
"""


class Demo:
    """The running box and its pretend Internet."""

    def __init__(self, folder: Path, port: int, net: Internet) -> None:
        self.folder, self.port, self.net = folder, port, net
        self.page_port, self.tls_page_port = map(free_port, PAGE_PORTS)
        self.config, self.log = folder / "settings.toml", folder / "box.log"
        places = {"port": port, "folder": folder, "dns": net.dns_port, "mail": net.mail_port}
        pages = {"page": self.page_port, "tls_page": self.tls_page_port}
        self.config.write_text(SETTINGS.format(**places, **pages))
        self.modem = NullModem()
        (folder / "console").symlink_to(self.modem.ends[1])
        outbox = [sys.executable, "-m", "appliance.cli", "run", "--without", "panel", "--console", self.modem.ends[0]]
        with self.log.open("wb") as log:
            command = [*outbox, "--config", str(self.config), "--log", str(self.log)]
            self.box = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.lamps = ShownLamps(self.config, folder / "panel.log")

    def wait(self, condition: Callable[[], bool], failure: str, timeout_s: float = STEP_S) -> None:
        """Raises Failed when `condition` does not come true in time or the box ends."""

        def ended_or_true() -> bool:
            return self.box.poll() is not None or condition()

        if not self.net.wait_for(ended_or_true, timeout_s):
            raise Failed(failure)
        if self.box.poll() is not None:
            raise Failed(f"the box ended:\n{self.log.read_text(errors='replace')[-2000:]}")

    def greets(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as probe:
            return probe.recv(4) == b"220 "
        return False

    def lamp(self, label: str, words: str) -> None:
        """Raises Failed when the panel's lamp does not say that soon."""
        self.wait(lambda: words in self.lamps.saying.get(label, ""), f'the {label} lamp does not say "{words}"')

    def command(self, *words: str) -> Any:
        """What `outbox WORDS --json` prints."""
        command = [sys.executable, "-m", "appliance.cli", *words, "--json", "--config", str(self.config)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
        if ran.returncode != 0:
            raise Failed(f"outbox {' '.join(words)}: {ran.stdout}{ran.stderr}")
        return json.loads(ran.stdout)

    def send(self, recipient: str, subject: str) -> str:
        """Hand a message to the relay as a device would; the reply to its final dot."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = SENDER, recipient, subject
        message.set_content(f"This is {subject}.\n")
        with smtplib.SMTP("127.0.0.1", self.port, "copier.office.pretend.example", timeout=STEP_S) as client:
            client.ehlo()
            client.mail(SENDER)
            client.rcpt(recipient)
            code, words = client.data(message.as_bytes())
        if code != 250:
            raise Failed(f"the relay answered {code} {words.decode(errors='replace')}")
        return f"{code} {words.decode()}"

    def at(self, server: str, subject: str) -> list[Received]:
        """What arrived at mail.SERVER with that subject or about it."""
        name = f"mail.{server}.pretend.example"
        return [got for host, got in list(self.net.received) if host == name and subject.encode() in got.content]

    def stop(self) -> int:
        """The exit status of the panel, or of the box; 1 when a part of it had a bug."""
        status = self.lamps.stop()
        self.box.terminate()
        try:
            status = self.box.wait(STOP_S) or status
        except subprocess.TimeoutExpired:
            self.box.kill()
            status = self.box.wait()
        self.modem.close()
        return status or int("Traceback" in self.log.read_text(errors="replace"))


@contextlib.contextmanager
def running(port: int) -> Iterator[Demo]:
    """A demo that greets, torn down at the end. Raises Failed or OSError."""
    with tempfile.TemporaryDirectory(prefix="outbox-demo-") as folder:
        net = Internet(ZONES, SCRIPT)
        try:
            demo = Demo(Path(folder), port, net)
            try:
                demo.wait(demo.greets, "the relay did not greet", START_S)
                yield demo
            finally:
                demo.stop()
        finally:
            net.stop()


def free_port(wanted: int) -> int:
    """`wanted`, or another one when it is taken. Raises OSError when none is free."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as probe:
            free: int = probe.getsockname()[1]
            return free
    raise OSError("no free port on 127.0.0.1")
