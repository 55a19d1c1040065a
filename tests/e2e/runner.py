"""Plays one scenario, a folder of plain text, against the real relay process and a pretend Internet.

    about.txt        one sentence, then the promise it shows ("P2")
    settings.toml    laid over base.toml; ports are filled in
    zones            what the DNS server knows (appliance/pretend/nameserver.py)
    mx.script        how the mail servers answer (appliance/pretend/internet.py)
    session.smtp     what happens, in order
    expected*.eml    mail that must arrive, each exactly once and nothing else (compare.py)
    expected*.dsn    reports that must arrive
    expected.status  commands and what they must print in the end

Lines of session.smtp: `C: line` is sent; `C*N: line` N times; `C\\: text` with escapes and without line end;
`S: reply` is what must come, `*` for what varies, `{id}` remembers a word; `S: EOF` the connection ends. `$ outbox …`
runs the command until each following `> line` is among what it prints. `! …` is done by the runner, see `_ORDERS`.
A failure is an AssertionError with the line and the relay's log.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from appliance.pretend.internet import Internet
from tests.e2e.box import Box
from tests.e2e.compare import content_lines, head, mail_matches, matches, pattern, sections
from tests.fakes.mx import tls_context

PATIENCE_S = 20.0


class Player:
    """One run of one scenario in `work`, an empty folder."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder, self.work = folder, work

    def prepare(self) -> None:
        """The pretend Internet listens, the box has its settings."""
        work = self.work
        script = self.text("mx.script")
        self.net = Internet(self.text("zones"), script, tls_context(work) if "STARTTLS" in script else None)
        wrapper: tuple[str, ...] = ()
        if (tmpfs := self.folder / "spool.size").exists():
            wrapper = small_card(work / "spool", tmpfs.read_text().strip())
        self.box = Box(work, self.text("settings.toml"), self.net.dns_port, self.net.mail_port, wrapper)
        self.words: dict[str, str] = {}
        self.source, self.address, self.port = "127.0.0.1", "127.0.0.1", self.box.smtp
        self.secure = False
        self.client: socket.socket | None = None
        self.started = False

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def play(self) -> None:
        """The whole scenario. Raises AssertionError."""
        self.prepare()
        try:
            self.dialogue(self.text("session.smtp"))
            self.close()
            if self.box.running():
                self.mail_arrived()
                self.dialogue(self.text("expected.status"))
                self.nothing_else()
                assert self.box.stop() == 0, "SIGTERM is an orderly end"
            assert not self.box.bugs(), f"a bug: {self.box.bugs()}"
        except (AssertionError, OSError) as trouble:
            raise AssertionError(f"{self.folder.name}: {trouble}\n--- relay:\n{self.box.words()}") from trouble
        finally:
            self.close()
            self.box.kill()
            self.net.stop()

    # -- the dialogue

    def dialogue(self, text: str) -> None:
        lines = text.splitlines()
        while lines:
            line = lines.pop(0)
            if line.startswith("$ outbox "):
                wanted = []
                while lines and lines[0].startswith("> "):
                    wanted.append(lines.pop(0)[2:])
                self.command(line[9:], wanted)
            elif line.strip() and not line.startswith("#"):
                self.step(line)

    def step(self, line: str) -> None:
        if line.startswith("! "):
            order, _, rest = line[2:].partition(" ")
            _ORDERS[order](self, rest)
            return
        said = re.fullmatch(r"(C|S)(\\|\*\d+)?:(?: (.*))?", line)
        assert said, f"what is {line!r}?"
        side, form, text = said[1], said[2] or "", said[3] or ""
        if side == "S":
            self.expect(text)
            return
        text = self.filled(text)
        if form == "\\":
            self.send(text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1"))
        else:
            self.send((text + "\r\n").encode() * int(form[1:] or 1))

    def filled(self, text: str) -> str:
        for name, word in self.words.items():
            text = text.replace(f"{{{name}}}", word)
        return text

    def connection(self) -> socket.socket:
        if not self.started:
            self.start()
        if self.client is None:
            source = (self.source if "." in self.address else self.address, 0)
            self.client = socket.create_connection((self.address, self.port), PATIENCE_S, source_address=source)
            if self.secure:
                self.start_tls()
            self.replies = self.client.makefile("rb")
        return self.client

    def send(self, octets: bytes) -> None:
        self.connection().sendall(octets)

    def expect(self, text: str) -> None:
        self.connection()
        lines: list[str] = []
        while not lines or lines[-1][3:4] == "-":
            octets = self.replies.readline(8192)
            if not octets:
                break
            lines.append(octets.decode("utf-8", "replace").rstrip("\r\n"))
        got = "\n".join(lines) or "EOF"
        found = re.fullmatch(pattern(text), got)
        assert found, f"expected {text!r}, got {got!r}"
        self.words |= found.groupdict()
        if got.startswith("221 "):
            self.close()

    def close(self, rest: str = "") -> None:
        if self.client is not None:
            self.replies.close()
            self.client.close()
            self.client = None

    # -- what the runner does

    def start(self, rest: str = "") -> None:
        if self.box.running():
            assert self.box.stop() == 0
        self.box.start()
        self.started = True

    def start_fails(self, wanted: str) -> None:
        self.started = True
        status = self.box.launch().wait(PATIENCE_S)
        assert status != 0, "the relay ended with 0"
        words = self.box.words()
        assert any(matches(wanted, line) for line in words.splitlines()), f"no line like {wanted!r}"

    def kill(self, rest: str) -> None:
        self.close()
        self.box.kill()

    def terminate(self, rest: str) -> None:
        assert self.box.process is not None
        self.box.process.terminate()

    def dns(self, state: str) -> None:
        (self.net.dns_on if state == "on" else self.net.dns_off)()

    def mx(self, rule: str) -> None:
        """`mx well`: from now on all servers take all; `mx RULE`: one more line of mx.script, before the others."""
        self.net.change("" if rule == "well" else "\n".join((rule, self.text("mx.script"))))

    def until(self, rest: str) -> None:
        """`until N messages` or `until SERVER saw LINE`."""
        words = rest.split(None, 2)
        if words[1] == "messages":
            self.wait(lambda: len(self.net.received) >= int(words[0]), rest)
        else:
            self.wait(lambda: any(matches(words[2], line) for line in self.net.lines(words[0])), rest)

    def never(self, rest: str) -> None:
        """`never SERVER saw LINE`."""
        words = rest.split(None, 2)
        seen = [line for line in self.net.lines(words[0]) if matches(words[2], line)]
        assert not seen, f"{words[0]} saw {seen}"

    def set_source(self, address: str) -> None:
        self.close()
        self.source = address

    def dial(self, rest: str) -> None:
        """`dial ADDRESS {PORT} [tls]`: where the next connections go."""
        self.close()
        self.address, port, *more = rest.split()
        self.port, self.secure = {"{smtp}": self.box.smtp, "{smtps}": self.box.smtps}[port], more == ["tls"]

    def start_tls(self, rest: str = "") -> None:
        """As the client; the box's certificate is self-signed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        assert self.client is not None
        self.client = context.wrap_socket(self.client)
        self.replies = self.client.makefile("rb")

    def account(self, rest: str) -> None:
        """`account NAME PASSWORD`"""
        name, password = rest.split()
        ran = self.box.outbox("account", "set", name, said=password + "\n")
        assert ran.returncode == 0, ran.stderr

    def stamp(self, seconds: str) -> None:
        """The clock is not known to be right for so many seconds from now."""
        path = self.work / "stamp"
        path.touch()
        os.utime(path, (time.time() + float(seconds),) * 2)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            seen = [f"{name}: {line}" for name in self.net.servers for line in self.net.lines(name)[-30:]]
            assert time.monotonic() < deadline, f"waited in vain for {what}; servers saw:\n" + "\n".join(seen)
            time.sleep(0.02)

    def command(self, line: str, wanted: list[str]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            ran = self.box.outbox(*self.filled(line).split())
            got = (ran.stdout + ran.stderr).splitlines() or ["(nothing)"]
            if all(any(matches(self.filled(each), line) for line in got) for each in wanted):
                assert ran.returncode == 0 or wanted, f"outbox {line} ended with {ran.returncode}: {got}"
                return
            assert time.monotonic() < deadline, f"outbox {line} printed {got}, not {wanted}"

    # -- what must be there in the end

    def expected(self) -> dict[str, dict[str, list[str]]]:
        paths = [*self.folder.glob("expected*.eml"), *self.folder.glob("expected*.dsn")]
        return {path.name: sections(path) for path in sorted(paths)}

    def mail_arrived(self) -> None:
        expected = self.expected()
        self.wait(lambda: len(self.net.received) >= len(expected), f"{len(expected)} messages")
        left = list(self.net.received)
        for name, parts in expected.items():
            fitting = [each for each in left if mail_matches(parts, *each)]
            shown = "\n".join("\n".join(head(*each) + content_lines(each[1])) + "\n" for each in left)[:8000]
            assert fitting, f"nothing that arrived is like {name}:\n{shown}"
            left.remove(fitting[0])

    def nothing_else(self) -> None:
        time.sleep(0.1)
        got, expected = self.net.received, self.expected()
        assert len(got) == len(expected), f"more arrived than expected: {[head(*each) for each in got]}"
        for _, each in got:
            bare = each.content.replace(b"\r\n", b"")
            assert b"\r" not in bare and b"\n" not in bare, "P6: no bare CR or LF leaves"


def small_card(spool: Path, size: str) -> tuple[str, ...]:
    """A wrapper that gives the relay a spool on a file system of its own, of `size` (user and mount namespaces)."""
    spool.mkdir()
    mount = f'mount -t tmpfs -o size={size} card "{spool}" && exec "$@"'
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", mount, "sh")


def _wait(player: Player, rest: str) -> None:
    time.sleep(float(rest))


_ORDERS: dict[str, Callable[[Player, str], None]] = {
    "start": Player.start,
    "start-fails": Player.start_fails,
    "kill": Player.kill,
    "close": Player.close,
    "term": Player.terminate,
    "dns": Player.dns,
    "mx": Player.mx,
    "until": Player.until,
    "never": Player.never,
    "from": Player.set_source,
    "wait": _wait,
    "dial": Player.dial,
    "tls": Player.start_tls,
    "account": Player.account,
    "stamp": Player.stamp,
}
