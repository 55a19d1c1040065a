"""`outbox demo`: the real relay on port 2525 with a pretend Internet: no root, and nothing leaves the machine.

Shows a message arriving, one bouncing, one deferred and delivered later; then stays up and tells what happens until
Ctrl-C. `run(check=True)` does the three by itself, one line a step, and returns 0 only if each was verified at the
pretend servers. Every wait is bounded. All state is in a temporary folder, removed at the end.
"""

from __future__ import annotations

import email
import json
import smtplib
import time

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

Look at it with: outbox lamps --config {{config}}   (and status, queue list, history, bounces, acknowledge)
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


STEPS = (shines, arrives, bounces, waits, empties, acknowledges)


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
