"""Mailboxes and domains: local-part @ domain (RFC 5321 4.1.2, 4.1.3; RFC 6531 3.3).

`parse` takes what stands between the angle brackets of MAIL or RCPT, drops a source route (RFC 5321 appendix F.2)
and returns a Mailbox, or None when it is no lawful mailbox. Nothing here raises on bad input. Sizes are octets
(RFC 5321 4.5.3.1): local-part 64, domain 255, whole path 254 without the brackets.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

LOCAL_MAX = 64
DOMAIN_MAX = 255
PATH_MAX = 254

# Everything but these ASCII characters; said the other way round (…\u0080-\U0010ffff) each takes 10 ms to compile.
_ATOM = r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+'
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"(?:[^\x00-\x1f"\\\x7f]|\\[ -~])*"')
_LETTER, _INNER = r"[^\x00-/:-@\[-^`{-\x7f]", r"[^\x00-,./:-@\[-^`{-\x7f]"  # a hyphen stands only inside
_LABEL = rf"(?:{_LETTER}(?:{_INNER}{{0,61}}{_LETTER})?)"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ROUTE = re.compile(rf"@{_LABEL}(?:\.{_LABEL})*(?:,@{_LABEL}(?:\.{_LABEL})*)*:")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """`local` as given (case kept, RFC 5321 2.4), `domain` lower case without a final dot; a literal keeps its
    brackets: "[192.0.2.1]", "[ipv6:2001:db8::1]"."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local

    @property
    def ascii(self) -> bool:
        return self.local.isascii() and self.domain.isascii()

    @property
    def qualified(self) -> bool:
        """Whether the domain is a literal or has at least two labels (RFC 5321 2.3.5)."""
        return self.domain.startswith("[") or "." in self.domain


def domain_of(text: str) -> str | None:
    """`text` as a domain in lower case without a final dot, or None when it is not one."""
    if not _DOMAIN.fullmatch(text) or len(text.encode()) > DOMAIN_MAX:
        return None
    return text.rstrip(".").lower()


def literal_address(domain: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in a literal domain such as "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3)."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    inner = domain[1:-1]
    try:
        if inner[:5].lower() == "ipv6:":
            return ipaddress.IPv6Address(inner[5:])
        return ipaddress.IPv4Address(inner)
    except ValueError:
        return None


def parse(path: str) -> Mailbox | None:
    """The mailbox in `path` (no brackets), or None. "postmaster" in any case may stand alone (RFC 5321 4.5.1)."""
    route = _ROUTE.match(path) if path.startswith("@") else None
    if route:
        path = path[route.end() :]
    if len(path.encode("utf-8", "replace")) > PATH_MAX:
        return None
    if path.lower() == "postmaster":
        return Mailbox(path, "")
    quoted = _QUOTED.match(path)
    local, at, domain = (
        (quoted[0], path[quoted.end() : quoted.end() + 1], path[quoted.end() + 1 :])
        if quoted
        else (path.partition("@"))
    )
    if at != "@" or not (quoted or _DOT_STRING.fullmatch(local)) or len(local.encode()) > LOCAL_MAX:
        return None
    if domain.startswith("["):
        return Mailbox(local, domain.lower()) if literal_address(domain) else None
    clean = domain_of(domain)
    return Mailbox(local, clean) if clean else None
