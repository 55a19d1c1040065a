"""`commit`, `rollback`, `discard`: the candidate put in force, taken back, forgotten. The timer of `commit confirmed`
is the steward's, so it rings also when this console is gone.
"""

from __future__ import annotations

import os
from typing import Final

from appliance.console.call import Call
from appliance.console.show_box import pending
from appliance.console.wording import span

COMMIT_S: Final = 300.0  # the whole system may have to follow, on a machine that is busy


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
        answer = call.patiently(lambda: call.box.steward("settings.commit", {"comment": call.get("comment")}, COMMIT_S))
        call.say("In force.")
        _answer(call, answer)


def confirmed(call: Call) -> None:
    """Put the candidate in force for some minutes."""
    minutes = int(call.get("minutes", "5"))
    if not complain(call):
        return
    args = {"comment": call.get("comment"), "confirm_min": minutes}
    answer = call.patiently(lambda: call.box.steward("settings.commit", args, COMMIT_S))
    call.say(f'In force for {span(minutes * 60)}, then taken back by itself. "commit" keeps it.')
    _answer(call, answer)


def _answer(call: Call, answer: object) -> None:
    """What did not work although the settings are in force."""
    if isinstance(answer, dict):
        for warning in answer.get("warnings") or ():
            call.say(f"% {warning}")


def rollback(call: Call) -> None:
    """Earlier settings become the candidate."""
    number = int(call.get("number", "1"))
    call.box.steward("settings.rollback", {"n": number})
    call.say('They are the candidate now: "show | compare", then "commit".')


def discard(call: Call) -> None:
    """Forget what was changed and not committed."""
    call.box.steward("settings.discard")
    call.say("The candidate is as the running settings.")
