"""MAIL and RCPT as lines for a next hop, with the parameters it offers (RFC 5321 4.1.1, RFC 1870, 3461, 6152, 6531).

Pure. A line has no CR or LF inside: mailboxes and xtext cannot hold any. `forward_path` returns None when the next hop
cannot be told the address (RFC 6531 3.5: a local-part is never downgraded, a domain becomes its A-labels).
"""

from __future__ import annotations

import re
from typing import Final

from appliance.core.capabilities import Capabilities
from appliance.core.envelope import Body, Notify, Recipient
from appliance.core.item import QueueItem
from appliance.core.mailbox import Mailbox

_PLAIN: Final = frozenset(range(33, 127)) - {ord("+"), ord("=")}
_TYPE: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_NOTIFY_ORDER: Final = (Notify.NEVER, Notify.SUCCESS, Notify.FAILURE, Notify.DELAY)


def xtext(text: str) -> str:
    """RFC 3461 4."""
    return "".join(chr(octet) if octet in _PLAIN else f"+{octet:02X}" for octet in text.encode())


def ascii_domain(domain: str) -> str | None:
    """In A-labels (RFC 5890), or None when it has none."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def path(mailbox: Mailbox | None, utf8: bool) -> str | None:
    """Without brackets, "" for the null reverse-path; None when it needs SMTPUTF8 and `utf8` is false."""
    if mailbox is None:
        return ""
    found = mailbox.domain if utf8 else ascii_domain(mailbox.domain)
    if found is None or not (utf8 or mailbox.local.isascii()):
        return None
    domain = "[IPv6:" + found[6:] if found.startswith("[ipv6:") else found
    return f"{mailbox.local}@{domain}" if domain else mailbox.local


def mail_line(item: QueueItem, reverse: str, capable: Capabilities, size_bytes: int, body: Body, utf8: bool) -> bytes:
    """MAIL FROM with every parameter that fits; `body` is what the content is after conversion."""
    words = [f"MAIL FROM:<{reverse}>"]
    if capable.size:
        words.append(f"SIZE={size_bytes}")
    if capable.eight_bit and body is not Body.SEVEN_BIT:
        words.append(f"BODY={Body.EIGHT_BIT}")
    if utf8:
        words.append("SMTPUTF8")
    if capable.dsn:
        if item.ret is not None:
            words.append(f"RET={item.ret}")
        if item.envid:
            words.append(f"ENVID={xtext(item.envid)}")
    return (" ".join(words) + "\r\n").encode()


def rcpt_line(recipient: Recipient, forward: str, capable: Capabilities) -> bytes:
    """RCPT TO; NOTIFY and ORCPT as the client gave them (RFC 3461 5.2.1)."""
    words = [f"RCPT TO:<{forward}>"]
    if capable.dsn:
        if recipient.notify:
            words.append("NOTIFY=" + ",".join(word for word in _NOTIFY_ORDER if word in recipient.notify))
        kind, _, address = recipient.original.partition(";")
        if address and _TYPE.fullmatch(kind):
            words.append(f"ORCPT={kind};{xtext(address)}")
    return (" ".join(words) + "\r\n").encode()
