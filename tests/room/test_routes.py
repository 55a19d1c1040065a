"""Routes by a real name server on loopback."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from appliance.core.reply import Reply
from appliance.delivery.resolver import Resolver, server_of
from appliance.delivery.routes import MxRouter
from appliance.ports import Hop, Host
from appliance.settings.schema import Delivery, Dns, Settings
from tests.fakes.clock import FakeClock
from tests.fakes.dns import Nameserver, nameserver

ZONE = """
y.example MX 20 b.y.example
y.example MX 10 a.y.example
a.y.example A 8.8.4.4
a.y.example AAAA 2a00:1450::1
b.y.example A 8.8.8.8
plain.example A 8.8.8.8
alias.example CNAME y.example
aliasmx.example MX 10 www.y.example
www.y.example CNAME a.y.example
null.example MX 0 .
notnull.example MX 0 .
notnull.example MX 10 a.y.example
sick.example SERVFAIL
silent.example TIMEOUT
wrong.example WRONG
wrong.example MX 10 a.y.example
junk.example JUNK
nowhere.example MX 10 missing.example
nowhere.example A 8.8.8.8
empty.example TXT nothing here
loop0.example CNAME loop1.example
loop1.example CNAME loop0.example
inner.example MX 10 lan.inner.example
lan.inner.example A 192.168.1.5
lan.inner.example AAAA ::ffff:10.0.0.1
lan.inner.example AAAA 64:ff9b::7f00:1
lan.inner.example AAAA 2002:a00:1::1
lan.inner.example A 127.0.0.1
us.example MX 10 a.y.example
us.example MX 20 box.x.example
us.example MX 20 b.y.example
us.example MX 30 b.y.example
usfirst.example MX 5 box.x.example
usfirst.example MX 10 a.y.example
usaddress.example MX 5 other.x.example
usaddress.example MX 10 a.y.example
other.x.example A 8.8.1.1
cut.example TRUNCATE
cut.example MX 10 a.y.example
"""


def router(server: Nameserver, **delivery: object) -> MxRouter:
    settings = Settings(
        dns=Dns(servers=(server.address,), timeout_s=0.4, attempts=1),
        delivery=Delivery(**delivery),  # type: ignore[arg-type]
    )
    clock = FakeClock()
    resolver = Resolver(settings.dns, clock)
    return MxRouter(
        settings, resolver, lambda: ["Box.x.example."], lambda: ["8.8.1.1", "127.0.0.1"], clock, random.Random(1)
    )


async def hosts(made: MxRouter, domain: str) -> list[tuple[str, tuple[str, ...]]]:
    hop = await made.route(domain)
    assert isinstance(hop, Hop), hop
    return [(host.name, host.addresses) for host in hop.hosts]


A, B = ("a.y.example", ("8.8.4.4", "2a00:1450::1")), ("b.y.example", ("8.8.8.8",))


@pytest.mark.parametrize(
    "domain, expected",
    [
        ("y.example", [A, B]),
        ("plain.example", [("plain.example", ("8.8.8.8",))]),
        ("alias.example", [A, B]),
        ("aliasmx.example", [("www.y.example", A[1])]),
        ("notnull.example", [A]),
        ("us.example", [A]),
        ("cut.example", [A]),
        ("[8.8.8.8]", [("8.8.8.8", ("8.8.8.8",))]),
        ("[ipv6:2a00:1450::1]", [("2a00:1450::1", ("2a00:1450::1",))]),
    ],
)
async def test_a_domain_has_these_hosts(domain: str, expected: object) -> None:
    async with nameserver(ZONE) as server:
        assert await hosts(router(server), domain) == expected


@pytest.mark.parametrize(
    "domain, code, enhanced",
    [
        ("missing.example", 550, "5.1.2"),
        ("empty.example", 550, "5.1.2"),
        ("null.example", 556, "5.1.10"),
        ("sick.example", 451, "4.4.3"),
        ("silent.example", 451, "4.4.3"),
        ("wrong.example", 451, "4.4.3"),
        ("junk.example", 451, "4.4.3"),
        ("loop0.example", 451, "4.4.3"),
        ("nowhere.example", 451, "4.4.4"),
        ("inner.example", 451, "4.4.4"),
        ("usfirst.example", 554, "5.4.6"),
        ("usaddress.example", 554, "5.4.6"),
        ("[127.0.0.1]", 550, "5.1.2"),
        ("[ipv6:::ffff:10.0.0.1]", 550, "5.1.2"),
        ("x" * 64 + ".example", 550, "5.1.2"),
    ],
)
async def test_a_domain_without_a_host_says_why(domain: str, code: int, enhanced: str) -> None:
    async with nameserver(ZONE) as server:
        reply = await router(server).route(domain)
        assert isinstance(reply, Reply)
        assert (reply.code, reply.enhanced) == (code, enhanced), reply


async def test_a_lab_network_may_be_delivered_to() -> None:
    async with nameserver(ZONE) as server:
        made = router(server, lab_networks=("127.0.0.0/8",))
        assert await hosts(made, "inner.example") == [("lan.inner.example", ("127.0.0.1",))]


async def test_ipv6_comes_first_or_not_at_all_when_set_so() -> None:
    async with nameserver(ZONE) as server:
        assert (await hosts(router(server, prefer_ipv6=True), "y.example"))[0][1] == A[1][::-1]
        assert (await hosts(router(server, ipv6=False), "y.example"))[0][1] == ("8.8.4.4",)


async def test_equal_preferences_take_turns_at_random() -> None:
    zone = "".join(f"eq.example MX 10 m{n}.example\nm{n}.example A 8.8.8.{n}\n" for n in range(4))
    async with nameserver(zone) as server:
        made = router(server)
        first = Counter([(await hosts(made, "eq.example"))[0][0] for _ in range(400)])
        assert len(first) == 4
        assert sum((count - 100) ** 2 / 100 for count in first.values()) < 16.27  # chi-square, 3 degrees, 0.1 %


async def test_counts_are_bounded() -> None:
    zone = "".join(f"many.example MX {n} m{n}.example\nm{n}.example A 8.7.{n}.1\n" for n in range(200))
    zone += "wide.example MX 1 w.example\nwide.example MX 2 m1.example\n"
    zone += "".join(f"w.example A 8.9.{n // 250}.{n % 250}\n" for n in range(500))
    async with nameserver(zone) as server:
        made = router(server)
        assert sum(len(addresses) for _, addresses in await hosts(made, "many.example")) == 10
        assert [len(addresses) for _, addresses in await hosts(made, "wide.example")] == [5, 1]


async def test_answers_are_kept_for_their_time_and_no_longer() -> None:
    async with nameserver("y.example 30 MX 10 m.example\nm.example 0 A 8.8.8.8") as server:
        made = router(server)
        clock = made._clock
        assert isinstance(clock, FakeClock)
        for _ in range(3):
            await made.route("y.example")
        assert (server.queries.count(("y.example", "MX")), server.queries.count(("m.example", "A"))) == (1, 3)
        clock.pass_by(31)
        await made.route("y.example")
        assert server.queries.count(("y.example", "MX")) == 2


async def test_an_answer_that_was_cut_is_asked_for_by_tcp() -> None:
    async with nameserver(ZONE) as server:
        await hosts(router(server), "cut.example")
        assert (server.tcp_queries, server.udp_bytes) == (1, 1232)


async def test_a_null_mx_is_seen() -> None:
    async with nameserver(ZONE) as server:
        made = router(server)
        assert [await made.null_mx(name) for name in ("null.example", "notnull.example", "sick.example")] == [
            True,
            False,
            False,
        ]


async def test_a_relay_may_stand_in_the_lan() -> None:
    async with nameserver(ZONE) as server:
        made = router(server)
        assert await made.resolve("192.168.1.9", 587) == Host("192.168.1.9", 587, ("192.168.1.9",))
        found = await made.resolve("lan.inner.example", 25)
        assert isinstance(found, Host)
        assert "192.168.1.5" in found.addresses
        reply = await made.resolve("sick.example", 25)
        assert isinstance(reply, Reply)
        assert reply.transient


async def test_the_next_server_is_asked_when_one_is_dead_or_sick() -> None:
    async with (
        nameserver("y.example SERVFAIL") as sick,
        nameserver("y.example TIMEOUT") as silent,
        nameserver(ZONE) as good,
    ):
        servers = ("127.0.0.1:1", sick.address, silent.address, good.address)
        resolver = Resolver(Dns(servers=servers, timeout_s=0.4, attempts=1), FakeClock())
        assert (await resolver.ask("y.example", "MX")).found
        assert (len(sick.queries), len(silent.queries)) == (1, 1)


async def test_without_a_server_there_is_an_answer_too() -> None:
    answer = await Resolver(Dns(), FakeClock()).ask("y.example", "MX")
    assert (answer.failed, answer.why) == (True, "no DNS server is set")


async def test_one_question_at_a_time_is_asked_for_many_who_wait() -> None:
    async with nameserver(ZONE) as server:
        resolver = Resolver(Dns(servers=(server.address,)), FakeClock())
        answers = await asyncio.gather(*(resolver.ask("y.example", "MX") for _ in range(50)))
        assert {answer.values for answer in answers} == {answers[0].values}
        assert server.queries == [("y.example", "MX")]


async def test_the_cache_is_bounded() -> None:
    async with nameserver("".join(f"n{n}.example 300 A 8.8.8.8\n" for n in range(30))) as server:
        resolver = Resolver(Dns(servers=(server.address,), cache_entries=10), FakeClock())
        for n in range(30):
            await resolver.ask(f"n{n}.example", "A")
        for n in (29, 20, 19):
            await resolver.ask(f"n{n}.example", "A")
        assert len(server.queries) == 31


async def test_an_unknown_domain_is_asked_about_again_on_a_second_look() -> None:
    async with nameserver("") as server:
        made = router(server)
        assert isinstance(await made.route("new.example"), Reply)
        server.change("new.example MX 10 m.example\nm.example A 8.8.8.8")
        assert isinstance(await made.route("new.example"), Hop)


async def test_answers_say_what_dnssec_has_to_say() -> None:
    async with nameserver("s.example SECURE\ns.example A 8.8.8.8\ni.example A 8.8.8.8") as server:
        resolver = Resolver(Dns(servers=(server.address,)), FakeClock())
        assert (await resolver.ask("i.example", "A")).security == "unknown"
        assert (await resolver.ask("s.example", "A")).security == "secure"
        assert (await resolver.ask("i.example", "A")).security == "unknown"
        assert (await resolver.ask("x.i.example", "A")).security == "insecure"


async def test_huge_answers_are_cut_to_what_is_useful() -> None:
    zone = (
        "huge.example TXT "
        + "x" * 60000
        + "\n"
        + "".join(f"big.example A 9.{n // 250}.{n % 250}.1\n" for n in range(2000))
    )
    async with nameserver(zone) as server:
        resolver = Resolver(Dns(servers=(server.address,)), FakeClock())
        assert len((await resolver.ask("big.example", "A")).values) == 64
        assert (await resolver.ask("huge.example", "TXT")).found
        assert server.tcp_queries == 2


async def test_an_address_that_changes_under_our_feet_is_checked_each_time() -> None:
    zone = "flip.example 0 MX 10 f.example\nf.example ROTATE\nf.example 0 A 8.8.8.8\nf.example 0 A 10.0.0.1"
    async with nameserver(zone) as server:
        made = router(server, ipv6=False)
        results = [await made.route("flip.example") for _ in range(4)]
        assert [isinstance(each, Hop) for each in results] == [True, False, True, False]
        assert {address for each in results if isinstance(each, Hop) for address in each.hosts[0].addresses} == {
            "8.8.8.8"
        }


@pytest.mark.parametrize(
    "text, expected",
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5", ("192.0.2.1", 5)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5", ("2001:db8::1", 5)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
    ],
)
def test_a_server_is_an_address_with_or_without_a_port(text: str, expected: tuple[str, int]) -> None:
    assert server_of(text) == expected
