"""What a person can do about a failure, in one plain sentence, by enhanced status code (RFC 3463) and words."""

from __future__ import annotations

from typing import Final

from appliance.core.reply import Reply
from appliance.core.verdict import Verdict, judge

CURES: Final = (
    ("5.1.10", "The domain says that it takes no mail at all. Check the address."),
    ("5.1.2", "The part after the @ is not known on the Internet. Check the spelling of the address."),
    ("5.1.", "The address is not known there. Check the spelling of the part before the @."),
    ("5.2.2", "The recipient's mailbox is full. Tell the recipient by another way, then send again."),
    ("5.2.", "The recipient's mailbox takes no mail at present. Ask the recipient by another way."),
    ("5.3.4", "The message is too large for the recipient's server. Send it in parts or as a link."),
    ("5.4.6", "The mail goes in a circle: the recipient's domain leads back to this box. Ask who runs that domain."),
    ("5.4.4", "The settings leave no way to this domain. Ask who runs this box."),
    ("5.6.7", "The recipient's server cannot take addresses with such letters. Ask for an address in plain letters."),
    ("5.6.", "The recipient's server cannot take the message in this form."),
    ("4.4.7", "The recipient's server could not be reached for days. Check the address or try again later."),
    ("4.4.1", "The recipient's server does not answer. The box goes on trying."),
    ("4.4.3", "The DNS gives no answer. The box goes on trying."),
    ("4.", "The trouble may pass. The box goes on trying."),
)
OWN: Final = (  # what the box itself decided
    (
        "5.3.0",
        "The card of the box lost part of this message. Send it again; who runs this box should look at the card.",
    ),
    ("5.7.0", "Who runs this box has ended it. Ask there."),
)
ABOUT_US: Final = (
    "The recipient's server does not trust this office's Internet line or name. Ask who runs this box: "
    "mail through a relay (smarthost) usually helps."
)
OTHERWISE: Final = "The recipient's server refused the message; its words above say why."


def cure(reply: Reply) -> str:
    """One sentence for the person who reads `reply`."""
    if judge(reply) is Verdict.ABOUT_US:
        return ABOUT_US
    if not reply.host and (own := next((words for code, words in OWN if reply.status == code), "")):
        return own
    return next((words for code, words in CURES if reply.status.startswith(code)), OTHERWISE)
