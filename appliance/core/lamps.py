"""The lamp language: what the four lamps say about a Status. Decided here once, for panel, page and console alike.

STATES is the table of the language: for each lamp its states in order of rank. A lamp shows the first that applies:
codes before blinking, blinking before steady, steady before off. Held mail counts as waiting. Never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from appliance.core.pattern import BLINK, FLASH, OFF, STEADY, Pattern, code
from appliance.core.status import Status

STARTING: Final = "starting"  # the troubles with which there is no Status to show
DEAD: Final = "dead"
SETTINGS: Final = "settings"
MOVED_S: Final = 2.0  # for so long the last message counts as activity


@dataclass(frozen=True, slots=True)
class State:
    """One row of the language. `name` is what the label says, `meaning` a sentence or two in plain words."""

    pattern: Pattern
    name: str
    meaning: str
    applies: Callable[[Status], bool] = lambda status: True


@dataclass(frozen=True, slots=True)
class Lamp:
    """What one lamp shows."""

    label: str
    colour: str
    pattern: Pattern
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Lamps:
    """All four; iterated in the order of the label."""

    system: Lamp
    queue: Lamp
    bounce: Lamp
    activity: Lamp

    def __iter__(self) -> Iterator[Lamp]:
        return iter((self.system, self.queue, self.bounce, self.activity))


NO_ANSWER: Final = {
    DEAD: State(
        code(1), "relay dead",
        "The relay does not answer: no mail is taken. It is started again by itself; if this lasts, look at the "
        "console (show status, show log).",
    ),
    SETTINGS: State(
        code(4), "bad settings",
        "The settings file has a mistake, so the relay does not start. Mail already taken is safe. The console tells "
        "which line is wrong, and rollback brings the last good settings back.",
    ),
    STARTING: State(BLINK, "starting", "The box is starting; please wait a minute."),
}  # fmt: skip
UNKNOWN: Final = State(OFF, "not known", "The relay does not answer, so this lamp cannot tell.")

SYSTEM: Final = (
    NO_ANSWER[DEAD],
    State(
        code(2), "card full",
        "The card is full: new mail is refused for now, devices should try again later. Mail already taken is safe and "
        "makes room as it is delivered.",
        lambda status: status.fault == "full",
    ),
    State(
        code(3), "card failing",
        "The card does not take what is written: new mail is refused. Save the queue (console or page) and replace the "
        "card.",
        lambda status: status.fault not in ("", "full", "busy"),
    ),
    NO_ANSWER[SETTINGS],
    State(
        code(5), "too busy",
        "All places for connections are taken: newcomers are asked to come again in a moment. If this lasts, one "
        "device is misbehaving; the page shows which.",
        lambda status: status.fault == "busy",
    ),
    NO_ANSWER[STARTING],
    State(
        BLINK, "updating", "An update is being installed. Please do not switch the box off.",
        lambda status: status.updating,
    ),
    State(STEADY, "accepting mail", "All is well: the box takes mail.", lambda status: status.accepting),
    State(OFF, "no power", "The box has no power, or it has been shut down.", lambda status: False),
)  # fmt: skip
QUEUE: Final = (
    State(
        code(2), "mail older than the alarm age",
        "Mail has been waiting for longer than the alarm age (settings: panel.alarm_age_s). The page and the console "
        "tell for whom, and what the other server says.",
        lambda status: status.waiting > 0 and status.oldest_age_s > status.alarm_age_s,
    ),
    State(
        BLINK, "deferred mail waits",
        "At least one message could not be delivered yet. It is tried again by itself; a short press of the button "
        "tries now.",
        lambda status: status.queue.get("deferred", 0) > 0,
    ),
    State(
        STEADY, "mail under way",
        "Mail waits for its first attempt, is being delivered, or is held for you to decide.",
        lambda status: status.waiting > 0,
    ),
    State(OFF, "queue empty", "Nothing waits: all mail has gone out."),
)  # fmt: skip
BOUNCE: Final = (
    State(
        code(2), "no link",
        "No network cable is plugged in, or the other end is off.",
        lambda status: status.link is False,
    ),
    State(
        code(3), "no DNS",
        "No DNS server answers, or none is set: the box cannot find out where mail goes. Check the Internet line and "
        "the DNS servers (console: test dns).",
        lambda status: status.dns.ok is False,
    ),
    State(
        code(4), "port 25 blocked",
        "The Internet provider blocks port 25, so mail cannot go straight to other servers. Ask the provider to open "
        "it, or set a relay.",
        lambda status: status.port25 == "blocked",
    ),
    State(
        code(5), "card",
        "The card is full or failing; the SYSTEM lamp tells which.",
        lambda status: status.fault not in ("", "busy"),
    ),
    State(
        code(6), "clock",
        "The box does not know the time yet. Mail goes out, but nothing is given up for its age. Check the time server "
        "or set the clock on the console.",
        lambda status: not status.clock_known,
    ),
    State(
        STEADY, "bounces to read",
        "Mail came back as undeliverable, and nobody has looked yet. Read it on the page or the console, then press "
        "the button shortly.",
        lambda status: status.bounces > 0,
    ),
    State(OFF, "nothing to read", "No mail has come back since somebody last looked, and there is no fault."),
)  # fmt: skip
ACTIVITY: Final = (
    State(
        FLASH, "a message came in or went out",
        "One short flash for each message that is accepted or delivered.",
        lambda status: status.moved_s is not None and status.moved_s < MOVED_S,
    ),
    State(OFF, "idle", "No message is moving just now."),
)  # fmt: skip

LABELS: Final = (("SYSTEM", "green"), ("QUEUE", "amber"), ("BOUNCE", "red"), ("ACTIVITY", "white"))
STATES: Final = dict(zip(("SYSTEM", "QUEUE", "BOUNCE", "ACTIVITY"), (SYSTEM, QUEUE, BOUNCE, ACTIVITY), strict=True))
_WITHOUT_STATUS: Final = tuple(NO_ANSWER.values())


def lamps(status: Status | None, trouble: str = "") -> Lamps:
    """What to show. With no `status`, `trouble` is DEAD, SETTINGS or STARTING (any other word counts as DEAD)."""
    if status is None:
        chosen = [NO_ANSWER.get(trouble, NO_ANSWER[DEAD]), UNKNOWN, UNKNOWN, UNKNOWN]
    else:
        chosen = [_first(states, status) for states in STATES.values()]
    shown = [Lamp(*label, each.pattern, each.name, each.meaning) for label, each in zip(LABELS, chosen, strict=True)]
    return Lamps(*shown)


def _first(states: tuple[State, ...], status: Status) -> State:
    rows = (state for state in states if state not in _WITHOUT_STATUS)
    return next((state for state in rows if state.applies(status)), NO_ANSWER[STARTING])
