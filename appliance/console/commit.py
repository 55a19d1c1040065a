"""`commit`, `rollback`, `discard`: the candidate put in force, taken back, forgotten. The timer of `commit confirmed`
is the steward's, so it rings also when this console is gone.
"""

from __future__ import annotations

import os
import time
from typing import Any, Final

from appliance.console.call import Call, Dead
from appliance.console.show_box import pending
from appliance.console.wording import span
from appliance.ports import Refused

COMMIT_S: Final = 300.0  # the whole system may have to follow, on a machine that is busy
NOTICED_S: Final = 3  # by then a relay that is to be started again has begun to end
STARTING_S: Final = 15
APART: Final = frozenset({"console", "page"})  # the relay does not read these sections


def check(call: Call) -> None:
    """Every complaint about the candidate."""
    if complain(call):
        call.say("The candidate is right.")


def complain(call: Call) -> bool:
    """Whether the candidate is right; what is not is said."""
    complaints = call.box.steward("settings.check")["complaints"]
    for each in complaints:
        call.say(f"% {each['key']} = {each['value']}: should be {each['expected']}")
    if _locks_out(call):
        call.say("% control.console_uids: with these settings nobody could use this console any more")
        return False
    return not complaints


def _locks_out(call: Call) -> bool:
    """Whether the steward would no longer listen to this console."""
    own, key = str(os.getuid()), "control.console_uids"
    before, after = (call.box.values(which=which).get(key, "").split() for which in ("running", "candidate"))
    return own in before and own not in after


def commit(call: Call) -> None:
    """Put the candidate in force, or confirm what `commit confirmed` did."""
    changed = bool(call.box.steward("settings.compare")["lines"])
    if not changed and pending(call):
        call.box.steward("settings.confirm")
        call.say("Confirmed: these settings stay.")
    elif not changed:
        call.say("There is nothing to commit.")
    elif complain(call):
        _commit(call, {}, "In force.")


def confirmed(call: Call) -> None:
    """Put the candidate in force for some minutes."""
    minutes = int(call.get("minutes", "5"))
    if complain(call):
        words = f'In force for {span(minutes * 60)}, then taken back by itself. "commit" keeps it.'
        _commit(call, {"confirm_min": minutes}, words)


def _commit(call: Call, args: dict[str, Any], words: str) -> None:
    """Commit, and wait until the relay works with the new settings."""
    lines, before = call.box.steward("settings.compare")["lines"], _began(call)
    asked = {"comment": call.get("comment"), **args}
    answer = call.patiently(lambda: call.box.steward("settings.commit", asked, COMMIT_S))
    call.say(words)
    for warning in answer.get("warnings") or ():
        call.say(f"% {warning}")
    sections = {line.split(".")[0].split()[-1] for line in lines if line.split()}
    if before is not None and not sections <= APART:
        _settle(call, before)


def _settle(call: Call, before: float) -> None:
    """Until the relay was started again; a relay that does not seem to be is not waited for."""
    gone, until = False, time.monotonic() + STARTING_S
    for turn in range(STARTING_S * 10):
        began = _began(call)
        if began is not None and abs(began - before) > 0.5:
            return
        gone = gone or began is None
        if call.io.interrupted(0.1) or (turn > NOTICED_S * 10 and not gone):
            return
        if time.monotonic() > until:
            break
    call.say('% the relay has not come back yet: "show status" and "show log" tell more')


def _began(call: Call) -> float | None:
    """When the relay was started, None while it does not answer."""
    try:
        return float(call.box.relay("status", {"brief": True}, 2.0).get("started_at") or 0)
    except (Dead, Refused, TypeError, ValueError):
        return None


def rollback(call: Call) -> None:
    """Earlier settings become the candidate."""
    number = int(call.get("number", "1"))
    call.box.steward("settings.rollback", {"n": number})
    call.say('They are the candidate now: "show | compare", then "commit".')


def discard(call: Call) -> None:
    """Forget what was changed and not committed."""
    call.box.steward("settings.discard")
    call.say("The candidate is as the running settings.")
