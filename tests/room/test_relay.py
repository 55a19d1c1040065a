"""The whole relay in one process: ready, alive, its end."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.clock import SystemClock
from appliance.relay import MailPath, run
from appliance.settings.schema import Box, Control, Listener, Paths, Settings, SpoolSettings


def settings(folder: Path) -> Settings:
    return Settings(
        box=Box(mail_name="outbox.example"),
        listener=(Listener(name="lan", address="127.0.0.1", port=0, tls="none", auth="none"),),
        spool=SpoolSettings(directory=str(folder / "spool"), segment_bytes=1 << 20, ready_bytes=4 << 20),
        control=Control(socket=str(folder / "control.sock")),
        paths=Paths(accounts=str(folder / "a"), credentials=str(folder / "c"), tls=str(folder / "tls")),
    )


class Manager:
    """The service manager's end of the notification socket."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer

    async def word(self) -> str:
        async with asyncio.timeout(10):
            return (await asyncio.get_running_loop().sock_recv(self._peer, 1000)).decode()


@asynccontextmanager
async def manager(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(str(folder / "notify"))
        peer.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        yield Manager(peer)


async def test_it_says_when_it_is_ready_that_it_lives_and_ends_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with manager(tmp_path, monkeypatch) as systemd:
        relay = asyncio.create_task(run(settings(tmp_path)))
        assert await systemd.word() == "READY=1"
        assert await systemd.word() == await systemd.word() == "WATCHDOG=1"
        os.kill(os.getpid(), signal.SIGTERM)
        while (word := await systemd.word()) == "WATCHDOG=1":
            pass
        assert word == "STOPPING=1" and await relay == 0


async def test_a_bug_in_a_timer_ends_the_process_with_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug() -> None:
        raise RuntimeError("a bug")

    async with manager(tmp_path, monkeypatch) as systemd:
        relay = asyncio.create_task(run(settings(tmp_path)))
        assert await systemd.word() == "READY=1"
        asyncio.get_running_loop().call_soon(bug)
        assert await relay == 1


async def test_a_client_in_the_middle_of_a_message_does_not_keep_the_relay_from_its_end(tmp_path: Path) -> None:
    path = MailPath(settings(tmp_path))
    await path.start()
    reader, writer = await asyncio.open_connection(*path.intake.bound[0][1:])
    writer.write(b"EHLO x\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\nSubject: half")
    while not (await reader.readline()).startswith(b"354"):
        pass
    async with asyncio.timeout(10):
        await path.stop()
    assert b"421" in await reader.read()
    writer.close()


async def test_a_port_in_use_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        made = settings(tmp_path)
        listener = Listener(name="lan", address="127.0.0.1", port=port, tls="none", auth="none")
        path = MailPath(Settings(box=made.box, listener=(listener,), spool=made.spool, control=made.control))
        with pytest.raises(OSError, match=str(port)):
            await path.start()
        await path.stop()


def test_the_clock_is_not_known_before_its_stamp(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    stamp.touch()
    assert SystemClock(str(stamp)).known()
    os.utime(stamp, (2e9 * 2, 2e9 * 2))
    assert not SystemClock(str(stamp)).known()
