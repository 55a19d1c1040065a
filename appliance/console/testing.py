"""`test …`: tries things now, with the DNS servers of the candidate, so before commit. The relay does the trying; each
test has a bound of time, and ^C stops the waiting.
"""

from __future__ import annotations

from typing import Any

from appliance.console.call import Call, Dead
from appliance.printing import as_text

TEST_S = 60.0
STARTING_S = 15
FOLLOW_S = 60  # how long a test message is followed


def _test(call: Call, verb: str, **args: Any) -> Any:
    """The relay's answer; the candidate's DNS servers go along."""
    servers = call.box.values().get("dns.servers", "").split()
    given = {name: value for name, value in args.items() if value}
    return call.patiently(lambda: call.box.relay(verb, {**given, "servers": servers}, TEST_S))


def dns(call: Call) -> None:
    """Each DNS server is asked."""
    name = call.get("name") or call.box.values().get("box.owner", "").rpartition("@")[2]
    answer = _test(call, "test.dns", name=name)
    rows = answer["servers"]
    for row in rows:
        call.say(f"{row['server']} answers in {row['ms']} ms" if row["ok"] else f"{row['server']} fails: {row['why']}")
        if row["outcome"] == "nxdomain":
            call.say(f"  and says that {answer['name']} does not exist")
    if not rows:
        call.say('No DNS server is set: "set dns server ADDRESS", then "test dns" again, then "commit".')


def mx(call: Call) -> None:
    """Which servers take mail for a domain."""
    answer = _test(call, "test.mx", domain=call.get("domain"))
    for host in answer["hosts"]:
        call.say(f"{host['name']} port {host['port']}: {', '.join(host['addresses'])}")
    _said(call, answer)


def smtp(call: Call) -> None:
    """A conversation with a mail server, without a message."""
    answer = _test(call, "test.smtp", host=call.get("host"), port=int(call.get("port", "25")))
    for line in answer["lines"]:
        call.say(line)
    _said(call, answer)


def port25(call: Call) -> None:
    """Whether the line lets mail out."""
    answer = _test(call, "test.port25", domain=call.get("domain"))
    words = {
        "open": "open: mail can go straight to the recipients' servers",
        "blocked": "blocked: set up a relay (explain relay)",
        "unknown": "not decided: nobody answered there, so try one or two other domains",
    }
    for line in answer["lines"]:
        call.say(line)
    call.say(f"Port 25 is {words.get(answer['port25'], answer['port25'])}.")
    _said(call, answer)


def _said(call: Call, answer: dict[str, Any]) -> None:
    """What went wrong and what to do about it."""
    if answer.get("reply"):
        call.say(f"% {answer['reply']}")
    if answer.get("cure"):
        call.say(f"  {answer['cure']}")


def lamps(call: Call) -> None:
    """All lamps are lit one after the other."""
    answer = call.box.relay("lamps.test")
    call.say(f"Each lamp lights for a moment, for {answer['testing_s']:.0f} s together.")


def message(call: Call) -> None:
    """A real message, followed until something has become of it. A relay that is just starting is waited for."""
    answer = _patient(call, "send-test", {"to": call.get("address")})
    queue_id = answer["id"]
    call.say(f"Message {queue_id} is on its way. ^C stops watching, not the message.")
    said: list[str] = []
    for _ in range(FOLLOW_S):
        entries = [one for one in _patient(call, "history", {"text": queue_id}) if one.get("id") == queue_id]
        if entries:
            call.page(as_text("history", entries).split("\n"))
            return
        now = _waits(call, queue_id)
        if now and now != said:
            call.page(now)
            said = now
        if call.io.interrupted(1.0):
            break
    call.say(f'It is still in the queue: "show message {queue_id}" tells more.')


def _patient(call: Call, verb: str, args: dict[str, Any]) -> Any:
    """The relay's answer, also when it is just being started again. Raises Dead, Refused."""
    for _ in range(STARTING_S):
        try:
            return call.box.relay(verb, args)
        except Dead:
            if call.io.interrupted(1.0):
                break
    return call.box.relay(verb, args)


def _waits(call: Call, queue_id: str) -> list[str]:
    """What the last attempt brought, and what to do about it; nothing before the first."""
    for item in _patient(call, "queue.list", {"limit": 1000}):
        if item["id"] == queue_id and item["recipients"] and item["recipients"][0].get("reply"):
            row = item["recipients"][0]
            said = f'{row["state"]}; {row.get("host") or "box"} says "{row["reply"]}"'
            return [said, f"  {row['cure']}"] if row.get("cure") else [said]
    return []
