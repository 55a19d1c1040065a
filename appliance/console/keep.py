"""`backup`, `restore`, `support-bundle`: one text out, one text in. What is secret in a backup is locked with a
passphrase by the steward; a support bundle holds no secrets.
"""

from __future__ import annotations

from appliance.console.call import Call
from appliance.console.system import new_password
from appliance.console.wording import facts

KEEP_S = 120.0
BEGIN, END = "-----BEGIN OUTBOX BACKUP-----", "-----END OUTBOX BACKUP-----"


def backup(call: Call) -> None:
    """Settings, accounts and keys as text."""
    passphrase = new_password(call, "Passphrase for this backup")
    if passphrase:
        answer = call.patiently(lambda: call.box.steward("backup", {"passphrase": passphrase}, KEEP_S))
        text = str(answer["text"]).strip("\n")
        call.say("Copy all lines from BEGIN to END to a safe place; without the passphrase they are worth nothing.")
        call.io.page(text.split("\n") if text.startswith("-----BEGIN") else [BEGIN, *text.split("\n"), END])


def restore(call: Call) -> None:
    """Settings, accounts and keys from such a text."""
    call.say("Paste the lines of the backup, then a line with a single dot. ^C gives up.")
    text = call.io.paste(".")
    if not text or not text.strip():
        call.say("Nothing changed.")
        return
    body = "\n".join(line for line in text.split("\n") if line.strip() not in (BEGIN, END))
    passphrase = call.io.ask("Its passphrase: ", secret=True)
    if passphrase and call.io.confirm("Put it in place of the present settings, accounts and keys?"):
        args = {"text": body, "passphrase": passphrase}
        answer = call.patiently(lambda: call.box.steward("restore", args, KEEP_S))
        call.say("Restored.")
        if isinstance(answer, dict):
            call.page(facts(answer))
    else:
        call.say("Nothing changed.")


def support_bundle(call: Call) -> None:
    """All that somebody who helps needs to know, without secrets."""
    answer = call.patiently(lambda: call.box.steward("support-bundle", {}, KEEP_S))
    call.io.page(str(answer["text"]).split("\n"))
