"""A small Internet of real programs for the tests with peers.

Three network namespaces that this module makes and takes down: `lan` (clients, 192.168.77.0/24), `box`, and `net` (mail
servers and DNS on 203.0.113.0/24). Each server runs in its own root (setup.sh) and its own process namespace, so ending
its first process ends all of it. Needs root. Fails with AssertionError, or CalledProcessError with the command.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
ROOTS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "outbox" / "peers"
BOX_LAN, BOX_NET = "192.168.77.1", "203.0.113.1"
PEERS = {"postfix": "203.0.113.10", "exim": "203.0.113.20", "opensmtpd": "203.0.113.30"}
OTHER_ADDRESSES = ("203.0.113.40", "203.0.113.53")
START_S = 30.0
CONFIGS = {
    "postfix": {"main.cf": "etc/postfix/main.cf"},
    "exim": {"exim4.conf": "etc/exim4/exim4.conf"},
    "opensmtpd": {"smtpd.conf": "etc/smtpd.conf"},
    "dns": {"nsd.conf": "etc/nsd/nsd.conf", "example.zone": "etc/nsd/example.zone"},
}
COMMANDS = {
    "postfix": ("postfix", "start-fg"),
    "exim": ("exim4", "-bdf", "-q5s"),
    "opensmtpd": ("smtpd", "-d", "-v"),
    "dns": ("nsd", "-d", "-c", "/etc/nsd/nsd.conf"),
}


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def wait_for(what: Callable[[], object], seconds: float, about: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, about()
        time.sleep(0.1)


class Network:
    """The namespaces; their names carry our process id, so that two runs do not meet."""

    def __init__(self) -> None:
        self.tag = f"outbox{os.getpid()}"
        self.names = {name: f"{self.tag}-{name}" for name in ("lan", "box", "net")}

    def up(self) -> None:
        for name in self.names.values():
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        self._cable("lan", "192.168.77.50/24", f"{BOX_LAN}/24")
        self._cable("net", "203.0.113.254/24", f"{BOX_NET}/24")
        for address in (*PEERS.values(), *OTHER_ADDRESSES):
            run("ip", "-n", self.names["net"], "address", "add", f"{address}/24", "dev", "eth0")

    def _cable(self, far: str, far_address: str, box_address: str) -> None:
        link = f"to-{far}"
        run(
            "ip", "-n", self.names["box"], "link", "add", link, "type", "veth", "peer", "eth0", "netns", self.names[far]
        )
        for name, device, address in ((self.names["box"], link, box_address), (self.names[far], "eth0", far_address)):
            run("ip", "-n", name, "address", "add", address, "dev", device)
            run("ip", "-n", name, "link", "set", device, "up")

    def down(self) -> None:
        known = run("ip", "netns", "list")
        for name in self.names.values():
            if name in known:
                run("ip", "netns", "del", name)

    def inside(self, place: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.names[place], *command]


class Server:
    """One server of Debian in its root."""

    def __init__(self, name: str, network: Network) -> None:
        self.name, self.network, self.root = name, network, ROOTS / name
        self.process: subprocess.Popen[bytes] | None = None
        self.output = self.root / "peer.output"

    def start(self) -> None:
        for source, place in CONFIGS[self.name].items():
            shutil.copyfile(HERE / "etc" / source, self.root / place)
        self._prepare()
        chroot = ("unshare", "--pid", "--fork", "chroot", str(self.root), *COMMANDS[self.name])
        with self.output.open("wb") as log:
            command = self.network.inside("net", *chroot)
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _prepare(self) -> None:
        boxes = self.root / "var/mail/peers"
        shutil.rmtree(boxes, ignore_errors=True)
        for box in ("reader", "sender"):
            (boxes / box).mkdir(parents=True)
        for path in (boxes, boxes / "reader", boxes / "sender"):
            os.chown(path, *((5000, 5000) if self.name == "postfix" else (8, 8)))  # 8: Debian's mail
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        (self.root / "etc/resolv.conf").write_text("nameserver 203.0.113.53\n")
        (self.root / "etc/mailname").write_text(f"mail.{self.name}.example\n")
        (self.root / "etc/peer.key").chmod(0o600)
        if self.name == "dns":
            rows = (f"wide MX {20 + i} a-rather-long-name-of-a-mail-server-number-{i}.wide\n" for i in range(40))
            (self.root / "etc/nsd/wide.zone").write_text("".join(rows))
        if self.name == "postfix":
            (self.root / "var/log/mail.log").unlink(missing_ok=True)
            (self.root / "var/spool/postfix/pid/master.pid").unlink(missing_ok=True)
            run("chroot", str(self.root), "postconf", "-F", "*/*/chroot=n")
        if self.name == "exim":
            self.grey_known(False)
            folder = self.root / "run/exim4"
            folder.mkdir(exist_ok=True)
            user = int(run("chroot", str(self.root), "id", "-u", "Debian-exim"))
            for path in (folder, self.root / "etc/peer.key"):
                os.chown(path, user, user)

    def grey_known(self, known: bool) -> None:
        """Whether Exim's greylist knows the box."""
        mark = self.root / "var/spool/exim4/known"
        mark.touch() if known else mark.unlink(missing_ok=True)

    def greets(self) -> bool:
        talk = f"import socket; s = socket.create_connection(('{PEERS[self.name]}', 25), 2); assert s.recv(3) == b'220'"
        command = self.network.inside("box", sys.executable, "-c", talk)
        return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0

    def await_greeting(self) -> None:
        wait_for(self.greets, START_S, lambda: f"{self.name} does not greet: {self.log()[-3000:]}")

    def log(self) -> str:
        places = [self.output, self.root / "var/log/mail.log", *(self.root / "var/log/exim4").glob("*log")]
        return "\n".join(path.read_text(errors="replace") for path in places if path.exists())

    def mail(self, mark: str, box: str = "reader") -> list[bytes]:
        """Delivered messages that contain `mark`."""
        folder = self.root / "var/mail/peers" / box / "new"
        texts = [path.read_bytes() for path in sorted(folder.glob("*"))] if folder.exists() else []
        return [text for text in texts if mark.encode() in text]

    def await_mail(self, mark: str, box: str = "reader", seconds: float = 30.0) -> bytes:
        about = f"nothing with {mark} arrived at {self.name}, {box}: "
        wait_for(lambda: self.mail(mark, box), seconds, lambda: about + self.log()[-2000:])
        (text,) = self.mail(mark, box)
        return text

    def stop(self) -> None:
        """The first process of a namespace takes all others with it; `unshare` ends when its child has."""
        if self.process is None or self.process.poll() is not None:
            return
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        self.process.wait(20)


