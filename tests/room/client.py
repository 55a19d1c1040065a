"""The transport with what the tests need around it."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.reply import Reply
from appliance.delivery.transport import SmtpTransport
from appliance.ports import Hop
from tests.fakes.clock import FakeClock
from tests.fakes.mx import MailServer
from tests.room.mail import CONTENT, TextContent, hop, item, settings

PLAIN = "OFFER\n"
NO_CHUNKING = "OFFER PIPELINING, SIZE 1000000, 8BITMIME, SMTPUTF8, DSN\n"


class Client:
    """A transport with what the tests need around it."""

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}
        self.transport = self.fresh()

    def fresh(self, **changes: object) -> SmtpTransport:
        self.transport = SmtpTransport(settings(**changes), self.password, FakeClock())  # type: ignore[arg-type]
        return self.transport

    async def password(self, name: str) -> str | None:
        return self.passwords.get(name)

    async def send(
        self, to: Hop | MailServer, recipients: Sequence[str] = ("b@y.example",), octets: bytes = CONTENT
    ) -> list[Reply]:
        where = to if isinstance(to, Hop) else hop((to.host, to.port))
        mail = item(recipients)
        return await self.transport.deliver(where, mail, mail.progress, TextContent(octets))
