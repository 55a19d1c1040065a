"""What the command prints: JSON for programs, lines for people. Everything from outside is made printable."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final

from appliance.core.lamps import Lamps, lamps
from appliance.core.reply import printable
from appliance.core.status import Dns, Status

_WORD: Final = {True: "up", False: "down", None: "not known"}


def as_json(result: Any) -> str:
    """ASCII JSON, which no terminal misunderstands."""
    return json.dumps(result, ensure_ascii=True, indent=2)


def as_text(verb: str, result: Any) -> str:
    """Lines for a person."""
    shape: dict[str, Callable[[Any], str]] = {
        "queue.list": _queue,
        "history": _history,
        "bounces": _history,
        "status": _status,
        "queue.show": _item,
        "locate": lambda result: f"all lamps blink for {result['locating_s']:.0f} s",
        "lamps.test": lambda result: "each lamp lights, first all together",
    }
    if verb in shape:
        return shape[verb](result)
    return ", ".join(f"{name} {printable(str(value))}" for name, value in result.items())


def _queue(items: list[dict[str, Any]]) -> str:
    return "\n".join(_item(item) for item in items) or "the queue is empty"


def _item(item: dict[str, Any]) -> str:
    wait = item["next_attempt_s"]
    when = f"next attempt in {wait:.0f} s" if wait is not None else item["held"]
    lines = [
        f"{item['id']}  {item['phase']}  {item['size']} octets  from {item['from']}  "
        f"{_time(item['arrived_at'])}  {when}"
    ]
    for row in item["recipients"]:
        said = f'  {row.get("host") or "box"}: "{row["reply"]}"' if "reply" in row else ""
        lines.append(f"    {row['to']}  {row['state']}{said}")
    lines += [f"    {repair}" for repair in item.get("repairs", ())]
    return "\n".join(printable(line, 1000) for line in lines)


def _history(entries: list[dict[str, Any]]) -> str:
    lines = []
    for entry in entries:
        to, word = entry.get("to") or entry.get("recipient"), entry.get("outcome", "bounced")
        sender = entry.get("from") or entry.get("reverse_path")
        said = f'{entry.get("host") or "box"}: "{entry["reply"]}"'
        lines.append(f"{_time(entry['at'])}  {entry['id']}  {word}  {sender} -> {to}  {said}")
        if entry.get("cure"):
            lines.append(f"    {entry['cure']}")
    return "\n".join(printable(line, 1000) for line in lines) or "nothing"


def _status(facts: dict[str, Any]) -> str:
    status = Status.of(facts)
    waiting = ", ".join(f"{count} {phase}" for phase, count in status.queue.items() if count) or "empty"
    system = lamps(status).system.name
    lines = [
        f"Outbox {status.version}, {status.mail_name} at {', '.join(status.addresses) or 'no address'}",
        "accepting mail" if status.accepting else f"refusing mail: {system}",
        f"queue: {waiting}" + (f", oldest from {_time(status.oldest_at)}" if status.oldest_at else ""),
        *([f"next attempt: {_time(status.next_attempt_at)}"] if status.next_attempt_at else []),
        f"bounces not acknowledged: {status.bounces}",
        f"since {_time(status.started_at)}: {status.accepted} accepted, {status.delivered} delivered, "
        f"{status.failed} failed",
        f"clock: {'known' if status.clock_known else 'not known to be right'}, {_time(status.now)}",
        f"network: link {_WORD[status.link]}, port 25 {status.port25}",
        f"DNS: {' '.join(status.dns.servers) or 'no server set'}, {_works(status.dns)}",
        f"card: {status.spool.get('free_bytes', 0) >> 20} MiB free, {status.spool.get('quarantined', 0)} damaged",
        *(f"  {line}" for line in status.damage),
        *([f"temperature: {status.temperature_c:.0f} degrees Celsius"] if status.temperature_c is not None else []),
        *([f"certificate: SHA-256 {status.tls_fingerprint}"] if status.tls_fingerprint else []),
        *([f"  ends {_time(status.tls_ends_at)}"] if status.tls_ends_at else []),
        *([f"  {warning}"] if (warning := _certificate_warning(status)) else []),
        *(f"listening: {name} {address} port {port}" for name, address, port in status.listeners),
    ]
    return "\n".join(printable(line, 1000) for line in lines)


def _certificate_warning(status: Status) -> str:
    certificate = status.intake.get("certificate")
    return str(certificate.get("warning") or "") if isinstance(certificate, dict) else ""


def _works(dns: Dns) -> str:
    word = {True: "works", False: "does not work", None: "not asked yet"}[dns.ok]
    return f"{word}: {dns.why}" if dns.why else word


def lamp_lines(said: Lamps) -> str:
    """What the four lamps say."""
    rows = [(f"{lamp.label:9}{lamp.pattern.name:18}{lamp.name}", lamp.meaning) for lamp in said]
    return "\n".join(f"{row}\n         {meaning}" for row, meaning in rows)


def lamp_facts(said: Lamps) -> list[dict[str, Any]]:
    """The same as data; `spans` are (seconds, lit), repeated."""
    return [
        {"lamp": lamp.label, "colour": lamp.colour, "pattern": lamp.pattern.name, "name": lamp.name,
         "meaning": lamp.meaning, "spans": [list(span) for span in lamp.pattern.spans]}
        for lamp in said
    ]  # fmt: skip


def _time(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (ValueError, OverflowError, OSError):
        return "?"
