"""Reports (DSNs): the message that tells a sender what became of its mail (RFC 3464, 3461, 3462, 3834, 6533).

Pure: facts in, content octets out, CRLF lines. Text that came from outside has been made printable by Reply and
Mailbox; what goes into a field is made safe once more here, so no remote text can start a line of its own. Bounds:
RECIPIENTS_MAX recipients are told in full, the rest are counted; the caller bounds what is returned of the content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from enum import StrEnum
from typing import Final

from appliance.core.cures import cure
from appliance.core.item import Progress, QueueItem
from appliance.core.reply import Reply, printable

RECIPIENTS_MAX: Final = 100
NO_REPLY: Final = Reply.of("451 4.0.0 no attempt was made yet")


class Action(StrEnum):
    """Action field (RFC 3464 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


SUBJECTS: Final = {
    Action.FAILED: "Not delivered",
    Action.DELAYED: "Delayed, still trying",
    Action.DELIVERED: "Delivered",
    Action.RELAYED: "Passed on",
    Action.EXPANDED: "Passed on",
}
OPENINGS: Final = {
    Action.FAILED: "Your message could not be delivered to the following. The box has stopped trying.",
    Action.DELAYED: "Your message has not been delivered yet. The box goes on trying; you need not send it again.",
    Action.DELIVERED: "Your message was handed to the recipient's mail server.",
    Action.RELAYED: "Your message was passed on to a server that sends no further reports.",
    Action.EXPANDED: "Your message was passed on.",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What to say: `action` about `rows` of `item`; `returned` is the header block or the whole content, CRLF lines;
    `whole` says which; `mail_name` in A-labels."""

    item: QueueItem
    action: Action
    rows: Sequence[Progress]
    returned: bytes
    whole: bool
    mail_name: str
    at: float
    to: str
    will_try_until: float = 0.0


def report_id(item: QueueItem, action: Action, rows: Sequence[Progress]) -> str:
    """The queue id of a report follows from its cause, so making it twice after a crash gives the same item."""
    cause = "\0".join([item.queue_id, action, *(str(row.recipient.mailbox) for row in rows)])
    return "R" + hashlib.sha256(cause.encode()).hexdigest()[:15].upper()


def compose(report: Report) -> bytes:
    """The content of the report."""
    boundary = "report-" + hashlib.sha256(report.returned + report.item.queue_id.encode()).hexdigest()[:24]
    lines = [
        f"From: Mail delivery <MAILER-DAEMON@{report.mail_name}>",
        f"To: <{report.to}>",
        f"Subject: {_subject(report)}",
        f"Date: {_date(report.at)}",
        f"Message-ID: <{report_id(report.item, report.action, report.rows)}@{report.mail_name}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        *_references(report.item.arrival.message_id),
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {'7bit' if _text(report).isascii() else '8bit'}",
        "Content-Language: en",
        "",
        *_text(report).splitlines(),
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        *_fields(report),
        f"--{boundary}",
    ]
    eight = eight_bit(report.returned)
    part = _returned_type(report)
    head = f"Content-Type: {part}\r\nContent-Transfer-Encoding: {'8bit' if eight else '7bit'}\r\n\r\n".encode()
    start = ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")
    end = b"" if report.returned.endswith(b"\r\n") else b"\r\n"
    return start + head + report.returned + end + f"--{boundary}--\r\n".encode()


def eight_bit(content: bytes) -> bool:
    """Whether a report needs 8BITMIME to travel."""
    return not content.isascii()


def _returned_type(report: Report) -> str:
    """What is returned; a header block with other letters has types of its own (RFC 6533 4)."""
    plain = header_block(report.returned).isascii()
    if report.whole:
        return "message/rfc822" if plain else "message/global"
    return "text/rfc822-headers" if plain else "message/global-headers"


def _references(message_id: str) -> list[str]:
    lawful = 0 < len(message_id) <= 900 and message_id.isascii() and message_id.isprintable()
    return [f"References: {message_id}"] if lawful else []


def _subject(report: Report) -> str:
    text = f"{SUBJECTS[report.action]}: {report.item.arrival.subject or '(no subject)'}"
    return Header(_safe(text)[:200], "utf-8" if not text.isascii() else "us-ascii", header_name="Subject").encode(
        linesep="\r\n"
    )


def _text(report: Report) -> str:
    lines = ["This is the outgoing mail box of your office.", "", OPENINGS[report.action], ""]
    for row in report.rows[:RECIPIENTS_MAX]:
        reply = row.reply or NO_REPLY
        lines.append(f"  {row.recipient.mailbox}")
        if reply.host:
            lines.append(f"    {reply.host} said: {reply.said}")
        else:
            lines.append(f"    {reply}")
        if report.action in (Action.FAILED, Action.DELAYED):
            lines.append(f"    What to do: {cure(reply)}")
    if (more := len(report.rows) - RECIPIENTS_MAX) > 0:
        lines.append(f"  and {more} more recipients")
    if report.will_try_until:
        lines += ["", f"The box tries until {_date(report.will_try_until)}."]
    item = report.item
    lines += ["", f"Subject: {item.arrival.subject or '(none)'}", f"Handed in: {_date(item.arrival.at)}"]
    lines.append(f"From: {item.arrival.device or item.arrival.client or 'this box'}, number {item.queue_id}")
    return "\n".join(_folded(_safe(line)) for line in lines)


def _folded(line: str) -> str:
    """No line of more than 900 octets (RFC 5322 2.1.1)."""
    return line if len(line.encode()) <= 900 else line.encode()[:900].decode("utf-8", "ignore")


def _fields(report: Report) -> list[str]:
    item = report.item
    lines = [f"Reporting-MTA: dns; {report.mail_name}", f"Arrival-Date: {_date(item.arrival.at)}"]
    if item.envid:
        lines.insert(0, f"Original-Envelope-Id: {_safe(item.envid)}")
    for row in report.rows[:RECIPIENTS_MAX]:
        lines += ["", *_recipient_fields(report, row)]
    plain = (line.encode("ascii", "replace").decode() for line in lines)  # RFC 3464 2: US-ASCII only
    return [*(_folded(line) for line in plain), ""]


def _recipient_fields(report: Report, row: Progress) -> list[str]:
    reply, mailbox = row.reply or NO_REPLY, row.recipient.mailbox
    lines = [f"Original-Recipient: {_address(row.recipient.original)}"] if row.recipient.original else []
    lines.append(f"Final-Recipient: {'rfc822' if mailbox.ascii else 'utf-8'}; {_address(str(mailbox))}")
    lines += [f"Action: {report.action}", f"Status: {_status(reply, report.action)}"]
    if reply.host:
        lines.append(f"Remote-MTA: dns; {_safe(reply.host.partition('[')[0]) or 'unknown'}")
        lines.append(f"Diagnostic-Code: smtp; {_safe(reply.said)}")
    if row.at:
        lines.append(f"Last-Attempt-Date: {_date(row.at)}")
    if report.will_try_until:
        lines.append(f"Will-Retry-Until: {_date(report.will_try_until)}")
    return lines


def _status(reply: Reply, action: Action) -> str:
    """The code that explains the outcome; a failure may have a transient one (RFC 3464 2.3.4)."""
    if action in (Action.DELIVERED, Action.RELAYED):
        return reply.status if reply.status.startswith("2") else "2.0.0"
    return reply.status


def _address(text: str) -> str:
    """In the form that 7-bit fields can carry, whatever the sender's host can take (RFC 6533 section 3)."""
    return "".join(c if " " < c < "\x7f" and c != "\\" else f"\\x{{{ord(c):X}}}" for c in _safe(text))


def _safe(text: str) -> str:
    return printable(text, 1000)


def _date(at: float) -> str:
    try:
        return format_datetime(datetime.fromtimestamp(at, UTC))
    except (ValueError, OverflowError, OSError):
        return format_datetime(datetime.fromtimestamp(0, UTC))


def header_block(content: bytes) -> bytes:
    """The header block of `content` with its empty line; `content` may be only a beginning."""
    end = content.find(b"\r\n\r\n")
    return content if end < 0 else content[: end + 2]
