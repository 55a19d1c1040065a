"""`backup`, `restore`, `support-bundle`: one text out, one text in, or a file on a USB stick.

What is secret in a backup is locked with a passphrase by the steward; a support bundle holds no secrets.
"""

from __future__ import annotations

from typing import Any, Final

from appliance.console.call import Call
from appliance.console.system import new_password
from appliance.console.wording import facts

KEEP_S: Final = 120.0
END: Final = "-----END OUTBOX BACKUP-----"


def backup(call: Call) -> None:
    """Settings, accounts and keys as text."""
    if passphrase := new_password(call, "Passphrase for this backup"):
        answer = _ask(call, "backup", {"passphrase": passphrase})
        call.say("Copy all lines from BEGIN to END to a safe place; without the passphrase they are worth nothing.")
        call.verbatim(str(answer["text"]).strip("\n").split("\n"))


def backup_to_stick(call: Call) -> None:
    """The same as a file on a USB stick."""
    if passphrase := new_password(call, "Passphrase for this backup"):
        answer = _ask(call, "backup", {"passphrase": passphrase, "to": "stick"})
        call.say(f"{answer['file']} is on the stick; it may be pulled out.")


def restore(call: Call) -> None:
    """Settings, accounts and keys from such a text."""
    call.say(f"Paste the lines of the backup up to {END}. ^C gives up.")
    text = call.io.paste(END)
    if not text or not text.strip():
        call.say("Nothing changed.")
        return
    _restore(call, {"text": text})


def restore_from_stick(call: Call) -> None:
    """The same from the file on a USB stick."""
    _restore(call, {"from": "stick"})


def _restore(call: Call, where: dict[str, Any]) -> None:
    passphrase = call.io.ask("Its passphrase: ", secret=True)
    if passphrase and call.io.confirm("Put accounts, relays' passwords and keys in place of the present ones?"):
        call.page(facts(_ask(call, "restore", {**where, "passphrase": passphrase})))
        call.say('The settings are the candidate: "show | compare", then "commit confirmed 5".')
    else:
        call.say("Nothing changed.")


def support_bundle(call: Call) -> None:
    """All that somebody who helps needs to know, without secrets."""
    call.page(str(_ask(call, "support-bundle", {})["text"]).split("\n"))


def _ask(call: Call, verb: str, args: dict[str, Any]) -> Any:
    return call.patiently(lambda: call.box.steward(verb, args, KEEP_S))
