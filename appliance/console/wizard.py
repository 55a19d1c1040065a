"""`wizard`: the first set-up as a few questions, each with what is set now (Enter keeps it). It changes the candidate,
shows the difference, commits it for five minutes and keeps it when the person says that all is well; ^C leaves the
settings in force as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from appliance.console.call import Call, rows_in
from appliance.console.split import quoted

Values = Mapping[str, str]
Ask = Callable[[Call, Values], bool]  # False = the person gave up
MINUTES: Final = 5
WELCOME: Final = (
    "A few questions, about five minutes. Enter keeps what is in [brackets], ? explains, ^C gives up. Nothing is in "
    "force before you have seen all of it."
)


def wizard(call: Call) -> None:
    """All questions, then commit and a test message."""
    call.say(WELCOME)
    for step in (_names, _network, _dns, _who, _relay):
        if not step(call, call.box.values()):
            call.say('Stopped. "discard" forgets the answers, "wizard" begins again with them.')
            return
    _finish(call)


def _question(call: Call, text: str, now: str, line: str, help_word: str, many: bool = False) -> bool:
    """Ask until the answer is lawful; `line` is the command with {} for it, which is `many` words or one. False when
    the person gave up."""
    while True:
        answer = call.io.ask(f"{text} [{now}]: ")
        if answer is None:
            return False
        answer = answer.strip()
        if answer == "?":
            call.again(f"explain {quoted(help_word)}")
        elif not answer or answer == now:
            return True
        elif wrong := call.again(line.format(answer if many else quoted(answer))):
            call.say(f"% {wrong}")
        else:
            return True


def _names(call: Call, values: Values) -> bool:
    call.say("")
    call.say("1 of 5: names")
    rows = (
        (
            "Name of the box in your network",
            values.get("network.host_name", ""),
            "set network host-name {}",
            "host name",
        ),
        (
            "Mail name, full, such as mail.office.example; leave it empty if you have none",
            values.get("box.mail_name", ""),
            "set mail-name {}",
            "mail name",
        ),
        ("Address of the person in charge", values.get("box.owner", ""), "set owner {}", "postmaster"),
    )
    return all(_question(call, *row) for row in rows)


def _network(call: Call, values: Values) -> bool:
    call.say("")
    call.say("2 of 5: the box's place in the network")
    now = values.get("network.ipv4", "dhcp")
    now = values.get("network.address", "") if now == "static" else now
    router = values.get("network.gateway", "")
    while True:
        text = f"Address: dhcp, or an own one such as 192.168.1.5/24 [{now}]: "
        answer = call.io.ask(text)
        if answer is None:
            return False
        answer = answer.strip()
        if answer in ("", now):
            return True
        if answer == "?":
            call.again("explain dhcp")
            continue
        line = "set network dhcp"
        if answer != "dhcp":
            gateway = call.io.ask(f"Router [{router}]: ")
            if gateway is None:
                return False
            line = f"set network static {quoted(answer)} {gateway.strip() or router}"
        if not (wrong := call.again(line)):
            return True
        call.say(f"% {wrong}")


def _dns(call: Call, values: Values) -> bool:
    call.say("")
    call.say("3 of 5: DNS, the phone book of the Internet")
    now = values.get("dns.servers", "")
    if not _question(
        call,
        "DNS servers, parted by spaces; often the router's address",
        now,
        "set dns server {}",
        "dns server",
        many=True,
    ):
        return False
    if wrong := call.again("test dns"):
        call.say(f"% {wrong}")
    return True


def _who(call: Call, values: Values) -> bool:
    call.say("")
    call.say("4 of 5: who may send through the box, as networks; private = all machines of your own network")
    now = _allowed(values)
    while True:
        answer = call.io.ask(f"Networks, parted by spaces [{now}]: ")
        if answer is None:
            return False
        answer = answer.strip()
        if answer == "?":
            call.again("explain access list")
        elif answer in ("", now) or not (wrong := _allow(call, len(rows_in(values, "access")), answer.split())):
            return True
        else:
            call.say(f"% {wrong}")


def _allowed(values: Values) -> str:
    rows = [f"access.{number}" for number in rows_in(values, "access")]
    return " ".join(values[f"{row}.network"] for row in rows if values.get(f"{row}.action") == "allow")


def _allow(call: Call, before: int, networks: list[str]) -> str:
    """One allow row for each; "" or what is wrong. Rows that are left over go."""
    for number, network in enumerate(networks, 1):
        for line in (f"set access {number} network {quoted(network)}", f"set access {number} action allow"):
            if wrong := call.again(line):
                return wrong
    for number in range(before, len(networks), -1):
        if wrong := call.again(f"no access {number}"):
            return wrong
    return ""


def _relay(call: Call, values: Values) -> bool:
    call.say("")
    call.say("5 of 5: the way out. Mail goes straight to the recipients' servers, or through your provider's relay.")
    name = next(iter(rows_in(values, "relay")), "provider")
    host, user = (values.get(f"relay.{name}.{key}", "") for key in ("host", "user"))
    word = quoted(name)
    if not _question(call, "Relay; empty = none", host, f"set relay {word} host {{}}", "relay"):
        return False
    if name not in rows_in(call.box.values(), "relay"):
        return True
    if not _question(call, "Account at the relay; empty = none", user, f"set relay {word} user {{}}", "account"):
        return False
    if call.box.values().get(f"relay.{name}.user") and (wrong := call.again(f"set relay {word} password")):
        call.say(f"% {wrong}")
    return True


def _finish(call: Call) -> None:
    call.say("")
    call.say("This would change:")
    call.again("show | compare")
    if not call.box.steward("settings.compare")["lines"]:
        _try(call)
    elif call.io.confirm("Put it in force?"):
        if wrong := call.again(f"commit confirmed {MINUTES}"):
            call.say(f"% {wrong}")
            return
        _try(call)
        if call.io.confirm(f"Keep it? (Otherwise it is taken back after {MINUTES} minutes.)"):
            call.again("commit")
    else:
        call.say('It is kept as the candidate: "commit" puts it in force, "discard" forgets it.')


def _try(call: Call) -> None:
    """A test message, if the person names an address."""
    address = call.io.ask("Send a test message to which address? (Enter = none): ")
    if address and address.strip():
        line = f"test message {quoted(address.strip())}"
        if wrong := call.again(line):
            call.say(f"% {wrong}")
