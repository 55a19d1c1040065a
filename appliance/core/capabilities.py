"""What a next hop can do, by its answer to EHLO (RFC 5321 4.1.1.1). Pure; a malformed line is as if it were absent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

RECIPIENTS_MAX: Final = 100  # in one transaction, unless LIMITS says less (RFC 5321 4.5.3.1.8)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`size_bytes` 0 = no limit told; `mails_max` 0 = no limit on transactions (RFC 9422)."""

    esmtp: bool = False
    size: bool = False
    size_bytes: int = 0
    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    dsn: bool = False
    chunking: bool = False
    starttls: bool = False
    auth: frozenset[str] = frozenset()
    recipients_max: int = RECIPIENTS_MAX
    mails_max: int = 0

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Self:
        """From the lines after the first one of a 250 to EHLO."""
        words: dict[str, list[str]] = {}
        for line in lines:
            keyword, *parameters = line.replace("AUTH=", "AUTH ").split()[:40] or [""]
            words.setdefault(keyword.upper(), []).extend(parameters)
        limits = dict(word.upper().partition("=")[::2] for word in words.get("LIMITS", []))
        return cls(
            esmtp=True,
            size="SIZE" in words,
            size_bytes=_number(next(iter(words.get("SIZE", [])), "")),
            pipelining="PIPELINING" in words,
            eight_bit="8BITMIME" in words,
            utf8="SMTPUTF8" in words and "8BITMIME" in words,
            dsn="DSN" in words,
            chunking="CHUNKING" in words,
            starttls="STARTTLS" in words,
            auth=frozenset(word.upper() for word in words.get("AUTH", [])),
            recipients_max=min(_number(limits.get("RCPTMAX", "")) or RECIPIENTS_MAX, RECIPIENTS_MAX),
            mails_max=_number(limits.get("MAILMAX", "")),
        )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
