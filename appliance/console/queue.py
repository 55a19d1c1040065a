"""`queue …`, `flush`, `acknowledge`, `erase`: what the operator does with mail, by the relay's verbs."""

from __future__ import annotations

import base64

from appliance.console.call import Call, Handler

EXPORT_S = 60.0


def act(action: str, done: str) -> Handler:
    """The command `queue ACTION ID`."""

    def do(call: Call) -> None:
        queue_id = call.get("id")
        call.box.relay(f"queue.{action}", {"id": queue_id, "reason": call.get("reason")})
        call.say(f"Message {queue_id} {done}.")

    return do


def delete(call: Call) -> None:
    """Delete without a report, after a question."""
    queue_id = call.get("id")
    call.box.relay("queue.show", {"id": queue_id})
    if call.io.confirm(f"Delete message {queue_id}? Its sender will not be told."):
        call.box.relay("queue.delete", {"id": queue_id})
        call.say(f"Message {queue_id} is deleted; the history says so.")


def export(call: Call) -> None:
    """The content as text; what a terminal would misunderstand shows as `?`."""
    answer = call.box.relay("queue.export", {"id": call.get("id")}, EXPORT_S)
    text = base64.b64decode(answer["content"]).decode("utf-8", "replace")
    call.verbatim(text.replace("\r\n", "\n").split("\n"))


def flush(call: Call) -> None:
    """All that waits is due now."""
    count = call.box.relay("flush")["due"]
    call.say("1 message is due now." if count == 1 else f"{count} messages are due now.")


def acknowledge(call: Call) -> None:
    """The bounces have been seen."""
    count = call.box.relay("acknowledge")["acknowledged"]
    call.say("1 bounce is acknowledged." if count == 1 else f"{count} bounces are acknowledged.")


def erase(call: Call) -> None:
    """Forget the history, after a question."""
    if call.io.confirm("Forget what became of all earlier messages?"):
        call.box.relay("erase")
        call.say("The history is empty.")
