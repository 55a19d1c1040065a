"""`outbox demo`: the real relay on port 2525 with a pretend Internet: no root, and nothing leaves the machine.

Shows a message arriving, one bouncing, one deferred and delivered later; then stays up and tells what happens until
Ctrl-C. `run(check=True)` does the three by itself, one line a step, and returns 0 only if each was verified at the
pretend servers. Every wait is bounded. All state is in a temporary folder, removed at the end.
"""

from __future__ import annotations

import contextlib
import email
import json
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

from appliance.pretend.internet import Internet
from appliance.pretend.mailserver import Received

PORT = 2525
START_S = 20.0
STEP_S = 15.0
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
INTRODUCTION = f"""\
Outbox, with a pretend Internet: every server ending in .pretend.example is played by this command, on loopback.
The relay is real and takes mail at 127.0.0.1 port {{port}}. Send it some, from another window:

  swaks --server 127.0.0.1:{{port}} --from {SENDER} --to {FRIENDLY}
  python3 -c "import smtplib; smtplib.SMTP('127.0.0.1', {{port}}).sendmail('{SENDER}', \
['{FRIENDLY}'], 'Subject: hello')"

  {FRIENDLY:32} is delivered
  {STRICT:32} is refused: a report goes to the sender
  {GREY:32} is told to wait (twice, the first time), then delivered

Look at it with: outbox queue list --config {{config}}
"""
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
[control]
socket = "{folder}/control.sock"
[paths]
accounts = "{folder}/accounts.json"
credentials = "{folder}/credentials.toml"
tls = "{folder}/tls"
"""


class Failed(Exception):
    """A step did not hold; one plain sentence."""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Demo:
    """The running relay and its pretend Internet."""

    def __init__(self, folder: Path, port: int, net: Internet) -> None:
        self.folder, self.port, self.net = folder, port, net
        self.config = folder / "settings.toml"
        places = {"port": port, "folder": folder, "dns": net.dns_port, "mail": net.mail_port}
        self.config.write_text(SETTINGS.format(**places))
        self.log = folder / "relay.log"
        command = [sys.executable, "-m", "appliance.cli", "relay", "--config", str(self.config)]
        with self.log.open("wb") as log:
            self.relay = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait(self, condition: Callable[[], bool], failure: str, timeout_s: float = STEP_S) -> None:
        """Raises Failed when `condition` does not come true in time or the relay ends."""

        def ended_or_true() -> bool:
            return self.relay.poll() is not None or condition()

        if not self.net.wait_for(ended_or_true, timeout_s):
            raise Failed(failure)
        if self.relay.poll() is not None:
            raise Failed(f"the relay ended:\n{self.log.read_text(errors='replace')[-2000:]}")

    def greets(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as probe:
            return probe.recv(4) == b"220 "
        return False

    def queue(self) -> str:
        """What `outbox queue list --json` prints."""
        command = [sys.executable, "-m", "appliance.cli", "queue", "list", "--json", "--config", str(self.config)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
        if ran.returncode != 0:
            raise Failed(f"outbox queue list: {ran.stdout}{ran.stderr}")
        return ran.stdout

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
        """The relay's exit status."""
        self.relay.terminate()
        try:
            return self.relay.wait(STEP_S)
        except subprocess.TimeoutExpired:
            self.relay.kill()
            return self.relay.wait()


def arrives(demo: Demo) -> str:
    answer = demo.send(FRIENDLY, "a scanned page")
    demo.wait(lambda: bool(demo.at("friendly", "a scanned page")), f"nothing arrived for {FRIENDLY}")
    (got,) = demo.at("friendly", "a scanned page")
    if got.recipients != [FRIENDLY] or b"\r\nThis is a scanned page.\r\n" not in got.content:
        raise Failed("what arrived is not what was sent")
    return f"delivered: {FRIENDLY} has it, content unchanged ({answer})"


def bounces(demo: Demo) -> str:
    demo.send(STRICT, "a lost page")
    demo.wait(lambda: bool(demo.at("office", "a lost page")), f"no report came to {SENDER}")
    (got,) = demo.at("office", "a lost page")
    report = email.message_from_bytes(got.content)
    if got.reverse_path != "" or got.recipients != [SENDER] or report.get_content_type() != "multipart/report":
        raise Failed("what came to the sender is no report")
    if b"nobody of that name here" not in got.content or demo.at("strict", "a lost page"):
        raise Failed("the report does not say why")
    return f'bounced: {STRICT} was refused, and {SENDER} has the report: "550 5.1.1 nobody of that name here"'


def waits(demo: Demo) -> str:
    demo.send(GREY, "a patient page")
    demo.wait(lambda: "deferred" in demo.queue(), "the message was not seen waiting")
    say(f"  deferred: {GREY} was told 451, the message waits in the queue")
    demo.wait(lambda: bool(demo.at("grey", "a patient page")), f"nothing arrived for {GREY}", 2 * STEP_S)
    if len(demo.at("grey", "a patient page")) != 1:
        raise Failed("it arrived more than once")
    return f"retried and delivered: {GREY} has it, once"


def empties(demo: Demo) -> str:
    demo.wait(lambda: not json.loads(demo.queue()), "the queue is not empty")
    return "the queue is empty"


STEPS = (arrives, bounces, waits, empties)


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


def watch(demo: Demo) -> None:
    """Tell what the pretend servers receive, until Ctrl-C or the relay's end."""
    shown = len(demo.net.received)
    demo.net.change(SCRIPT)
    say("\nNow it is your turn; Ctrl-C ends it.")
    while demo.relay.poll() is None:
        arrived = demo.net.received[shown:]
        for server, got in arrived:
            subject = email.message_from_bytes(got.content).get("Subject", "(no subject)")
            say(f"  {server} took a message from <{got.reverse_path}> for {', '.join(got.recipients)}: {subject}")
        shown += len(arrived)
        time.sleep(0.1)
    raise Failed("the relay ended")


def run(check: bool = False, port: int = PORT) -> int:
    """The command; the exit status."""
    try:
        with running(free_port(port)) as demo:
            say(INTRODUCTION.format(port=demo.port, config=demo.config))
            for number, step in enumerate(STEPS, 1):
                say(f"{number}. {step(demo)}")
            if not check:
                watch(demo)
            status = demo.stop()
            if status != 0:
                raise Failed(f"the relay ended with {status}")
            say("All held: delivered, bounced, deferred and delivered, orderly stop.")
    except KeyboardInterrupt:
        say("\nGood bye.")
    except (Failed, OSError, smtplib.SMTPException, json.JSONDecodeError) as trouble:
        say(f"FAILED: {trouble}")
        return 1
    return 0
