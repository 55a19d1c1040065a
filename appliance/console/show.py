"""`show …`: what the mail path says. Wording is the command line's (printing.py) and the lamps' (core/lamps.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.console.call import Call
from appliance.console.wording import facts, size, span, when
from appliance.ports import Refused
from appliance.printing import as_text

LISTED_MAX = 200


def status(call: Call) -> None:
    """The state of the box."""
    call.page(as_text("status", call.box.relay("status")).split("\n"))


def queue(call: Call) -> None:
    """The mail that waits."""
    items = call.box.relay("queue.list", {"limit": LISTED_MAX})
    call.page(as_text("queue.list", items).split("\n"))
    if len(items) >= LISTED_MAX:
        call.say(f"The first {LISTED_MAX} only; show status counts all.")


def message(call: Call) -> None:
    """One message: in the queue, else in the history."""
    try:
        item = call.box.relay("queue.show", {"id": call.get("id")})
    except Refused:
        entries = [each for each in _history(call, call.get("id")) if each.get("id") == call.get("id")]
        if not entries:
            raise
        call.page(as_text("history", entries).split("\n"))
        return
    lines = as_text("queue.show", item).split("\n")
    named = (("client", "client"), ("helo", "said in HELO"), ("account", "account"), ("subject", "subject"))
    lines += [f"    {word}: {item[name]}" for name, word in named if item.get(name)]
    for row in item["recipients"]:
        lines.append(f"    {row['to']}: {row['direct_attempts']} attempts direct, {row['relay_attempts']} by relay")
        if row.get("cure"):
            lines.append(f"        {row['cure']}")
    call.page(lines)


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
    intake = call.box.relay("status").get("intake") or {}
    call.page([*_clients(intake), *_refusals(intake)])


def _clients(intake: dict[str, Any]) -> Iterator[str]:
    yield f"{intake.get('connections', 0)} connections now"
    for each in intake.get("devices", ()):
        named = f"{each.get('address')} {each.get('name') or ''}".strip()
        yield (
            f"{named}: seen {when(each.get('seen_at'))}, {each.get('accepted', 0)} accepted, "
            f"{each.get('refused', 0)} refused"
        )
        yield from (f"    {line}" for line in facts(each.get("repairs") or {}))


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
