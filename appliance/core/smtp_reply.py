"""A remote server's replies, read octet by octet as they come (RFC 5321 4.2), within bounds.

`feed` returns the replies that are complete. Hostile input raises BadReply: a line above LINE_MAX, more than LINES_MAX
lines or REPLY_MAX octets in one reply, or a line that is no reply. A line may end in LF alone. Decisions use the code;
the code of the last line counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from appliance.core.reply import Reply

LINE_MAX: Final = 2048
LINES_MAX: Final = 128
REPLY_MAX: Final = 16384
_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3} ")


_GREETING: Final = "greeting: "


def in_greeting(reply: Reply) -> Reply:
    """The reply marked as one that came in place of 220: it is about us, not about a recipient."""
    return Reply(reply.code, reply.enhanced, _GREETING + reply.text, reply.host)


def was_greeting(reply: Reply) -> bool:
    """Whether `in_greeting` made it."""
    return reply.text.startswith(_GREETING)


class BadReply(Exception):
    """The peer does not speak SMTP, or too much of it."""


@dataclass(frozen=True, slots=True)
class RemoteReply:
    """`lines` are the texts without codes, as Latin-1 or UTF-8 text, not yet made printable."""

    code: int
    lines: tuple[str, ...]

    @property
    def positive(self) -> bool:
        return self.code < 300

    def reply(self, host: str) -> Reply:
        """As a value to keep; 2yz and 3yz as they are. An enhanced code repeated on each line is said once."""
        first, *others = self.lines
        found = _ENHANCED.match(first)
        prefix = found[0] if found else ""
        text = " ".join([first, *(line.removeprefix(prefix) if prefix else line for line in others)])
        return Reply.from_wire(self.code, text, host)


class ReplyParser:
    """One for a connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._octets = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is left of an incomplete reply."""
        return not self._buffer and not self._lines

    def feed(self, octets: bytes) -> list[RemoteReply]:
        """The replies that are complete now. Raises BadReply; the connection is of no use then."""
        self._buffer += octets
        complete = []
        at = 0
        while (end := self._buffer.find(b"\n", at)) >= 0:
            reply = self._line(bytes(self._buffer[at:end]).removesuffix(b"\r"))
            at = end + 1
            if reply is not None:
                complete.append(reply)
        del self._buffer[:at]
        if len(self._buffer) > LINE_MAX:
            raise BadReply("a line without end")
        return complete

    def _line(self, line: bytes) -> RemoteReply | None:
        found = _LINE.fullmatch(line)
        if found is None:
            raise BadReply("not an SMTP reply")
        self._octets += len(line)
        if len(line) > LINE_MAX or len(self._lines) >= LINES_MAX or self._octets > REPLY_MAX:
            raise BadReply("a reply without end")
        self._lines.append((found[3] or b"").decode("utf-8", "replace"))
        if found[2] == b"-":
            return None
        reply = RemoteReply(int(found[1]), tuple(self._lines))
        self._lines, self._octets = [], 0
        return reply
