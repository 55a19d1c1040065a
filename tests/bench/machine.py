"""The parts of the benchmark: modelled cards, the sink, Postfix, the box, and an injector (Postfix's smtp-source).

Needs root, loop devices, FUSE, and a control group of version 1 or 2 for processor time. Everything started here is
ended by `close`. Loopback only: ports 12526 (sink), 12625 (Postfix), 12930 (the box). Times in seconds.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PLACE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "outbox" / "bench"
POSTFIX_ROOT = PLACE / "postfix"
SINK_PORT, POSTFIX_PORT, BOX_PORT = 12526, 12625, 12930
CARD_MIB = 3072
NO_DELAY = (0, 0, 0)  # microseconds of a write, nanoseconds of a kilobyte, microseconds of a flush
SLOW_CARD = (800, 48828, 10000)  # 4 KB in 1 ms, 20 MB/s, 10 ms a flush
BOX_SETTINGS = """
format = 1
[box]
mail_name = "bench.example"
[[listener]]
name = "bench"
address = "127.0.0.1"
port = {port}
tls = "none"
auth = "none"
[[access]]
network = "127.0.0.0/8"
[intake]
connections_max = 1000
connections_per_client = 1000
messages_per_minute = 1000000
recipients_per_minute = 10000000
hijack_factor = 0.0
refuse_null_mx_senders = false
[spool]
directory = "{spool}"
[dns]
servers = ["127.0.0.1:9"]
[[domain]]
name = "default"
direct_attempts = 0
connections_max = 50
messages_in_a_row = 0
[[relay]]
name = "sink"
host = "127.0.0.1"
port = {sink}
tls = "none"
verify = false
connections_max = 50
retry_first_s = {retry}
[delivery]
lab_networks = ["127.0.0.0/8"]
sessions_max = 50
[control]
socket = "{run}/control.sock"
[paths]
accounts = "{run}/accounts.json"
credentials = "{run}/credentials.toml"
tls = "{run}/tls"
"""


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Count:
    """What the card was told so far."""

    writes: int
    octets: int
    flushes: int

    def __sub__(self, before: Count) -> Count:
        return Count(self.writes - before.writes, self.octets - before.octets, self.flushes - before.flushes)


class Numbers:
    """A file of 64-bit numbers shared with a C program."""

    def __init__(self, path: Path, count: int) -> None:
        path.write_bytes(bytes(8 * count))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def __getitem__(self, place: int) -> int:
        number: int = struct.unpack_from("Q", self._map, 8 * place)[0]
        return number

    def __setitem__(self, place: int, number: int) -> None:
        struct.pack_into("Q", self._map, 8 * place, number)


class Card:
    """ext4 on a modelled card, mounted at `mount`."""

    def __init__(self, name: str) -> None:
        self.folder = PLACE / f"card-{name}"
        self.raw, self.mount = self.folder / "raw", self.folder / "mount"
        for folder in (self.raw, self.mount):
            folder.mkdir(parents=True, exist_ok=True)
        state = self.folder / "state"
        self._state, self.loop = Numbers(state, 8), ""
        command = [str(PLACE / "card"), str(self.raw), str(CARD_MIB), str(state)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        disk = self.raw / "disk"
        try:
            until(disk.exists, 10)
            run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(disk))
            self.loop = run("losetup", "-f", "--show", str(disk))
            run("mount", "-o", "noatime", self.loop, str(self.mount))
        except BaseException:
            self.close()
            raise

    def delays(self, delays: tuple[int, int, int]) -> None:
        """Written back first, so that nothing old is paid for with the new delays."""
        for place in range(3):
            self._state[place] = 0
        self.write_back()
        for place, number in enumerate(delays):
            self._state[place] = number

    def write_back(self) -> None:
        run("sync", "-f", str(self.mount))

    def remount(self, options: str) -> None:
        run("mount", "-o", f"remount,{options}", str(self.mount))

    def count(self) -> Count:
        return Count(self._state[3], self._state[4], self._state[5])

    def close(self) -> None:
        """Never raises; what still uses the card gets errors, and nothing stays mounted."""
        for place in range(3):
            self._state[place] = 0
        unmount(self.mount)
        with contextlib.suppress(RuntimeError, subprocess.TimeoutExpired):
            if self.loop:
                run("losetup", "-d", self.loop)
        time.sleep(0.5)
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        unmount(self.raw)


def unmount(place: Path) -> None:
    """Also when it is in use, or when whoever serves it is gone."""
    for options in ((), ("-l",)):
        if subprocess.run(["mountpoint", "-q", str(place)], check=False).returncode and not stale(place):
            return
        with contextlib.suppress(RuntimeError, subprocess.TimeoutExpired):
            run("umount", *options, str(place))


def stale(place: Path) -> bool:
    """Whether a FUSE mount is left whose process has ended."""
    try:
        place.stat()
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def tidy() -> None:
    """Take away what an earlier run left, however it ended."""
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        place = line.split()[1]
        if place.startswith(f"{PLACE}/"):
            unmount(Path(place))
    for line in run("losetup", "-l", "-n", "-O", "NAME,BACK-FILE").splitlines():
        loop, _, backing = line.strip().partition(" ")
        if backing.strip().startswith(f"{PLACE}/"):
            with contextlib.suppress(RuntimeError):
                run("losetup", "-d", loop)


class Sink:
    """The next server; counts what it took."""

    def __init__(self) -> None:
        self._path = PLACE / "sink.state"
        self._state = Numbers(self._path, 2)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        process = self._process = subprocess.Popen([str(PLACE / "sink"), str(SINK_PORT), str(self._path)])
        until(lambda: process.poll() is not None or answers(SINK_PORT), 10)
        if process.poll() is not None:
            raise RuntimeError(f"the sink cannot listen: is port {SINK_PORT} taken?")

    def taken(self) -> int:
        return self._state[0]

    def last_at(self) -> float:
        """Monotonic time."""
        return self._state[1] / 1e9

    def await_count(self, count: int, seconds: float = 300) -> None:
        until(lambda: self.taken() >= count, seconds)

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


def until(what: object, seconds: float, pause: float = 0.001) -> None:
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain")
        time.sleep(pause)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
        probe.settimeout(60)
        return probe.recv(3) == b"220"
    return False


class Group:
    """A control group that tells processor time and which processes are in it."""

    def __init__(self, name: str) -> None:
        v1 = Path("/sys/fs/cgroup/cpuacct")
        self._v1 = v1.is_dir()
        self.path = (v1 if self._v1 else Path("/sys/fs/cgroup")) / f"outbox-bench-{name}"
        self.path.mkdir(exist_ok=True)

    def enter(self) -> None:
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def processor_s(self) -> float:
        if self._v1:
            return int((self.path / "cpuacct.usage").read_text()) / 1e9
        return int(re.findall(r"usage_usec (\d+)", (self.path / "cpu.stat").read_text())[0]) / 1e6

    def processes(self) -> list[int]:
        return [int(word) for word in (self.path / "cgroup.procs").read_text().split()]

    def memory_mib(self) -> float:
        """Proportional set size of all."""
        kib = 0
        for process in self.processes():
            with contextlib.suppress(OSError):
                kib += int(re.findall(r"^Pss: +(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.M)[0])
        return kib / 1024


class Mailer:
    """A relay under measurement, on a card of its own."""

    name = ""
    port = 0

    def __init__(self) -> None:
        self.card = Card(self.name)
        self.group = Group(self.name)
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> float:
        """Seconds until it greets."""
        begun = time.monotonic()
        with (PLACE / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.group.enter
            )
        until(lambda: answers(self.port), 60, 0.005)
        return time.monotonic() - begun

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
            with contextlib.suppress(TimeoutError):
                until(lambda: not self.group.processes(), 10, 0.05)
            for process in self.group.processes():
                os.kill(process, signal.SIGKILL)

    def await_rest(self, seconds: float = 60.0) -> None:
        """Returns when the card was left alone for a while: space is made ready after the first start."""
        deadline, seen = time.monotonic() + seconds, self.card.count()
        while time.monotonic() < deadline:
            self.card.write_back()
            time.sleep(2)
            if (now := self.card.count()) == seen:
                return
            seen = now

    def flush(self) -> None:
        """All that waits is due now."""

    def close(self) -> None:
        self.stop()
        self.card.close()


class Postfix(Mailer):
    name, port = "postfix", POSTFIX_PORT

    def __init__(self) -> None:
        super().__init__()
        self.spool = POSTFIX_ROOT / "var/spool/postfix"
        run("mount", "--bind", str(self.card.mount), str(self.spool))
        self._inside("postfix", "set-permissions")
        self._inside("postfix", "check")

    def _inside(self, *command: str) -> None:
        subprocess.run(["chroot", str(POSTFIX_ROOT), *command], capture_output=True, check=False, timeout=120)

    def command(self) -> list[str]:
        return ["chroot", str(POSTFIX_ROOT), "postfix", "start-fg"]

    def stop(self) -> None:
        self._inside("postfix", "stop")
        super().stop()

    def flush(self) -> None:
        self._inside("postqueue", "-f")

    def close(self) -> None:
        self.stop()
        unmount(self.spool)
        self.card.close()


class Box(Mailer):
    name, port = "outbox", BOX_PORT

    def __init__(self, retry_first_s: float = 420.0) -> None:
        super().__init__()
        folder = PLACE / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.config = folder / "settings.toml"
        places = {"port": BOX_PORT, "sink": SINK_PORT, "spool": self.card.mount / "spool", "run": folder}
        text = BOX_SETTINGS.replace("{retry}", str(retry_first_s))
        for place, value in places.items():
            text = text.replace("{" + place + "}", str(value))
        self.config.write_text(text)

    def _outbox(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "appliance.cli", *arguments, "--config", str(self.config)]

    def command(self) -> list[str]:
        return self._outbox("relay")

    def flush(self) -> None:
        run(*self._outbox("flush"))


def inject(port: int, count: int, size: int, sessions: int, seconds: float = 600) -> float:
    """Messages accepted a second: `count` of `size` octets over `sessions` connections that stay open."""
    command = ["chroot", str(POSTFIX_ROOT), "smtp-source", "-4", "-d", "-s", str(sessions), "-m", str(count)]
    command += [
        "-l",
        str(size),
        "-f",
        "a@src.example",
        "-t",
        "b@dst.example",
        "-M",
        "client.example",
        f"127.0.0.1:{port}",
    ]
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"smtp-source to {port}: {done.stdout[-300:]}{done.stderr[-300:]}")
    return count / (time.monotonic() - begun)


class Talk:
    """One client that sends lone messages."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = self._socket.makefile("rb")
        self._ask(b"")
        self._ask(b"EHLO client.example\r\n")

    def _ask(self, octets: bytes) -> None:
        self._socket.sendall(octets)
        while (line := self._replies.readline())[3:4] == b"-":
            pass
        if line[:1] not in (b"2", b"3"):
            raise RuntimeError(f"refused: {line!r}")

    def begin(self) -> None:
        """Up to the 354."""
        for command in (b"MAIL FROM:<a@src.example>\r\n", b"RCPT TO:<b@dst.example>\r\n", b"DATA\r\n"):
            self._ask(command)

    def content(self, size: int) -> None:
        """Up to the 250."""
        self._ask(b"Subject: lone\r\n\r\n" + (b"x" * 78 + b"\r\n") * (size // 80) + b".\r\n")

    def close(self) -> None:
        self._ask(b"QUIT\r\n")
        self._replies.close()
        self._socket.close()


def lone(port: int, size: int) -> None:
    talk = Talk(port)
    talk.begin()
    talk.content(size)
    talk.close()
