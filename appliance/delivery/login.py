"""AUTH at a relay: PLAIN, LOGIN, CRAM-MD5 (RFC 4954, RFC 4616, RFC 2195).

`choose` names the mechanism, or the Reply that says why there is none: a password never goes over a line that is not
encrypted unless the setting says that the relay has no TLS.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

from appliance.core.capabilities import Capabilities
from appliance.core.reply import Reply
from appliance.core.smtp_reply import RemoteReply
from appliance.delivery.wire import Wire
from appliance.ports import Hop

MECHANISMS: Final = ("PLAIN", "LOGIN", "CRAM-MD5")


def choose(hop: Hop, capable: Capabilities, encrypted: bool) -> str | Reply:
    """The mechanism for this connection."""
    wanted = (hop.auth.upper(),) if hop.auth else MECHANISMS
    offered = [each for each in wanted if each in capable.auth]
    if not encrypted and hop.tls.mode != "none":
        offered = [each for each in offered if each == "CRAM-MD5"]
    if offered:
        return offered[0]
    if wanted and any(each in capable.auth for each in wanted):
        return Reply(454, "4.7.0", f"{hop.name} offers no TLS and the password is not sent without it")
    return Reply(454, "4.7.0", f"{hop.name} does not offer the login that is set")


async def log_in(wire: Wire, mechanism: str, user: str, password: str, wait_s: float) -> RemoteReply:
    """The last answer of the dialogue. Raises Lost."""
    match mechanism:
        case "PLAIN":
            return await _ask(wire, "AUTH PLAIN " + _encode(f"\0{user}\0{password}".encode()), wait_s)
        case "LOGIN":
            answer = await _ask(wire, "AUTH LOGIN", wait_s)
            for secret in (user, password):
                if answer.code != 334:
                    break
                answer = await _ask(wire, _encode(secret.encode()), wait_s)
            return answer
        case _:
            answer = await _ask(wire, "AUTH CRAM-MD5", wait_s)
            if answer.code != 334:
                return answer
            try:
                challenge = base64.b64decode(answer.lines[0].encode(), validate=True)
            except (binascii.Error, ValueError):
                return await _ask(wire, "*", wait_s)
            digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
            return await _ask(wire, _encode(f"{user} {digest}".encode()), wait_s)


async def _ask(wire: Wire, line: str, wait_s: float) -> RemoteReply:
    wire.write(line.encode("ascii") + b"\r\n")
    return await wire.answer(wait_s)


def _encode(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
