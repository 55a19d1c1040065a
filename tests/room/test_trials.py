"""What an operator may try, against real servers on loopback: DNS, MX, a talk with a mail server, port 25."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.clock import SystemClock
from appliance.control.trials import Trials
from appliance.delivery.port25 import Port25
from appliance.delivery.probe import Probe
from appliance.ports import Refused
from appliance.settings.schema import Box, Delivery, Dns, Settings
from tests.fakes.dns import nameserver
from tests.fakes.mx import mail_server, tls_context

ZONE = """
y.example MX 10 mx.y.example
mx.y.example A 127.0.0.1
gone.example MX 10 mx.gone.example
mx.gone.example A 127.0.0.99
null.example MX 0 .
"""


@pytest.fixture
async def names() -> AsyncIterator[str]:
    async with nameserver(ZONE) as server:
        yield server.address


def trials(port: int, *servers: str) -> tuple[Trials, Port25]:
    delivery = Delivery(lab_networks=("127.0.0.0/8",), lab_port=port, ipv6=False)
    settings = Settings(box=Box(owner="anna@y.example"), delivery=delivery, dns=Dns(servers=servers, timeout_s=0.2))
    port25 = Port25(port)
    return Trials(Probe(settings, SystemClock(), lambda: ["box.example"], lambda: [], port25), settings), port25


async def ask(trial: Trials, verb: str, **args: Any) -> Any:
    return await trial.table()[verb](args)


async def test_servers_that_are_not_in_force_yet_can_be_tried(names: str) -> None:
    trial, _ = trials(25, "127.0.0.1:9")
    answer = await ask(trial, "test.dns", servers=[names, "127.0.0.1:9"])
    assert [row["ok"] for row in answer["servers"]] == [True, False]
    assert answer["name"] == "y.example" and "127.0.0.1:9" in answer["servers"][1]["why"]


async def test_the_hosts_of_a_domain_are_told_or_why_there_are_none(names: str) -> None:
    trial, _ = trials(2525, names)
    answer = await ask(trial, "test.mx", domain="y.example")
    assert answer["hosts"] == [{"name": "mx.y.example", "port": 2525, "addresses": ["127.0.0.1"]}]
    assert "null MX" in (await ask(trial, "test.mx", domain="null.example"))["reply"]


async def test_a_conversation_is_told_line_by_line_with_tls_and_without_a_message(names: str, tmp_path: Path) -> None:
    context = tls_context(tmp_path, "mx.y.example")
    async with mail_server("STARTTLS on", tls=context) as server:
        trial, _ = trials(server.port, names)
        answer = await ask(trial, "test.smtp", host="mx.y.example", port=server.port)
        assert "reply" not in answer and "> EHLO box.example" in answer["lines"] and "> QUIT" in answer["lines"]
        assert any("TLS is on" in line for line in answer["lines"]) and not any(
            "MAIL" in line for line in answer["lines"]
        )


async def test_an_open_way_out_is_open_and_a_silent_host_alone_decides_nothing(names: str) -> None:
    async with mail_server() as server:
        trial, port25 = trials(server.port, names)
        assert (await ask(trial, "test.port25", domain="gone.example"))["port25"] == "unknown"
        answer = await ask(trial, "test.port25")
        assert answer["port25"] == port25.state == "open" and "is open" in answer["lines"][0]


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("test.mx", {}),
        ("test.mx", {"domain": ["y.example"]}),
        ("test.dns", {"servers": ["nonsense"]}),
        ("test.dns", {"servers": ["127.0.0.1"] * 9}),
        ("test.smtp", {"host": "a b\r\nMAIL", "port": 25}),
        ("test.smtp", {"host": "mx.y.example", "port": True}),
    ],
)
async def test_a_trial_of_nonsense_is_refused(verb: str, args: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await ask(trials(25)[0], verb, **args)
