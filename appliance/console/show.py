"""`show …`: what the mail path says. Wording is the command line's (printing.py) and the lamps' (core/lamps.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.console.call import Call, Dead
from appliance.console.wording import facts, size, span, when
from appliance.core.lamps import DEAD, SETTINGS, lamps
from appliance.core.status import Status
from appliance.printing import as_text, lamp_lines

LISTED_MAX = 200


def status(call: Call) -> None:
    """The state of the box; also when the relay is dead."""
    try:
        facts = call.box.relay("status")
    except Dead as dead:
        call.say(f"% {dead}")
        found = call.box.settings("running")
        broken = found if isinstance(found, tuple) else ()
        call.page(lamp_lines(lamps(None, SETTINGS if broken else DEAD)).split("\n"))
        call.page(f"% {each}" for each in broken)
        return
    call.page(as_text("status", facts).split("\n"))
    call.page(f"{lamp.label:9}{lamp.name}" for lamp in lamps(Status.of(facts)))


def lights(call: Call) -> None:
    """What the lamps say."""
    call.page(lamp_lines(lamps(Status.of(call.box.relay("status")))).split("\n"))


def queue(call: Call) -> None:
    """The mail that waits."""
    items = call.box.relay("queue.list", {"limit": LISTED_MAX})
    call.page(as_text("queue.list", items).split("\n"))
    if len(items) >= LISTED_MAX:
        call.say(f"The first {LISTED_MAX} only; show status counts all.")


def message(call: Call) -> None:
    """One message, waiting or done, with every attempt."""
    call.page(_message(call.box.relay("message", {"id": call.get("id")})))


def _message(item: dict[str, Any]) -> Iterator[str]:
    yield f"{item['id']}  {item['phase']}  {size(item['size'])}  from {item['from']}"
    yield f"    arrived {when(item['arrived_at'])}"
    named = (("client", "client"), ("device", "device"), ("helo", "said in HELO"), ("account", "account"),
             ("subject", "subject"), ("held", "held"))  # fmt: skip
    yield from (f"    {word}: {item[name]}" for name, word in named if item.get(name))
    yield from (f"    repaired: {repair}" for repair in item.get("repairs") or ())
    if item.get("next_attempt_s") is not None:
        yield f"    next attempt in {span(item['next_attempt_s'])}"
    for row in item["recipients"]:
        yield f"    {row['to']}  {row['state']}"
        for each in row.get("attempts") or ():
            via = f"  {each['via']}" if each.get("via") else ""
            yield f'        {when(each.get("at"))}{via}  {each.get("host") or "box"}: "{each.get("reply", "")}"'
        if row.get("cure"):
            yield f"        {row['cure']}"


def bounces(call: Call) -> None:
    """Bounces that nobody has acknowledged."""
    records = call.box.relay("bounces")
    call.page(as_text("bounces", records).split("\n"))
    if records:
        call.say('"acknowledge" when you have read them.')


def history(call: Call) -> None:
    """What became of messages, the newest first."""
    call.page(as_text("history", _history(call, call.get("text"))).split("\n"))


def _history(call: Call, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call.box.relay("history", {"text": text, "limit": LISTED_MAX})
    return found


def clients(call: Call) -> None:
    """Who hands the box mail."""
    rows = call.box.relay("devices")
    call.page([line for row in rows for line in _client(row)] or ["nobody has sent anything yet"])
    call.page(_refusals(call.box.relay("status").get("intake") or {}))


def _client(row: dict[str, Any]) -> Iterator[str]:
    named = f"{row.get('address')}  {row.get('name') or ''}".rstrip()
    yield f"{named}: seen {when(row['seen_at']) if row.get('seen_at') else 'never'}"
    counts = ("messages", "delivered", "bounced", "waiting", "refused")
    yield "    " + ", ".join(f"{row.get(name, 0)} {name}" for name in counts)
    yield from (f"    {name} ({count})" for name, count in (row.get("repairs") or {}).items())
    yield from (f"    {row[name]}" for name in ("last_refusal", "note", "held") if row.get(name))


def _refusals(intake: dict[str, Any]) -> Iterator[str]:
    if intake.get("refusals"):
        yield "refused of late:"
        yield from facts(intake["refusals"][-20:], "  ")


def storage(call: Call) -> None:
    """The card: room and damage."""
    box = call.box.relay("status")
    spool = box.get("spool") or {}
    words = {"": "takes mail", "full": "is full: mail is refused", "failing": "fails: mail is refused"}
    fault = str(spool.get("fault", ""))
    call.page(
        [
            f"the card {words.get(fault, f'is {fault}: mail is refused')}",
            f"free: {size(spool.get('free_bytes'))}",
            f"kept ready for mail: {size(spool.get('ready_bytes'))}, in use {size(spool.get('used_bytes'))}",
            f"damaged messages put aside: {spool.get('quarantined', 0)}",
            *(f"  {line}" for line in box.get("damage") or ()),
        ]
    )


def dns(call: Call) -> None:
    """The DNS servers and whether they answer."""
    found = call.box.relay("status").get("dns") or {}
    servers = found.get("servers") or []
    words = {True: "DNS answers", False: "DNS does not answer", None: "DNS was not asked yet"}
    call.say(words[found.get("ok")] + (f": {found['why']}" if found.get("why") else ""))
    call.page([f"  server {each}" for each in servers] or ['  no server is set: "set dns server ADDRESS"'])
    call.say('"test dns" asks each of them now.')


def waiting(status: dict[str, Any]) -> str:
    """The queue in one line."""
    phases = ", ".join(f"{count} {phase}" for phase, count in (status.get("queue") or {}).items() if count)
    oldest = status.get("oldest_at")
    age = f", oldest {span(status['now'] - oldest)}" if oldest and status.get("now") else ""
    return (phases or "empty") + age
