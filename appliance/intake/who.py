"""Who a session's client is, as far as it has said: what MAIL, RCPT and the content's trace field go by."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.accounts import Account
from appliance.intake.limits import Client
from appliance.settings.schema import Device


@dataclass(slots=True)
class Who:
    """`lf`: its lines end with LF alone, None until its first line came; `local` the address that it dialled."""

    client: Client
    peer: str
    local: str
    device: Device
    strict: bool
    lf: bool | None = None
    secure: bool = False
    greeted: bool = False
    extended: bool = False
    helo: str = ""
    account: Account | None = None

    def forget(self) -> None:
        """What is not kept over STARTTLS (RFC 3207 4.2)."""
        self.lf, self.greeted, self.extended, self.helo, self.account = None, False, False, "", None

    def protocol(self, smtputf8: bool) -> str:
        """The word after "with" (RFC 3848, RFC 6531 3.7.3)."""
        if not self.extended:
            return "SMTP"
        return ("UTF8SMTP" if smtputf8 else "ESMTP") + "S" * self.secure + "A" * (self.account is not None)
