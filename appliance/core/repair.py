"""What a message gets mended on its way in: the header fields that devices forget, double or may not send on.

`mend` takes the fields of a header and the facts about the message and returns the header to send on, the repairs in
words ("added Date"), and the Reply that refuses the message instead where it cannot be mended. Everything else keeps
its octets and order (RFC 5321 4.4, 6.4; RFC 5322 3.6; RFC 6409 8). Pure; nothing raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from appliance.core.eight_bit import ascii_field, readable
from appliance.core.header import LINE_MAX, Field, fold
from appliance.core.reply import Reply, printable

ONCE: Final = frozenset(
    (
        "date",
        "from",
        "sender",
        "reply-to",
        "subject",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    )
)
HIDDEN: Final = frozenset(("bcc", "resent-bcc"))
LOOP: Final = Reply(554, "5.4.6", "mail loop: this message has come by too often")
UNICODE_ADDRESS: Final = Reply(550, "5.6.9", "addresses with such letters in the header need SMTPUTF8")
_TITLES: Final = {"message-id": "Message-ID", "mime-version": "MIME-Version"}


@dataclass(frozen=True, slots=True)
class Facts:
    """`received` is our own field, ready made; `mark` the words in it by which we know our own; `recipients` in lower
    case; `date` and `message_id` what is added when missing; `sender` the reverse-path for a missing From;
    `quoted_printable`: the body was re-encoded; `eight_bit`: it has octets over 127 as it leaves."""

    received: bytes
    mark: bytes
    date: str
    message_id: str
    sender: str
    recipients: tuple[str, ...] = ()
    hops_max: int = 100
    force_from: str = ""
    smtputf8: bool = False
    eight_bit: bool = False
    declared: bool = True
    quoted_printable: bool = False
    charset: str = "utf-8"


@dataclass(slots=True)
class Mended:
    """`header` ends with the CRLF of its last field."""

    header: bytes = b""
    repairs: list[str] = field(default_factory=list)
    subject: str = ""
    message_id: str = ""
    refusal: Reply | None = None


def mend(fields: list[Field], facts: Facts) -> Mended:
    done = Mended()
    if loops(fields, facts):
        done.refusal = LOOP
        return done
    kept = _lawful(_once(fields, facts, done), facts, done)
    if facts.force_from:
        kept = _force_from(kept, facts.force_from, done)
    kept = _mime(kept, facts, done)
    kept += _missing(kept, facts, done)
    for each in kept:
        if each.name == "subject":
            done.subject = printable(readable(each.value), 200)
        elif each.name == "message-id":
            done.message_id = printable(each.value, 200)
    done.header = facts.received + b"".join([each.raw for each in kept])
    return done


def loops(fields: list[Field], facts: Facts) -> bool:
    """Too many hops (RFC 5321 6.3), or through ourselves: for the same recipient again, or three times. A message that
    once left through us and comes back for another recipient was forwarded lawfully."""
    trace = [each.raw for each in fields if each.name == "received"]
    if len(trace) > facts.hops_max:
        return True
    own = [raw for raw in trace if facts.mark in raw]
    if len(own) >= 3:
        return True
    seen = b" ".join(own).lower()
    return any(f"for <{each}>".encode() in seen for each in facts.recipients)


def _once(fields: list[Field], facts: Facts, done: Mended) -> list[Field]:
    kept: list[Field] = []
    seen: set[str] = set()
    for each in fields:
        if each.name in HIDDEN:
            _note(done, "removed Bcc")
        elif each.name in ONCE and each.name in seen:
            _note(done, f"removed second {_title(each.name)}")
        elif each.name == "message-id" and not (each.raw.isascii() or facts.smtputf8):
            _note(done, "removed 8-bit Message-ID")
        elif each.name in ("from", "date", "message-id") and not each.value:
            _note(done, f"removed empty {_title(each.name)}")
        else:
            seen.add(each.name)
            kept.append(each)
    return kept


def _lawful(fields: list[Field], facts: Facts, done: Mended) -> list[Field]:
    kept = []
    for each in fields:
        raw = each.raw
        if not facts.smtputf8 and not raw.isascii():
            encoded = ascii_field(raw)
            if encoded is None:
                done.refusal = UNICODE_ADDRESS
                return fields
            raw = encoded
            _note(done, f"encoded 8-bit {_title(each.name)}")
        if len(raw) > LINE_MAX and max(map(len, raw.split(b"\r\n"))) > LINE_MAX:
            raw = fold(raw)
            _note(done, f"folded long {_title(each.name)}")
        kept.append(each if raw is each.raw else Field(each.name, raw))
    return kept


def _force_from(fields: list[Field], mailbox: str, done: Mended) -> list[Field]:
    old = next((each for each in fields if each.name == "from"), None)
    if old is not None and mailbox.lower() in old.value.lower():
        return fields
    kept = [each for each in fields if each.name not in ("from", "sender")]
    kept.append(_made("From", f"<{mailbox}>"))
    _note(done, f"replaced From by {mailbox}")
    if old is not None and not any(each.name == "reply-to" for each in fields):
        kept.append(Field("reply-to", b"Reply-To:" + old.raw.partition(b":")[2]))
        _note(done, "kept the old From as Reply-To")
    return kept


def _mime(fields: list[Field], facts: Facts, done: Mended) -> list[Field]:
    names = {each.name for each in fields}
    add: list[Field] = []
    if facts.quoted_printable:
        fields = [each for each in fields if each.name != "content-transfer-encoding"]
        add.append(_made("Content-Transfer-Encoding", "quoted-printable"))
        _note(done, "re-encoded long lines as quoted-printable")
    elif facts.eight_bit and not facts.declared:
        if "content-type" not in names or re_encodable(fields):
            fields = [each for each in fields if each.name != "content-transfer-encoding"]
            add.append(_made("Content-Transfer-Encoding", "8bit"))
        _note(done, "declared 8-bit content")
    if add and "content-type" not in names:
        add.append(_made("Content-Type", f"text/plain; charset={facts.charset}"))
    if "mime-version" not in names:
        add.append(_made("MIME-Version", "1.0"))
        _note(done, "added MIME-Version")
    return fields + add


def re_encodable(fields: list[Field]) -> bool:
    """Whether the body is one text that may be encoded anew: a single part of text, sent as 7bit or 8bit."""
    for each in fields:
        value = each.value.lower()
        if each.name == "content-type" and not value.startswith("text"):
            return False
        if each.name == "content-transfer-encoding" and value not in ("", "7bit", "8bit"):
            return False
    return True


def _missing(fields: list[Field], facts: Facts, done: Mended) -> list[Field]:
    names = {each.name for each in fields}
    add = []
    for name, value in (("Date", facts.date), ("From", f"<{facts.sender}>"), ("Message-ID", facts.message_id)):
        if name.lower() not in names:
            add.append(_made(name, value))
            _note(done, f"added {name}")
    return add


def _made(name: str, value: str) -> Field:
    return Field(name.lower(), f"{name}: {value}\r\n".encode())


def _title(name: str) -> str:
    return _TITLES.get(name) or name.title()


def _note(done: Mended, repair: str) -> None:
    if repair not in done.repairs and len(done.repairs) < 30:
        done.repairs.append(printable(repair, 100))
