"""Whether DNS works, learnt from real questions on loopback; its return is noticed without new mail."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance.delivery.resolver import Resolver
from appliance.settings.schema import Dns
from tests.e2e.box import free_port
from tests.fakes.clock import FakeClock
from tests.fakes.dns import nameserver

ZONE = "y.example MX 10 a.y.example\nsick.example SERVFAIL\nsilent.example TIMEOUT\n"


def resolver(*servers: str) -> Resolver:
    return Resolver(Dns(servers=servers, timeout_s=0.2, attempts=1), FakeClock())


@asynccontextmanager
async def watched(made: Resolver) -> AsyncIterator[Resolver]:
    task = asyncio.create_task(made.watch(every_s=0.02))
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_any_answer_is_working_dns_also_no_such_name() -> None:
    async with nameserver(ZONE) as server:
        asked = resolver(server.address)
        await asked.ask("unheard.example", "MX")
        assert (asked.health.ok, asked.health.why) == (True, "")


@pytest.mark.parametrize("name", ["sick.example", "silent.example"])
async def test_a_domain_that_is_broken_elsewhere_is_not_our_dns(name: str) -> None:
    async with nameserver(ZONE) as server, watched(resolver(server.address)) as asked:
        assert (await asked.ask(name, "MX")).failed
        await asyncio.sleep(0.1)
        assert asked.health.ok is not False


async def test_a_silent_server_is_told_while_another_works() -> None:
    async with nameserver(ZONE) as server:
        dead = f"127.0.0.1:{free_port()}"
        asked = resolver(dead, server.address)
        assert (await asked.ask("y.example", "MX")).found
        assert asked.health.ok is True
        assert dead in asked.health.why


async def test_the_end_and_the_return_of_dns_are_noticed_without_new_mail() -> None:
    port = free_port()
    async with watched(resolver(f"127.0.0.1:{port}")) as asked, asyncio.timeout(20):
        await asked.ask("y.example", "MX")
        while asked.health.ok is not False:
            await asyncio.sleep(0.02)
        assert str(port) in asked.health.why
        async with nameserver(ZONE, port=port):
            while not asked.health.ok:
                await asyncio.sleep(0.02)
