"""The door to DNS (dnspython): asks the configured servers and no others.

UDP first, TCP when an answer was cut (RFC 7766), EDNS 1232. An answer to another question is ignored until the time is
up. Everything is bounded: records, aliases, sizes, waiting, the cache. `ask` never raises on what the network says: an
Answer tells "found", "nodata", "nxdomain" or "failed" (no server, no answer, SERVFAIL, nonsense), and what DNSSEC has
to say about it: "secure", "insecure", "bogus", "unknown".
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import Final

import dns.asyncbackend
import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from appliance.delivery.dns_health import DnsHealth
from appliance.ports import Clock
from appliance.settings.schema import Dns

PAYLOAD_BYTES: Final = 1232
RECORDS_MAX: Final = 64
ALIASES_MAX: Final = 8
TTL_MAX_S: Final = 86400
RECHECK_S: Final = 30.0  # between looks whether DNS works again
TEST_QUESTION: Final = ("com", "NS")  # what any working server can answer
NEGATIVE_TTL_MAX_S: Final = 60  # a second look some minutes later must be a real one
_FLAGS: Final = int(dns.flags.RD | dns.flags.AD)  # AD: tell us whether you validate (RFC 6840 5.7)
_BOGUS_CODES: Final = frozenset({6, 7, 8, 9, 10, 11, 12})  # extended errors about DNSSEC, RFC 8914 4


@dataclass(frozen=True, slots=True)
class Answer:
    """`values` as text: addresses, "10 mx.y.example", strings; `name` is where the aliases led; `why` is for people."""

    outcome: str
    name: str
    values: tuple[str, ...] = ()
    security: str = "unknown"
    why: str = ""
    ttl_s: float = 0.0
    silent: bool = False  # no server said anything

    @property
    def found(self) -> bool:
        return self.outcome == "found"

    @property
    def failed(self) -> bool:
        return self.outcome == "failed"


def server_of(text: str) -> tuple[str, int]:
    """ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT as a pair. Raises ValueError."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, int(port.removeprefix(":") or 53)
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, int(port)
    return text, 53


