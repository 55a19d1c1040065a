"""MAIL and RCPT: one envelope in the making (RFC 5321 3.3; RFC 6409; RFC 7505 4.2).

`begin` answers MAIL with a Transaction or the refusal, `add` answers RCPT. A refusal is the reply's text, 4yz
whenever the trouble is ours or passes. Nothing raises.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import Final

from appliance.core.envelope import Envelope, Recipient
from appliance.core.lines import ChunkReader
from appliance.core.mailbox import Mailbox, literal_address, parse
from appliance.core.reply import Reply
from appliance.intake.desk import Desk, literal
from appliance.intake.reception import Reception
from appliance.intake.syntax import Argument, MailParameters, argument, mail_parameters, rcpt_parameters
from appliance.intake.who import Who
from appliance.ports import Draft

FORGIVEN_MAX: Final = 30  # notes kept of one message's commands
NULL_MX_WAIT_S: Final = 5.0
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Transaction:
    """`reception` is there once content comes in chunks."""

    draft: Draft
    envelope: Envelope
    recipients: list[Recipient] = field(default_factory=list)
    known: set[Mailbox] = field(default_factory=set)
    forgiven: list[str] = field(default_factory=list)
    reception: Reception | None = None
    chunks: ChunkReader = field(default_factory=ChunkReader)
    failed: bool = False  # a chunk was refused: only RSET helps (RFC 3030 2)

    @property
    def complete(self) -> Envelope:
        return replace(self.envelope, recipients=tuple(self.recipients))


async def begin(desk: Desk, who: Who, text: str) -> Transaction | str:
    given = argument(text, "FROM", who.strict)
    if isinstance(given, str):
        return given
    parameters = mail_parameters(given, who.strict)
    if isinstance(parameters, str):
        return parameters
    if parameters.size > desk.settings.intake.message_max_bytes:
        return "552 5.3.4 Message is larger than this box accepts"
    sender = _sender(desk, who, given, parameters)
    if isinstance(sender, str):
        return sender
    refusal = await _may_use(desk, who, sender)
    if refusal:
        return refusal
    if not who.client.may_send(desk.clock.monotonic(), desk.settings.intake):
        return "451 4.7.1 Too many messages a minute from you; try again later"
    draft = desk.spool.draft(desk.next_id(), parameters.size)
    if isinstance(draft, Reply):
        return str(draft)
    envelope = Envelope(sender, (), parameters.body, parameters.smtputf8, parameters.ret, parameters.envid)
    return Transaction(draft, envelope, forgiven=given.forgiven)


def _sender(desk: Desk, who: Who, given: Argument, parameters: MailParameters) -> Mailbox | str | None:
    forced = who.device.force_from or who.device.rewrite_sender
    if forced and (mailbox := parse(forced)):
        if str(mailbox) != given.path:
            given.forgiven.append(f"replaced sender by {mailbox}")
        return mailbox
    if not given.path:
        return None
    found = parse(given.path)
    if not who.strict and (found is None or not found.qualified):
        found = _completed(desk, who, given, found)
    if found is None:
        return "501 5.1.7 Malformed sender address"
    if not found.qualified:
        return "553 5.1.8 Sender's domain is not fully qualified"
    if not found.ascii and not parameters.smtputf8:
        return "553 5.6.7 Address needs SMTPUTF8"
    return found


def _completed(desk: Desk, who: Who, given: Argument, found: Mailbox | None) -> Mailbox | None:
    """A sender without a full domain, at the box's own name."""
    name = desk.settings.box.mail_name or literal(who.local)
    local = found.local if found else given.path.rstrip("@")
    completed = parse(f"{local}@{name}") if "@" not in local else None
    if completed:
        given.forgiven.append("completed the sender's domain")
    return completed


async def _may_use(desk: Desk, who: Who, sender: Mailbox | None) -> str:
    if sender is None:
        return ""
    limits = desk.settings.intake
    domain = sender.domain
    if limits.sender_domains and domain not in limits.sender_domains:
        return f"550 5.7.1 Senders at {domain} may not use this box"
    senders = who.account.senders if who.account else ()
    if senders and not {str(sender).lower(), domain, "@" + domain} & set(senders):
        return "550 5.7.1 This account may not send as that address"
    if desk.null_mx is None or not limits.refuse_null_mx_senders or domain.startswith("["):
        return ""
    try:
        async with asyncio.timeout(NULL_MX_WAIT_S):
            null = await desk.null_mx(domain)
    except TimeoutError:
        return ""
    return f"550 5.7.27 {domain} says that it takes no mail: answers would be lost" if null else ""


def add(desk: Desk, who: Who, transaction: Transaction, text: str) -> str:
    """The reply to RCPT."""
    given = argument(text, "TO", who.strict)
    if isinstance(given, str):
        return given
    parameters = rcpt_parameters(given, who.strict)
    if isinstance(parameters, str):
        return parameters
    if who.account is None and not desk.allows(who.peer):
        return "550 5.7.1 Relaying denied: your address is not on this box's access list"
    if len(transaction.recipients) >= desk.settings.intake.recipients_max:
        return "452 4.5.3 Too many recipients"
    mailbox = _recipient(desk, who, given)
    if isinstance(mailbox, str):
        return mailbox
    if not mailbox.ascii and not transaction.envelope.smtputf8:
        return "553 5.6.7 Address needs SMTPUTF8"
    if mailbox not in transaction.known:
        if not who.client.may_address(desk.clock.monotonic(), desk.settings.intake):
            return "451 4.7.1 Too many recipients a minute from you; try again later"
        notify, original = parameters
        transaction.known.add(mailbox)
        transaction.recipients.append(Recipient(mailbox, notify, original))
    if len(transaction.forgiven) < FORGIVEN_MAX:
        transaction.forgiven += given.forgiven
    return "250 2.1.5 Recipient ok"


def _recipient(desk: Desk, who: Who, given: Argument) -> Mailbox | str:
    found = parse(given.path)
    if found is not None and found.qualified:
        if literal_address(found.domain) in desk.own:
            return "550 5.1.2 That address is this box itself, which keeps no mailboxes"
        return found
    if found is not None and not found.domain:
        owner = parse(desk.settings.box.owner)
        return owner or "550 5.1.1 Nobody reads postmaster's mail here yet: box.owner is not set"
    default = parse(who.device.default_recipient)
    if default is not None:
        given.forgiven.append(f"sent to the default recipient {default}")
        return default
    if found is None:
        return "501 5.1.3 Malformed recipient address"
    return "550 5.1.2 Recipient's domain is not fully qualified"
