"""Nothing is promised before the flush has returned (P1): the order of write, fdatasync and 250, as strace sees it.

Not part of `make test`, since it needs strace: `make test-order`. Without strace it fails.
"""

from __future__ import annotations

import re
import shutil
import smtplib
from dataclasses import dataclass
from pathlib import Path

from appliance.pretend.internet import Internet
from tests.e2e.box import Box

CALLS = "write,writev,pwrite64,pwritev,pwritev2,fdatasync,fsync,sendto,sendmsg"
ZONES = "y.example MX 10 mx.y.example\nmx.y.example A 127.0.0.10\n"


@dataclass(slots=True)
class Call:
    """A system call; `begin` and `end` are places in the trace."""

    name: str
    text: str
    begin: int
    end: int


def calls(trace: str) -> list[Call]:
    """What strace -f wrote, with the halves of an interrupted line joined."""
    found: list[Call] = []
    open_calls: dict[str, Call] = {}
    for place, line in enumerate(trace.splitlines()):
        pid, _, rest = line.partition(" ")
        rest = rest.strip()
        if resumed := re.match(r"<\.\.\. (\w+) resumed>(.*)", rest):
            if call := open_calls.pop(pid, None):
                call.end = place
                call.text += resumed[2]
        elif started := re.match(r"(\w+)\(", rest):
            call = Call(started[1], rest, place, place)
            found.append(call)
            if rest.endswith("<unfinished ...>"):
                open_calls[pid] = call
    return found


def test_the_halves_of_an_interrupted_call_are_joined() -> None:
    (sync, send) = calls('1 fdatasync(7</s> <unfinished ...>\n2 sendto(9, "354") = 3\n1 <... fdatasync resumed>) = 0\n')
    assert (sync.name, sync.begin, sync.end, sync.text.endswith("= 0")) == ("fdatasync", 0, 2, True)
    assert (send.begin, send.end) == (1, 1)


def test_250_is_sent_after_the_flush_has_returned(tmp_path: Path) -> None:
    assert shutil.which("strace"), "strace is not installed"
    trace = tmp_path / "trace"
    net = Internet(ZONES, "* GREETING -> 421 4.3.2 not now\n")
    strace = ("strace", "-D", "-f", "-y", "-s", "200", "-e", f"trace={CALLS}", "-o", str(trace))
    box = Box(tmp_path, "", net.dns_port, net.mail_port, strace)
    try:
        box.start()
        with smtplib.SMTP("127.0.0.1", box.smtp, "client.example", timeout=20) as smtp:
            for _ in range(2):  # the first one also begins a segment
                smtp.sendmail("a@x.example", ["b@y.example"], "Subject: traced\r\n\r\nthe-very-content\r\n")
        process = box.process
        assert process is not None
        box.stop()
        ended = re.compile(rf"^{process.pid} +\+\+\+ exited", re.MULTILINE)  # strace pads short pids
        assert net.wait_for(lambda: bool(ended.search(trace.read_text(errors="replace"))), 10.0)
    finally:
        box.kill()
        net.stop()
    seen = calls(trace.read_text(errors="replace"))
    sent = [call for call in seen if call.name in ("sendto", "sendmsg", "write", "writev") and "socket:" in call.text]
    go_on = [call for call in sent if '"354 ' in call.text][1]
    promise = next(call for call in sent if call.begin > go_on.end and '"250 2.' in call.text)
    between = [call for call in seen if go_on.end < call.begin < promise.begin]
    spool = [call for call in between if f"<{tmp_path}/spool/" in call.text and ".new>" not in call.text]
    writes = [call for call in spool if "write" in call.name]
    flushes = [call for call in spool if call.name in ("fdatasync", "fsync")]
    assert writes, "the content was written between 354 and 250"
    (flush,) = flushes
    assert flush.text.endswith("= 0")
    assert max(write.end for write in writes) < flush.begin <= flush.end < promise.begin
    assert len(writes) <= 2, "a lone small message costs at most two writes"
