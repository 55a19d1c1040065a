"""An SMTP reply as a value: what a peer said, or what we would have said in its place.

Every outcome of handing over mail is a `Reply`: a refused connection, a DNS failure and a "550 no such user"
have the same shape, so the log, the queue listing and the bounce agree (RFC 5321 4.2, RFC 3463).
Text from outside is made printable and is cut at TEXT_MAX characters when a Reply is built, so a Reply is safe to
show, log and store. Construction raises ValueError on a code outside 200-599: that is our bug, not the peer's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

TEXT_MAX = 512  # characters kept of a reply's text
GIVEN_UP = "given up; the last answer was: "  # before a host's own words, see `Reply.said`

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?= |$)")


def printable(text: str, limit: int = TEXT_MAX) -> str:
    """`text` with everything that is not printable shown as `?`, cut at `limit` characters."""
    if len(text) <= limit and text.isprintable():
        return text
    cut = text[: limit + 1]
    clean = "".join(c if c.isprintable() else " " if c in "\t\r\n" else "?" for c in cut)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


@dataclass(frozen=True, slots=True)
class Reply:
    """`code` 200-599; `enhanced` like "5.1.1" or "" when the peer gave none; `text` printable, one line;
    `host` is who said it ("mx.y.example[192.0.2.9]"), "" when the box itself decided. `dsn`: the host
    offers DSN, so it took over the duty to report success (RFC 3461 5.2.1)."""

    code: int
    enhanced: str
    text: str
    host: str = ""
    dsn: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599:
            raise ValueError(f"not a reply code: {self.code}")
        object.__setattr__(self, "text", printable(self.text))
        object.__setattr__(self, "host", printable(self.host, 300))

    @classmethod
    def of(cls, line: str, host: str = "") -> Self:
        """From one line, "550 5.1.1 no such user"; the enhanced code is optional."""
        return cls.from_wire(int(line[:3]), line[4:], host)

    @classmethod
    def from_wire(cls, code: int, text: str, host: str = "") -> Self:
        """From a parsed remote reply; an enhanced code whose class contradicts `code` is left in the text
        (RFC 2034 section 3)."""
        found = _ENHANCED.match(text)
        if found and int(found[1]) == code // 100:
            return cls(code, found[0], text[found.end() :].lstrip(), host)
        return cls(code, "", text, host)

    @property
    def positive(self) -> bool:
        return self.code < 400

    @property
    def transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def status(self) -> str:
        """The enhanced code, or the least specific one of the same class (RFC 3463 2: X.0.0)."""
        return self.enhanced or f"{self.code // 100 if self.code >= 400 else 2}.0.0"

    @property
    def said(self) -> str:
        """What the host itself said, also where the box has given up since."""
        return f"{self.code} {self.text.removeprefix(GIVEN_UP)}" if self.text.startswith(GIVEN_UP) else str(self)

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)
