"""One attempt: next hop, transport, and what each reply means for its recipient.

Knows the sending rule's consequences (core/plan.py, core/verdict.py) but no time and no queue: replies in, state
steps out. The second look at an unknown domain and the turn of the relays are decided here.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.item import Event, Progress, QueueItem, State
from appliance.core.plan import Direct, GiveUp, Step, Via, next_step, row_for
from appliance.core.reply import GIVEN_UP, Reply
from appliance.core.verdict import Verdict, judge
from appliance.ports import Hop, Router, Spool, TlsPolicy, Transport
from appliance.settings.schema import Domain, Relay, Settings

_NO_ANSWER = frozenset({"4.4.1", "4.4.2"})


def host_trouble(reply: Reply) -> bool:
    """Whether it is about the host and not the message: no answer, a lost connection, a greeting that says not now."""
    return reply.transient and (reply.enhanced in _NO_ANSWER or reply.text.startswith("greeting:"))


def relays_of(settings: Settings) -> tuple[Relay, ...]:
    return tuple(relay for relay in settings.relay if relay.enabled)


class Attempt:
    """`run` returns a Reply for each recipient."""

    def __init__(self, settings: Settings, router: Router, transport: Transport, spool: Spool) -> None:
        self._settings, self._router, self._transport, self._spool = settings, router, transport, spool
        self._relays = relays_of(settings)

    async def run(self, step: Step, domain: str, item: QueueItem, rows: Sequence[Progress]) -> list[Reply]:
        hop = await self._hop(step, domain)
        if isinstance(hop, Reply):
            return [hop] * len(rows)
        return await self._transport.deliver(hop, item, rows, self._spool.content(item.queue_id))

    async def _hop(self, step: Step, domain: str) -> Hop | Reply:
        if isinstance(step, Direct):
            return await self._router.route(domain)
        assert isinstance(step, Via)
        relay = self._relays[step.relay]
        host = await self._router.resolve(relay.host, relay.port)
        if isinstance(host, Reply):
            return host
        policy = TlsPolicy(relay.tls, relay.verify and relay.tls != "opportunistic", relay.ca_file)
        name = f"relay {relay.name}"
        return Hop(name, (host,), policy, relay.auth, relay.user, relay.name if relay.user else "",
                   self._settings.delivery.source_address)  # fmt: skip


def row_of(settings: Settings, progress: Progress) -> Domain:
    return row_for(progress.recipient.mailbox.domain, settings.domain)


def exhausted(reply: Reply | None) -> Reply:
    """The final form of a transient reply when attempts or time are used up (RFC 3463 X.4.7)."""
    if reply is None:
        return Reply.of("451 4.4.7 given up before any attempt could be made")
    if not reply.transient:
        return reply
    last = " ".join(part for part in (reply.enhanced, reply.text) if part)
    return Reply(reply.code, "4.4.7", GIVEN_UP + last, reply.host)


def apply(settings: Settings, progress: Progress, step: Step, reply: Reply, now: float) -> str:
    """One reply onto one recipient; the word for the log: sent, deferred or failed."""
    verdict = judge(reply)
    if isinstance(step, Direct) and unknown_domain(reply):
        return _second_look(settings, progress, reply, now)
    progress.unknown_domain_at = 0.0
    if isinstance(step, Direct):
        progress.direct_attempts += 1
    else:
        progress.relay_attempts += 1
    if verdict is Verdict.DELIVERED:
        progress.step(Event.DELIVER, reply, now)
        return "sent"
    if verdict is Verdict.FINAL:
        progress.step(Event.FAIL, reply, now)
        return "failed"
    if verdict is Verdict.ABOUT_US and isinstance(step, Direct):
        progress.direct_over = True
    progress.step(Event.DEFER, reply, now)
    following = next_step(row_of(settings, progress), len(relays_of(settings)), progress)
    if isinstance(following, GiveUp):
        progress.step(Event.FAIL, exhausted(reply), now)
    return "failed" if progress.state is State.FAILED else "deferred"


def unknown_domain(reply: Reply) -> bool:
    """Whether the DNS said that there is no such domain."""
    return not reply.host and reply.status in ("5.1.2", "5.4.4")


def _second_look(settings: Settings, progress: Progress, reply: Reply, now: float) -> str:
    """NXDOMAIN is final only when seen again some minutes later; a clock that went back starts them anew."""
    seen = progress.unknown_domain_at if progress.unknown_domain_at <= now else 0.0
    if seen and now - seen >= settings.delivery.lab_second_look_s * 0.9:
        progress.step(Event.FAIL, reply, now)
        return "failed"
    progress.unknown_domain_at = seen or now
    progress.step(Event.DEFER, reply, now)
    return "deferred"
