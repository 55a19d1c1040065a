"""How an expected file of a scenario is compared: plain text in which `*` stands for what varies.

`matches` compares one line; `lines_match` a text, where a line `*` alone stands for any number of lines. Expected mail
(`expected*.eml`) and reports (`expected*.dsn`) have sections, each opened by `--- NAME`: the head (server, MAIL, RCPT),
then `content`, or for a report `fields`, `text` and `returned`. Nothing here knows sockets or processes.
"""

from __future__ import annotations

import email
import re
from email.message import Message
from pathlib import Path

from appliance.pretend.mailserver import Received


def pattern(text: str) -> str:
    """`text` as a regular expression; `*` is anything, `{name}` a word to remember."""
    parts = re.split(r"(\*|\{[a-z]+\})", text)
    return "".join(
        "(?s:.*)"
        if part == "*"
        else rf"(?P<{part[1:-1]}>\S+)"
        if re.fullmatch(r"\{[a-z]+\}", part)
        else re.escape(part)
        for part in parts
    )


def matches(expected: str, line: str) -> bool:
    return re.fullmatch(pattern(expected), line) is not None


def lines_match(expected: list[str], got: list[str]) -> bool:
    whole = "".join(
        "(?:[^\n]*\n)*" if line == "*" else pattern(line).replace("(?s:.*)", "[^\n]*") + "\n" for line in expected
    )
    return re.fullmatch(whole, "".join(line + "\n" for line in got)) is not None


def sections(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"head": []}
    name = "head"
    for line in path.read_text().splitlines():
        if line.startswith("--- "):
            name = line[4:].strip()
            found[name] = []
        else:
            found[name].append(line)
    return found


def head(server: str, received: Received) -> list[str]:
    """The server, then MAIL and RCPT as they came."""
    rows = zip(received.recipients, received.recipient_parameters, strict=True)
    return [
        f"{server}{' TLS' if received.tls else ''}{' as ' + received.login if received.login else ''}",
        f"MAIL FROM:<{received.reverse_path}> {received.parameters}".rstrip(),
        *(f"RCPT TO:<{mailbox}> {parameters}".rstrip() for mailbox, parameters in rows),
    ]


def content_lines(received: Received) -> list[str]:
    return received.content.decode("utf-8", "surrogateescape").removesuffix("\r\n").split("\r\n")


def mail_matches(expected: dict[str, list[str]], server: str, received: Received) -> bool:
    """Whether `received` is what an expected.eml or expected.dsn describes."""
    if not lines_match(expected["head"], head(server, received)):
        return False
    if "content" in expected:
        return lines_match(expected["content"], content_lines(received))
    return report_matches(expected, email.message_from_bytes(received.content))


def report_matches(expected: dict[str, list[str]], message: Message) -> bool:
    """A DSN: multipart/report of readable text, delivery-status, returned content (RFC 3464 2, RFC 6522 3)."""
    parts = message.get_payload()
    if message.get_content_type() != "multipart/report" or not isinstance(parts, list) or len(parts) != 3:
        return False
    text, status, returned = parts
    assert isinstance(text, Message) and isinstance(status, Message) and isinstance(returned, Message)
    octets = text.get_payload(decode=True)
    words = " ".join(octets.decode().split()) if isinstance(octets, bytes) else ""
    groups = [group.items() for group in status.get_payload() if isinstance(group, Message)]
    fields = [f"{name}: {' '.join(value.split())}" for group in groups for name, value in group]
    return (
        message.get_param("report-type") == "delivery-status"
        and status.get_content_type() in ("message/delivery-status", "message/global-delivery-status")
        and all(any(matches(line, field) for field in fields) for line in expected.get("fields", ()))
        and all(line in words for line in expected.get("text", ()) if line)
        and all(line in returned.as_string() for line in expected.get("returned", ()) if line)
        and message["Auto-Submitted"] == "auto-replied"
    )
