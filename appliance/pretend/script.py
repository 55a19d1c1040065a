"""What a pretend mail server does, as text: one rule a line, the first that fits decides, no rule = all is well.

    GREETING -> 554 5.7.1 go away            a reply; ` | ` between the lines of one
    RCPT no@* -> 550 5.1.1 no such user      a pattern (shell style) for the argument
    DATAEND -> 451 4.3.0 later x2            twice, then the next rule that fits
    CONNECT drop                             close at once; also MAIL drop, DATAEND drop, …
    DATA drop after 100                      close after so many octets of content
    RCPT hang                                never answer;  `drip` one octet a second;  `flood` for ever
    RCPT wait 0.5                            answer late, in seconds
    EHLO cut                                 half a reply, then close
    STARTTLS on                              offer it (needs a TLS context); `inject` = octets behind the 220;
    STARTTLS garbage                         no TLS comes after the 220;  STARTTLS -> 454 not now
    OFFER SIZE 1000, 8BITMIME                the extensions, in place of the usual ones (OFFER alone = none)
    LOGIN user secret                        offer AUTH (PLAIN LOGIN CRAM-MD5) and want it before MAIL

Steps: CONNECT GREETING EHLO HELO STARTTLS AUTH MAIL RCPT DATA DATAEND BDAT RSET NOOP QUIT.
A bad line raises ValueError.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field

STEPS = frozenset(
    [
        "CONNECT",
        "GREETING",
        "EHLO",
        "HELO",
        "STARTTLS",
        "AUTH",
        "MAIL",
        "RCPT",
        "DATA",
        "DATAEND",
        "BDAT",
        "RSET",
        "NOOP",
        "QUIT",
    ]
)
ACTIONS = frozenset({"drop", "hang", "drip", "flood", "wait", "cut"})
OFFERS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "CHUNKING")
_TIMES = re.compile(r"\s+x(\d+)$")


@dataclass(slots=True)
class Rule:
    """`left` None = for ever; `amount` octets of `drop after`, seconds of `wait`."""

    step: str
    pattern: str
    action: str
    reply: str = ""
    amount: float = 0.0
    left: int | None = None


@dataclass(slots=True)
class Script:
    """`starttls` is "", "on", "inject" or "garbage"; `login` (user, password) or None."""

    rules: list[Rule] = field(default_factory=list)
    offers: list[str] = field(default_factory=lambda: list(OFFERS))
    starttls: str = ""
    login: tuple[str, str] | None = None

    @classmethod
    def parse(cls, text: str) -> Script:
        script = cls()
        for line in text.splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                script._add(line)
        return script

    def _add(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        word, rest = word.upper(), rest.strip()
        if word == "OFFER":
            self.offers = [each.strip() for each in rest.split(",") if each.strip()]
        elif word == "LOGIN":
            user, _, password = rest.partition(" ")
            self.login = (user, password)
        elif word == "STARTTLS" and rest in ("on", "inject", "garbage", "off"):
            self.starttls = "" if rest == "off" else rest
        elif word in STEPS:
            self.rules.append(_rule(word, rest, line))
        else:
            raise ValueError(f"no such step: {line}")

    def match(self, step: str, argument: str = "") -> Rule | None:
        """The rule that holds now, counted as used."""
        for rule in self.rules:
            if rule.step != step or rule.left == 0 or not fnmatch.fnmatch(argument.lower(), rule.pattern.lower()):
                continue
            if rule.left is not None:
                rule.left -= 1
            return rule
        return None


def _rule(step: str, rest: str, line: str) -> Rule:
    times = _TIMES.search(" " + rest)
    left = int(times[1]) if times else None
    rest = _TIMES.sub("", " " + rest).strip()
    if "->" in rest:
        pattern, _, reply = rest.partition("->")
        lines = [each.strip() for each in reply.split(" | ")]
        if not all(re.match(r"[2-5]\d\d", each) for each in lines):
            raise ValueError(f"no reply: {line}")
        wire = [f"{each[:3]}{'-' if each is not lines[-1] else ' '}{each[4:]}" for each in lines]
        return Rule(step, pattern.strip() or "*", "reply", "\r\n".join(wire) + "\r\n", left=left)
    words = rest.split()
    pattern = "*" if not words or words[0] in ACTIONS else words.pop(0)
    if not words or words[0] not in ACTIONS:
        raise ValueError(f"no such action: {line}")
    amount = float(words[-1]) if len(words) > 1 else 0.0
    return Rule(step, pattern, words[0], amount=amount, left=left)
