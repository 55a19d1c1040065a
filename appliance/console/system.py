"""The box itself: clock, passwords, accounts, power, update, and what concerns this session only. By the steward's
verbs."""

from __future__ import annotations

from typing import Any, Final

from appliance.console.call import Call, Handler
from appliance.console.wording import facts

RESET_S: Final = 300.0  # every message that waits is dealt with
UPDATE_S: Final = 60.0  # it only begins meanwhile


def ask_steward(verb: str, done: str, question: str = "") -> Handler:
    """The command that asks (if there is a question), does `verb` and says `done`."""

    def do(call: Call) -> None:
        if not question or call.io.confirm(question):
            call.box.steward(verb, dict(call.args))
            call.say(done)

    return do


def clock(call: Call) -> None:
    """Set the time by hand."""
    call.page(facts(call.box.steward("clock.set", {"time": call.get("time")})))


def new_password(call: Call, prompt: str) -> str:
    """Asked for twice; "" when the person gave up or the two differ, which is said."""
    first = call.io.ask(f"{prompt}: ", secret=True)
    if not first:
        call.say("Nothing changed.")
        return ""
    if call.io.ask(f"{prompt}, once more: ", secret=True) != first:
        call.say("% the two differ; nothing changed")
        return ""
    return first


def password(call: Call) -> None:
    """The password of console and page."""
    old = call.io.ask("Present password: ", secret=True)
    if old is not None and (new := new_password(call, "New password")):
        call.box.steward("password.set", {"old": old, "new": new})
        call.say("The password is changed, for console and page.")


def account_list(call: Call) -> None:
    """Who may log in to send."""
    answer = call.box.steward("account.list")
    rows = answer.get("accounts", []) if isinstance(answer, dict) else answer
    call.page(list(facts(rows)) or ["no accounts"])


def account_set(call: Call) -> None:
    """Make an account, or give it another password."""
    name = call.get("name")
    if password := new_password(call, f"Password of account {name}"):
        args: dict[str, Any] = {"name": name, "password": password}
        if "sender" in call.args:
            args["senders"] = call.get("sender").split()
        call.box.steward("account.set", args)
        call.say(f"Account {name} may send.")


def account_remove(call: Call) -> None:
    """End an account."""
    name = call.get("name")
    if call.io.confirm(f"Remove account {name}?"):
        call.box.steward("account.remove", {"name": name})
        call.say(f"Account {name} is gone.")


def factory_reset(call: Call) -> None:
    """Back to what was shipped; the queue is never dropped silently."""
    call.say("Settings, accounts, passwords and history will be as they were when the box was new.")
    waiting = call.io.ask('Mail that waits: type "keep", "bounce" (its senders are told) or "delete": ')
    if waiting not in ("keep", "bounce", "delete"):
        call.say("Nothing changed.")
    elif call.io.ask('Type "reset" to go on: ') == "reset":
        answer = call.patiently(lambda: call.box.steward("factory-reset", {"mail": waiting}, RESET_S))
        for warning in answer.get("warnings") or ():
            call.say(f"% {warning}")
        call.say("Done; the box starts anew, and its next visitor chooses a password.")
        call.state.leaving = True
    else:
        call.say("Nothing changed.")


def update_status(call: Call) -> None:
    """Which release runs and how far an update is."""
    call.page(facts(call.box.steward("update.status")))


def update_install(call: Call) -> None:
    """Install a release from a file or a web address."""
    source = call.get("source")
    if call.io.confirm(f"Install {source}? The box restarts afterwards; waiting mail stays."):
        call.say('It goes on by itself: "update status" tells how far it is.')
        call.page(facts(call.patiently(lambda: call.box.steward("update.install", {"source": source}, UPDATE_S))))


def log_out(call: Call) -> None:
    """Leave, from wherever."""
    call.state.leaving = True


def locate(call: Call) -> None:
    """The lamps blink, so that one finds the box."""
    call.box.relay("locate")
    call.say("All lamps blink for a minute.")


def terminal_length(call: Call) -> None:
    """Lines of a page in this session."""
    call.io.length = int(call.get("lines"))


def terminal_width(call: Call) -> None:
    """Columns of the terminal in this session."""
    call.io.width = int(call.get("columns"))


def terminal_ascii(call: Call) -> None:
    """Plain letters only, in this session."""
    call.io.ascii = True


def terminal_utf8(call: Call) -> None:
    """All letters, in this session."""
    call.io.ascii = False
