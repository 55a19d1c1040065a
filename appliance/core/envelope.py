"""What a client hands over beside the content: reverse-path, recipients and their parameters.

Parsed once at intake and frozen from then on (RFC 5321 3.3, RFC 3461 4, RFC 6531 3.4). `None` is the null reverse-path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from appliance.core.mailbox import Mailbox


class Body(StrEnum):
    """BODY= of MAIL (RFC 6152, RFC 3030)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Ret(StrEnum):
    """RET= of MAIL (RFC 3461 4.3): what of the content a failure DSN returns."""

    FULL = "FULL"
    HEADERS = "HDRS"


class Notify(StrEnum):
    """One word of NOTIFY= of RCPT (RFC 3461 4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One forward-path. `notify` empty = the client said nothing (failure reports, delay by our own policy);
    `original` is ORCPT as "rfc822;a@b" in xtext-decoded form, "" when not given."""

    mailbox: Mailbox
    notify: frozenset[Notify] = frozenset()
    original: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """`reverse_path` None = null reverse-path; `envid` xtext-decoded, "" when not given; `smtputf8` as the client
    declared it in MAIL."""

    reverse_path: Mailbox | None
    recipients: tuple[Recipient, ...]
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: Ret | None = None
    envid: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Facts about how a message came in: kept with the item, shown to people, never used for routing.

    `client` is the peer's address in text ("" for mail that the box wrote itself); `device` the name the operator
    gave that address; `account` the authenticated name; `repairs` what was changed, in words ("added Date");
    `held` non-empty = the reason why the item starts on hold."""

    at: float
    client: str = ""
    helo: str = ""
    device: str = ""
    account: str = ""
    protocol: str = "ESMTP"
    subject: str = ""
    message_id: str = ""
    repairs: tuple[str, ...] = field(default_factory=tuple)
    held: str = ""
