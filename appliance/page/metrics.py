"""/metrics: the status as Prometheus text (exposition format 0.0.4), counters and states only, no addresses.

`outbox_up` is 0 and stands alone when the relay does not answer. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from appliance.core.status import Status

TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[str, str, str, Mapping[str, str], float | int | None]  # name, type, help, labels, value


def text(status: Status | None) -> str:
    """The whole answer."""
    lines: list[str] = []
    told: set[str] = set()
    for name, kind, words, labels, value in _samples(status):
        if value is None:
            continue
        if name not in told:
            lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
            told.add(name)
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        lines.append(f"{name}{'{' + inside + '}' if inside else ''} {value:.15g}")
    return "\n".join(lines) + "\n"


def _samples(status: Status | None) -> Iterator[Sample]:
    yield "outbox_up", "gauge", "Whether the relay answers.", {}, int(status is not None)
    if status is None:
        return
    yield "outbox_build_info", "gauge", "The version, always 1.", {"version": status.version}, 1
    yield from _mail(status)
    yield from _box(status)


def _mail(status: Status) -> Iterator[Sample]:
    yield "outbox_accepting_mail", "gauge", "Whether clients may hand in mail.", {}, int(status.accepting)
    for phase, number in status.queue.items():
        yield "outbox_queue_length", "gauge", "Messages in the queue by state.", {"state": phase}, number
    yield (
        "outbox_queue_oldest_message_age_seconds",
        "gauge",
        "Age of the oldest message in the queue.",
        {},
        (status.oldest_age_s),
    )
    yield "outbox_bounces_unacknowledged", "gauge", "Bounces that nobody has seen yet.", {}, status.bounces
    yield "outbox_messages_accepted_total", "counter", "Messages accepted since the start.", {}, status.accepted
    for outcome, number in (("delivered", status.delivered), ("bounced", status.failed)):
        labels = {"outcome": outcome}
        yield "outbox_recipients_total", "counter", "Recipients whose mail ended, by outcome.", labels, number
    refused = _number(_inside(status.intake, "totals").get("refused"))
    yield "outbox_smtpd_refused_total", "counter", "Refusals to clients since the start.", {}, refused
    yield "outbox_smtpd_connections", "gauge", "Clients connected now.", {}, _number(status.intake.get("connections"))


def _box(status: Status) -> Iterator[Sample]:
    if status.started_at:
        yield "outbox_start_time_seconds", "gauge", "When the relay started, Unix time.", {}, status.started_at
    yield "outbox_spool_free_bytes", "gauge", "Free space on the card.", {}, _number(status.spool.get("free_bytes"))
    yield "outbox_spool_used_bytes", "gauge", "Space that mail takes.", {}, _number(status.spool.get("used_bytes"))
    yield (
        "outbox_spool_quarantined",
        "gauge",
        "Damaged messages set aside.",
        {},
        (_number(status.spool.get("quarantined"))),
    )
    yield "outbox_spool_healthy", "gauge", "Whether the card takes mail.", {}, int(not status.fault)
    yield "outbox_clock_known", "gauge", "Whether the clock can be right.", {}, int(status.clock_known)
    yield "outbox_network_up", "gauge", "Whether the network link is up.", {}, _flag(status.link)
    yield "outbox_dns_up", "gauge", "Whether the DNS answers.", {}, _flag(status.dns.ok)
    port25 = {"open": 1, "blocked": 0}.get(status.port25)
    yield "outbox_port25_open", "gauge", "Whether port 25 to the Internet is open.", {}, port25
    yield "outbox_temperature_celsius", "gauge", "Temperature of the processor.", {}, status.temperature_c
    yield (
        "outbox_certificate_expiry_time_seconds",
        "gauge",
        "End of the certificate, Unix time.",
        {},
        (status.tls_ends_at or None),
    )


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _inside(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
