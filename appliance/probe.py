"""`outbox probe`: whether the relay takes responsibility for a message, as any client would see it.

The message goes to a listener over loopback and, once it has its 250, out of the queue again; its recipient is in
.invalid (RFC 2606 2), so that no part of it can leave. When no listener takes mail from the box itself (logins
required, loopback denied), the relay's own test message stands in. Returns 0 when it was taken within the time, else 1
with the last trouble told.
"""

from __future__ import annotations

import re
import smtplib
import time
from collections.abc import Callable
from typing import Final

from appliance.interface.client import Unreachable, ask
from appliance.ports import Refused
from appliance.settings.schema import Listener, Settings

RECIPIENT: Final = "probe@outbox.invalid"
CONTENT: Final = (
    f"From: <{RECIPIENT}>\r\nTo: <{RECIPIENT}>\r\nSubject: Probe after an update\r\n\r\nDoes the relay take mail?\r\n"
)
AGAIN_S: Final = 3.0
ANSWER_S: Final = 60.0


def run(settings: Settings, wait_s: float, tell: Callable[[str], None]) -> int:
    until = time.monotonic() + wait_s
    while True:
        try:
            _forget(settings, _hand_over(settings))
            return 0
        except (OSError, smtplib.SMTPException, Unreachable, Refused) as error:
            trouble = str(error)
        if time.monotonic() >= until:
            tell(f"the relay takes no mail: {trouble}")
            return 1
        time.sleep(AGAIN_S)


def _hand_over(settings: Settings) -> str:
    """The queue id."""
    trouble: Exception | None = None
    for listener in settings.listener:
        if listener.port and listener.tls != "implicit" and listener.auth != "required":
            try:
                return _by_smtp(listener)
            except (OSError, smtplib.SMTPException) as error:
                trouble = error
    if trouble is None or isinstance(trouble, smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused):
        return str(ask(settings.control.socket, "send-test", {"to": RECIPIENT}, ANSWER_S)["id"])
    raise trouble


def _by_smtp(listener: Listener) -> str:
    with smtplib.SMTP(listener.address or "127.0.0.1", listener.port, "outbox.invalid", ANSWER_S) as client:
        client.ehlo_or_helo_if_needed()
        client.mail(RECIPIENT)
        code, words = client.rcpt(RECIPIENT)
        if code != 250:
            raise smtplib.SMTPRecipientsRefused({RECIPIENT: (code, words)})
        code, words = client.data(CONTENT)
        if code != 250:
            raise smtplib.SMTPDataError(code, words)
    found = re.search(rb"queued as (\S+)", words)
    return found[1].decode("ascii", "replace") if found else ""


def _forget(settings: Settings, queue_id: str) -> None:
    ask(settings.control.socket, "queue.delete", {"id": queue_id}, ANSWER_S)