class Resolver:
    """One for the whole relay; cheap to replace when the settings change."""

    def __init__(self, settings: Dns, clock: Clock) -> None:
        self._servers = [server_of(text) for text in settings.servers]
        self._settings, self._clock = settings, clock
        self._cache: dict[tuple[str, str], tuple[float, Answer]] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self.health = DnsHealth(settings.servers)
        self._suspicion = asyncio.Event()
        self._validating: set[tuple[str, int]] = set()
        self._backend = dns.asyncbackend.get_backend("asyncio")

    async def ask(self, name: str, kind: str) -> Answer:
        """The records of type `kind` ("A", "AAAA", "MX", "TXT") at `name`, behind its aliases."""
        key = (name.rstrip(".").lower(), kind)
        kept = self._cache.get(key)
        if kept is not None:
            if kept[0] > self._clock.monotonic():
                return kept[1]
            del self._cache[key]
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._look_up(key))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def watch(self, every_s: float = RECHECK_S) -> None:
        """Ask the test question when DNS is suspected, and again while it does not work, so that its return is noticed
        without new mail."""
        while self._servers:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._suspicion.wait()
            if self._suspicion.is_set() or self.health.ok is False:
                self._suspicion.clear()
                answer = await self._try_servers(*TEST_QUESTION)
                if answer.failed:
                    self.health.test_failed(answer.why)
                else:
                    self.health.answered()

    async def _look_up(self, key: tuple[str, str]) -> Answer:
        answer = await self._follow(*key)
        if answer.ttl_s > 0 and self._settings.cache_entries:
            while len(self._cache) >= self._settings.cache_entries:
                del self._cache[next(iter(self._cache))]
            self._cache[key] = (self._clock.monotonic() + answer.ttl_s, answer)
        return answer

    async def _follow(self, name: str, kind: str) -> Answer:
        ttl_s = float(TTL_MAX_S)
        for _ in range(ALIASES_MAX):
            answer = await self._ask_servers(name, kind)
            ttl_s = min(ttl_s, answer.ttl_s)
            if answer.outcome != "alias":
                return Answer(answer.outcome, answer.name, answer.values, answer.security, answer.why, ttl_s)
            name = answer.name
        return Answer("failed", name, why=f"more than {ALIASES_MAX} aliases")

    async def _ask_servers(self, name: str, kind: str) -> Answer:
        answer = await self._try_servers(name, kind)
        if not answer.failed:
            self.health.answered()
        elif self._servers and self.health.failed(name, answer.silent):
            self._suspicion.set()
        return answer

    async def _try_servers(self, name: str, kind: str) -> Answer:
        """The first answer of use in some rounds through the servers, or the last that was none."""
        try:
            query = dns.message.make_query(name + ".", kind, use_edns=0, payload=PAYLOAD_BYTES, flags=_FLAGS)
        except (dns.exception.DNSException, UnicodeError, ValueError):
            return Answer("nxdomain", name, why=f"{name} is not a lawful DNS name")
        answer, silent = Answer("failed", name, why="no DNS server is set"), True
        for _ in range(self._settings.attempts):
            for server in self._servers:
                answer = await self._ask_one(query, name, server)
                if not answer.failed:
                    return answer
                silent = silent and answer.silent
        return replace(answer, silent=silent)

    async def _ask_one(self, query: dns.message.QueryMessage, name: str, server: tuple[str, int]) -> Answer:
        where, wait_s = f"{server[0]}:{server[1]}", self._settings.timeout_s
        try:
            async with asyncio.timeout(2 * wait_s):
                response = await self._send(query, server, wait_s)
            self.health.server_spoke(where)
            return self._read(response, name, server)
        except (dns.exception.Timeout, TimeoutError):
            why = f"DNS server {where} does not answer"
        except OSError as trouble:
            why = f"DNS server {where}: {trouble.strerror or trouble}"
        except (dns.exception.DNSException, EOFError, ValueError, IndexError) as trouble:
            return Answer("failed", name, why=f"DNS server {where} answers nonsense ({type(trouble).__name__})")
        self.health.server_silent(where, why)
        return Answer("failed", name, why=why, silent=True)

    async def _send(
        self, query: dns.message.QueryMessage, server: tuple[str, int], wait_s: float
    ) -> dns.message.Message:
        host, port = server
        try:
            return await dns.asyncquery.udp(
                query,
                host,
                wait_s,
                port,
                backend=self._backend,
                raise_on_truncation=True,
                ignore_unexpected=True,
                ignore_errors=True,
            )
        except dns.message.Truncated:
            return await dns.asyncquery.tcp(query, host, wait_s, port, backend=self._backend)

    def _read(self, response: dns.message.Message, name: str, server: tuple[str, int]) -> Answer:
        code = response.rcode()
        security = self._security(response, server)
        if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or not isinstance(response, dns.message.QueryMessage):
            why = f"DNS server {server[0]} says {dns.rcode.to_text(code)} for {name}"
            return Answer("failed", name, security=security, why=why)
        chain = response.resolve_chaining()
        end = chain.canonical_name.to_text(omit_final_dot=True).lower()
        ttl_s = float(min(chain.minimum_ttl, TTL_MAX_S)) if response.answer or response.authority else 0.0
        if code == dns.rcode.NXDOMAIN:
            return Answer("nxdomain", end, (), security, f"{name} does not exist", min(ttl_s, NEGATIVE_TTL_MAX_S))
        if chain.answer is not None:
            rows = [rdata.to_text() for rdata in list(chain.answer)[:RECORDS_MAX]]
            return Answer("found", end, tuple(rows), security, "", ttl_s)
        if chain.cnames:
            return Answer("alias", end, (), security, "", ttl_s)
        return Answer("nodata", end, (), security, f"{name} has none", min(ttl_s, NEGATIVE_TTL_MAX_S))

    def _security(self, response: dns.message.Message, server: tuple[str, int]) -> str:
        """By the AD bit of a server that validates (RFC 4035 3.2.3) and the extended errors (RFC 8914)."""
        if response.flags & dns.flags.AD:
            self._validating.add(server)
            return "secure"
        codes = {int(option.code) for option in response.options if isinstance(option, dns.edns.EDEOption)}
        if codes & _BOGUS_CODES:
            return "bogus"
        return "insecure" if server in self._validating else "unknown"
