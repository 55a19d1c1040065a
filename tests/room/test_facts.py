"""The status of a running relay: true, whole, and cheap."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from pathlib import Path

from appliance.core.envelope import Arrival, Envelope, Recipient
from appliance.core.item import QueueItem
from appliance.core.mailbox import parse
from appliance.core.status import Status
from appliance.interface.client import ask
from appliance.ports import Hop, Host
from appliance.relay import MailPath
from appliance.settings.schema import Delivery, Intake, Listener, Panel
from tests.e2e.box import free_port
from tests.room.test_relay import settings


@asynccontextmanager
async def running(folder: Path, **changes: object) -> AsyncIterator[MailPath]:
    path = MailPath(replace(settings(folder), **changes))  # type: ignore[arg-type]
    await path.start()
    try:
        yield path
    finally:
        await path.stop()


async def told(path: MailPath, verb: str = "status", **args: object) -> dict[str, object]:
    result: dict[str, object] = await asyncio.to_thread(ask, path.settings.control.socket, verb, dict(args), 10)
    return result


async def test_the_relay_tells_every_fact_that_a_status_has(tmp_path: Path) -> None:
    async with running(tmp_path, panel=Panel(alarm_age_s=90.0)) as path:
        facts = await told(path)
        assert set(facts) == {each.name for each in fields(Status)}
        status = Status.of(facts)
        assert status.accepting and status.fault == "" and status.waiting == 0 and status.oldest_at is None
        assert status.dns.ok is False and status.dns.why == "no DNS server is set"
        assert status.alarm_age_s == 90.0 and 0 <= status.now - status.started_at < 60
        brief = await told(path, brief=True)
        assert set(facts) - set(brief) == {"spool", "damage", "listeners", "intake"}


async def test_the_certificate_shown_to_clients_is_told_by_fingerprint_and_end(tmp_path: Path) -> None:
    listener = Listener(name="lan", address="127.0.0.1", port=0)
    async with running(tmp_path, listener=(listener,)) as path:
        status = Status.of(await told(path))
        assert status.tls_fingerprint.count(":") == 31
        assert status.tls_ends_at is not None and status.tls_ends_at > status.now


async def test_wishes_to_the_panel_show_in_the_status(tmp_path: Path) -> None:
    async with running(tmp_path) as path:
        assert Status.of(await told(path)).locating is False
        await told(path, "locate")
        await told(path, "lamps.test")
        status = Status.of(await told(path))
        assert status.locating and status.testing_lamps
        await told(path, "locate", off=True)
        assert Status.of(await told(path)).locating is False


async def test_a_relay_with_all_places_taken_is_busy(tmp_path: Path) -> None:
    async with running(tmp_path, intake=Intake(connections_max=2)) as path:
        place = path.intake.bound[0][1:]
        peers = [await asyncio.open_connection(*place) for _ in range(2)]
        for reader, _ in peers:
            assert (await reader.readline()).startswith(b"220")
        status = Status.of(await told(path))
        assert (status.fault, status.accepting) == ("busy", False)
        for _, writer in peers:
            writer.close()


async def test_what_is_held_has_no_next_attempt(tmp_path: Path) -> None:
    async with running(tmp_path) as path:
        assert Status.of(await told(path)).next_attempt_at is None
        address = parse("a@x.example")
        assert address is not None
        envelope = Envelope(address, (Recipient(address),))
        arrival = Arrival(path.clock.wall(), held="held")
        path.scheduler.accepted(QueueItem.new("A1", envelope, arrival, 10))
        status = Status.of(await told(path))
        assert (status.waiting, status.queue["held"], status.next_attempt_at) == (1, 1, None)
        assert status.moved_s is not None and status.moved_s < 60


async def test_three_networks_that_refuse_port_25_are_noticed(tmp_path: Path) -> None:
    unused_port = free_port()
    async with running(tmp_path) as path:
        path.transport.port25.port = unused_port
        for net in (1, 2, 3):
            assert path.transport.port25.state == "unknown"
            await _dial(path, f"127.0.{net}.1", unused_port)
        assert Status.of(await told(path)).port25 == "blocked"


async def test_three_networks_that_do_not_answer_on_port_25_are_noticed_and_one_that_does_ends_it(
    tmp_path: Path,
) -> None:
    port = free_port()
    async with running(tmp_path, delivery=Delivery(lab_timeout_factor=0.01, lab_port=port)) as path:
        with contextlib.ExitStack() as stack:
            for net in (1, 2, 3):
                for peer in deaf(f"127.0.{net}.1", port):
                    stack.enter_context(peer)
                await _dial(path, f"127.0.{net}.1", port)
        assert Status.of(await told(path)).port25 == "blocked"
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.4.1", port):
            await _dial(path, "127.0.4.1", port)
        assert Status.of(await told(path)).port25 == "open"


def deaf(address: str, port: int) -> list[socket.socket]:
    """A port whose queue of newcomers is full: the kernel drops what comes, as a firewall does."""
    listening = socket.create_server((address, port), backlog=0)
    waiting = [socket.socket() for _ in range(2)]
    for peer in waiting:
        peer.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            peer.connect((address, port))
    return [listening, *waiting]


async def _dial(path: MailPath, address: str, port: int) -> None:
    host = Host("mx.example", port, (address,))
    recipient = parse("a@x.example")
    assert recipient is not None
    item = QueueItem.new("A1", Envelope(None, (Recipient(recipient),)), Arrival(0.0), 10)
    replies = await path.transport.deliver(Hop("x.example", (host,)), item, item.progress, None)  # type: ignore[arg-type]
    assert replies[0].code == 451
