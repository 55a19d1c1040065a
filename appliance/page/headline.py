"""The one sentence on top of the page, and the facts of the box beneath it, from the status. Pure; words for people.

The first thing that is wrong is said, the worst first, with what to do; when nothing is, the page says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from appliance.core.lamps import Lamps
from appliance.core.status import Status
from appliance.page.wording import Times, count, size, span

REFUSING: Final = {  # what the SYSTEM lamp says -> what that means for somebody who wants to send
    "relay dead": "No mail is taken at the moment",
    "bad settings": "No mail is taken at the moment",
    "card full": "New mail is refused",
    "card failing": "New mail is refused",
    "too busy": "New mail is refused for a moment",
    "starting": "One moment",
    "updating": "One moment",
}
FAULTS: Final = {  # the same for the faults of the BOUNCE lamp, with which mail is still taken
    "no link": "Mail has to wait",
    "no DNS": "Mail has to wait",
    "port 25 blocked": "Mail may have to wait",
    "clock": "Mail goes out, but the time is not known",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """`level` and `icon` as in wording.State."""

    text: str
    more: str
    icon: str
    level: str


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str
    level: str = ""
    code: bool = False


def headline(status: Status | None, lamps: Lamps, times: Times) -> Headline:
    """The words of the lamps, so that page, console and label agree."""
    system, bounce = lamps.system, lamps.bounce
    if status is None or system.name in REFUSING:
        soon = system.name in ("starting", "updating")
        words = REFUSING.get(system.name, "No mail is taken")
        return Headline(words, system.meaning, "wait" if soon else "no", "wait" if soon else "bad")
    if not status.accepting:
        return Headline("No mail is taken", "The serial console tells why.", "no", "bad")
    queue = _queue(status, times)
    if bounce.name in FAULTS:
        return Headline(FAULTS[bounce.name], f"{bounce.meaning} {queue}", "wait", "wait")
    if status.bounces:
        return Headline(f"{count(status.bounces, 'message')} could not be delivered",
                        f"All other mail goes out. {queue}", "no", "bad")  # fmt: skip
    if status.queue.get("deferred", 0) or status.queue.get("held", 0):
        return Headline("Mail goes out; some has to wait", queue, "wait", "wait")
    if status.waiting:
        return Headline("Mail is going out", queue, "go", "busy")
    return Headline("All is well: mail goes out", queue, "ok", "good")


def _queue(status: Status, times: Times) -> str:
    if not status.waiting:
        return "Nothing waits."
    words = f"{count(status.waiting, 'message')} in the queue"
    if status.oldest_age_s >= 60:
        words += f", the oldest for {span(status.oldest_age_s)}"
    if status.next_attempt_at and status.queue.get("deferred", 0):
        words += f"; next attempt {times.words(status.next_attempt_at, status.now)}"
    return words + "."


def box(status: Status | None, times: Times, details: bool) -> list[Fact]:
    """The facts of the box, each with a level when it is not as it should be."""
    if status is None:
        return []
    free = status.spool.get("free_bytes")
    damaged = status.spool.get("quarantined")
    facts = [
        Fact("Queue", _waiting(status)),
        _tri("Network cable", status.link, "connected", "not connected"),
        _tri("DNS", status.dns.ok, "answers", "does not answer"),
        _port25(status.port25),
        Fact("Clock", times.words(status.now, status.now) if status.clock_known else "not set yet",
             "good" if status.clock_known else "wait"),
        Fact("Card", f"trouble: {status.fault}" if status.fault else f"{size(free)} free",
             "bad" if status.fault else "good"),
    ]  # fmt: skip
    if damaged:
        facts.append(Fact("Set aside", f"{count(int(damaged), 'damaged message')}", "bad"))
    if status.temperature_c is not None:
        hot = status.temperature_c >= 80
        facts.append(Fact("Temperature", f"{status.temperature_c:.0f} °C", "wait" if hot else "good"))
    facts.append(
        Fact("Next attempt", times.words(status.next_attempt_at, status.now) if status.next_attempt_at else "none due")
    )
    if status.started_at:
        facts.append(Fact("Running since", times.words(status.started_at, status.now)))
    facts.append(
        Fact("Since then", f"{status.accepted} taken, {status.delivered} delivered, {status.failed} not delivered")
    )
    facts += _warnings(status, times, details)
    if details:
        facts += [Fact("Mail name", status.mail_name or "none set")]
        facts += [Fact("Addresses", ", ".join(status.addresses))] if status.addresses else []
    return [*facts, Fact("Version", status.version)]


def _warnings(status: Status, times: Times, details: bool) -> list[Fact]:
    """The certificate, doors that do not open, and, with `details`, what the card lost."""
    complaints, certificate = status.intake.get("complaints"), status.intake.get("certificate")
    found = [Fact("A door is shut", str(each), "bad") for each in complaints] if isinstance(complaints, list) else []
    warning = str(certificate.get("warning") or "") if isinstance(certificate, Mapping) else ""
    if warning:
        found.append(Fact("Certificate", warning, "wait"))
    elif status.tls_ends_at:
        found.append(Fact("Certificate", f"until {times.words(status.tls_ends_at, status.now)}", "good"))
    return found + [Fact("Damage", each, "bad") for each in status.damage[-3:] if details]


def _waiting(status: Status) -> str:
    """Such as "2 deferred, 1 held; the oldest for 3 hours"."""
    words = ", ".join(f"{number} {phase}" for phase, number in status.queue.items() if number) or "empty"
    return words + (f"; the oldest for {span(status.oldest_age_s)}" if status.oldest_age_s >= 60 else "")


def _tri(name: str, value: bool | None, yes: str, no: str) -> Fact:
    return Fact(name, {True: yes, False: no, None: "not known"}[value], {True: "good", False: "bad", None: ""}[value])


def _port25(word: str) -> Fact:
    words = {"open": ("open", "good"), "blocked": ("blocked by the provider", "bad")}.get(word, ("not tried yet", ""))
    return Fact("Port 25 to the Internet", *words)


@dataclass(frozen=True, slots=True)
class LampRow:
    """`look` is lit, blink or dark; the rhythm and the meaning stand beside it in words."""

    label: str
    css: str
    look: str
    rhythm: str
    name: str
    meaning: str


def lamp_rows(lamps: Lamps) -> list[LampRow]:
    looks = {"off": "dark", "steady": "lit"}
    return [
        LampRow(each.label, each.label.lower(), looks.get(each.pattern.name, "blink"), each.pattern.name, each.name,
                each.meaning)
        for each in lamps
    ]  # fmt: skip
