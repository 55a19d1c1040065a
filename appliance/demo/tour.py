"""`outbox demo`: the real box, taking mail on port 2525, with a pretend Internet: no root, nothing leaves the machine.

Shows a message arriving, one bouncing, one deferred and delivered later; then stays up and tells what happens until
Ctrl-C. `run(check=True)` does the three by itself, one line a step, and returns 0 only if each was verified at the
pretend servers. Every wait is bounded. All state is in a temporary folder, removed at the end.
"""

from __future__ import annotations

import contextlib
import email
import json
import signal
import smtplib
import time
import urllib.request

from appliance.console.serial_port import open_port
from appliance.demo.words import Failed, say
from appliance.demo.world import (
    FRIENDLY,
    GREY,
    PORT,
    SCRIPT,
    SENDER,
    STEP_S,
    STRICT,
    Demo,
    free_port,
    running,
)  # fmt: skip

INTRODUCTION = f"""\
Outbox, with a pretend Internet: every server ending in .pretend.example is played by this command, on loopback.
The relay is real and takes mail at 127.0.0.1 port {{port}}. Send it some, from another window:

  swaks --server 127.0.0.1:{{port}} --from {SENDER} --to {FRIENDLY}
  python3 -c "import smtplib; smtplib.SMTP('127.0.0.1', {{port}}).sendmail('{SENDER}', \
['{FRIENDLY}'], 'Subject: hello')"

  {FRIENDLY:32} is delivered
  {STRICT:32} is refused: a report goes to the sender
  {GREY:32} is told to wait (twice, the first time), then delivered

Look at it, each from a window of its own:

  the page              http://127.0.0.1:{{page}}/   (to act on mail: https://127.0.0.1:{{tls_page}}/ )
  the serial console    outbox console --demo   (choose a password there: it is the page's, too)
  the command           outbox lamps --config {{config}}   (and status, queue list, history, bounces, acknowledge)
"""


def shines(demo: Demo) -> str:
    demo.lamp("SYSTEM", "steady: accepting mail")
    demo.lamp("QUEUE", "off: queue empty")
    demo.lamp("BOUNCE", "off: nothing to read")
    return "the lamps say: accepting mail, nothing waits, nothing to read"


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
    demo.lamp("BOUNCE", "steady: bounces to read")
    return f'bounced: {STRICT} was refused, and {SENDER} has the report: "550 5.1.1 nobody of that name here"'


def waits(demo: Demo) -> str:
    demo.send(GREY, "a patient page")
    demo.lamp("QUEUE", "slow blink: deferred mail waits")
    if [item["phase"] for item in demo.command("queue", "list")] != ["deferred"]:
        raise Failed("the message is not seen waiting")
    say(f"  deferred: {GREY} was told 451, the message waits in the queue")
    demo.wait(lambda: bool(demo.at("grey", "a patient page")), f"nothing arrived for {GREY}", 2 * STEP_S)
    if len(demo.at("grey", "a patient page")) != 1:
        raise Failed("it arrived more than once")
    return f"retried and delivered: {GREY} has it, once"


def empties(demo: Demo) -> str:
    demo.lamp("QUEUE", "off: queue empty")
    demo.wait(lambda: not demo.command("queue", "list"), "the queue is not empty")
    return "the queue is empty"


def acknowledges(demo: Demo) -> str:
    if [bounce["recipient"] for bounce in demo.command("bounces")] != [STRICT]:
        raise Failed("the bounce is not shown")
    demo.command("acknowledge")
    demo.lamp("BOUNCE", "off: nothing to read")
    return "acknowledged: the bounce has been read, and the BOUNCE lamp is dark"


def shows(demo: Demo) -> str:
    """The page, and the console up to the question for a password."""
    with urllib.request.urlopen(f"http://127.0.0.1:{demo.page_port}/", timeout=STEP_S) as page:
        text = page.read().decode()
        if not all(words.partition(": ")[2] in text for words in demo.lamps.saying.values()):
            raise Failed("the page does not show what the lamps say")
        if FRIENDLY in text:
            raise Failed("the page shows a stranger whose mail it was")
    with open_port(str(demo.folder / "console"), 115200) as line:
        line.write(b"\r")
        came = line.read_until(b"New password: ", 10_000)
        until = time.monotonic() + STEP_S
        while not came.endswith(b"New password: ") and time.monotonic() < until:
            came += line.read_until(b"New password: ", 10_000)
        line.write(b"\x03")
    if b"Accepting mail" not in came or not came.endswith(b"New password: "):
        raise Failed(f"the console does not ask for a password: {came!r}")
    return "the page says what the lamps say, and the console asks its first visitor to choose a password"


STEPS = (shines, arrives, bounces, waits, empties, acknowledges, shows)


def watch(demo: Demo) -> None:
    """Tell what the pretend servers receive, until Ctrl-C or the relay's end."""
    shown = len(demo.net.received)
    demo.net.change(SCRIPT)
    say("\nNow it is your turn; Ctrl-C ends it.")
    while demo.box.poll() is None:
        arrived = demo.net.received[shown:]
        for server, got in arrived:
            subject = email.message_from_bytes(got.content).get("Subject", "(no subject)")
            say(f"  {server} took a message from <{got.reverse_path}> for {', '.join(got.recipients)}: {subject}")
        shown += len(arrived)
        time.sleep(0.1)
    raise Failed("the box ended")


def run(check: bool = False, port: int = PORT) -> int:
    """The command; the exit status. A closed terminal ends it as Ctrl-C does: nothing is left running."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        with running(free_port(port)) as demo:
            ports = {"port": demo.port, "page": demo.page_port, "tls_page": demo.tls_page_port}
            say(INTRODUCTION.format(config=demo.config, **ports))
            for number, step in enumerate(STEPS, 1):
                say(f"{number}. {step(demo)}")
            if not check:
                watch(demo)
            status = demo.stop()
            if status != 0:
                raise Failed(f"the box ended with {status}:\n{demo.log.read_text(errors='replace')[-2000:]}")
            say("All held: delivered, bounced, deferred and delivered, orderly stop.")
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be gone
            say("\nGood bye.")
    except (Failed, OSError, smtplib.SMTPException, json.JSONDecodeError) as trouble:
        say(f"FAILED: {trouble}")
        return 1
    return 0
