"""Queue items and contents for the tests of delivery."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from appliance.core.envelope import Arrival, Body, Envelope, Recipient, Ret
from appliance.core.item import QueueItem
from appliance.core.mailbox import Mailbox
from appliance.ports import Hop, Host, TlsPolicy
from appliance.settings.schema import Box, Delivery, Domain, Relay, Settings

CONTENT = b"From: a@x.example\r\nSubject: hello\r\n\r\nfirst\r\n.second\r\n"


class TextContent:
    """A content in memory, in pieces of `piece` octets."""

    def __init__(self, octets: bytes = CONTENT, piece: int = 65536) -> None:
        self.octets, self.piece = octets, piece
        self.size_bytes = len(octets)

    async def chunks(self, offset: int = 0) -> AsyncIterator[bytes]:
        for at in range(offset, len(self.octets), self.piece):
            yield self.octets[at : at + self.piece]


def item(
    to: Sequence[str | Recipient] = ("b@y.example",),
    *,
    sender: str | None = "a@x.example",
    body: Body = Body.SEVEN_BIT,
    smtputf8: bool = False,
    ret: Ret | None = None,
    envid: str = "",
) -> QueueItem:
    recipients = tuple(each if isinstance(each, Recipient) else Recipient(Mailbox(*each.rsplit("@", 1))) for each in to)
    reverse = None if sender is None else Mailbox(*sender.rsplit("@", 1))
    envelope = Envelope(reverse, recipients, body, smtputf8, ret, envid)
    return QueueItem.new("Q1", envelope, Arrival(0.0), 100)


def settings(
    *,
    mail_name: str = "box.x.example",
    port: int = 25,
    timeout_factor: float = 0.01,
    idle_s: float = 5.0,
    in_a_row: int = 5,
    tls: str = "opportunistic",
    relay: tuple[Relay, ...] = (),
    **delivery: object,
) -> Settings:
    return Settings(
        box=Box(mail_name=mail_name),
        domain=(Domain(messages_in_a_row=in_a_row),),
        relay=relay,
        delivery=Delivery(
            lab_port=port,
            lab_networks=("127.0.0.0/8", "::1"),
            lab_timeout_factor=timeout_factor,
            idle_s=idle_s,
            tls=tls,
            **delivery,  # type: ignore[arg-type]
        ),
    )


def hop(*places: tuple[str, int], tls: TlsPolicy | None = None, **more: str) -> Hop:
    hosts = tuple(Host(f"mx{at}.y.example", port, (address,)) for at, (address, port) in enumerate(places))
    return Hop("y.example", hosts, tls or TlsPolicy(), **more)
