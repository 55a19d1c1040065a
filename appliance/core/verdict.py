"""What a reply means for a recipient: try again, final, or a matter of who we are.

A permanent reply about the recipient or the message is final at once. One about us (our address, name, reputation or
authentication) ends the direct attempts only: a relay may be believed where we are not. Unknown is transient.
Codes: RFC 3463, RFC 7372, RFC 7505, RFC 4954.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from appliance.core.reply import Reply
from appliance.core.smtp_reply import was_greeting


class Verdict(StrEnum):
    DELIVERED = "delivered"
    AGAIN = "again"  # transient
    FINAL = "final"
    ABOUT_US = "about us"


ABOUT_US_CODES: Final = frozenset({"5.7.8", "5.7.9", "5.7.23", "5.7.25", "5.7.26", "5.7.27", "5.7.515", "5.7.68"})
LOGIN_CODES: Final = frozenset({530, 534, 535, 538})
ABOUT_THEM: Final = re.compile(r"5\.(1|2|6)\.\d+|5\.3\.4|5\.4\.6")
WORDS: Final = re.compile(
    r"block.?list|black.?list|blocked|spamhaus|barracuda|sorbs|dnsbl|\brbl\b|\bpbl\b|reputation|"
    r"reverse dns|\bptr\b|rdns|dynamic (ip|address)|residential|\bspf\b|\bdkim\b|\bdmarc\b|unauthenticated|"
    r"not authenticated|authentication required|your (ip|host|server|address|network)|client host|sending (ip|host)|"
    r"helo|ehlo|banned|listed (at|by|in|on)|direct send",
    re.IGNORECASE,
)


def judge(reply: Reply) -> Verdict:
    """The meaning of one recipient's reply."""
    if reply.positive:
        return Verdict.DELIVERED
    if not reply.permanent:
        return Verdict.AGAIN
    if reply.enhanced in ABOUT_US_CODES or reply.code in LOGIN_CODES:
        return Verdict.ABOUT_US
    if ABOUT_THEM.fullmatch(reply.enhanced):
        return Verdict.FINAL
    if was_greeting(reply):
        return Verdict.ABOUT_US
    return Verdict.ABOUT_US if WORDS.search(reply.text) else Verdict.FINAL