class Relay:
    """The box: the relay as shipped, in its namespace."""

    def __init__(self, network: Network, folder: Path, more: str = "") -> None:
        self.network, self.folder = network, folder
        self.config, self.words_path = folder / "outbox.toml", folder / "relay.log"
        self.config.write_text((HERE / "etc/outbox.toml").read_text().replace("{dir}", str(folder)) + more)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "appliance.cli", *arguments, "--config", str(self.config)]

    def start(self) -> None:
        with self.words_path.open("ab") as log:
            command = self.network.inside("box", *self.command("relay"))
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self._greets, START_S, lambda: f"the box does not greet: {self.words()}")

    def _greets(self) -> bool:
        assert self.process is not None and self.process.poll() is None, f"the relay ended: {self.words()}"
        probe = ["curl", "-s", "--max-time", "5", f"smtp://{BOX_LAN}/probe.example", "-X", "NOOP"]
        return subprocess.run(self.network.inside("lan", *probe), capture_output=True, check=False).returncode == 0

    def words(self) -> str:
        return self.words_path.read_text(errors="replace")[-4000:]

    def outbox(self, *arguments: str) -> str:
        return run(*self.command(*arguments))

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(20)


def client(network: Network, command: Sequence[str], feed: bytes = b"", place: str = "lan") -> tuple[int, str]:
    """A client in the LAN: exit status and all that it printed."""
    done = subprocess.run(
        network.inside(place, *command),
        input=feed,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def body(message: bytes) -> bytes:
    return message.partition(b"\n\n")[2]


def received(message: bytes) -> str:
    """The Received field that the peer itself added: how the box spoke to it."""
    found = re.search(rb"^Received: .*?(?=^\S)", message, re.M | re.S)
    return found[0].decode() if found else ""
