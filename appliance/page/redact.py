"""What a viewer without details may see of the relay's answers: counters and states, no addresses, no subjects.

Lists of names that may pass; whatever is not listed stays out, so that a field which the relay learns later is not
shown by accident. Remote words are left out too: servers repeat addresses in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance.core.access import address_of

MESSAGE: Final = ("id", "phase", "device", "size", "arrived_at", "next_attempt_s", "recipients_total", "outcome", "at")
RECIPIENT: Final = ("state", "direct_attempts", "relay_attempts", "at", "cure")
ATTEMPT: Final = ("at", "outcome")
DEVICE: Final = ("name", "seen_at", "messages", "delivered", "bounced", "waiting", "refused", "repairs")
BOUNCE: Final = ("id", "at", "cure")
STATUS: Final = (
    *("version", "accepting", "fault", "queue", "oldest_at", "next_attempt_at", "bounces", "accepted", "delivered"),
    *("failed", "started_at", "now", "clock_known", "link", "port25", "temperature_c", "tls_fingerprint"),
    *("tls_ends_at", "alarm_age_s", "updating", "spool"),
)


def rows(value: Any) -> list[Mapping[str, Any]]:
    """The rows of what should be a list of them."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _only(data: Mapping[str, Any], names: Any) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}


def message(data: Mapping[str, Any]) -> dict[str, Any]:
    """Also a history entry or a queue item."""
    kept = _only(data, MESSAGE)
    if data.get("held"):
        kept["held"] = "held"
    if data.get("client") == "":
        kept["client"] = ""  # the box itself
    if "recipients" in data:
        kept["recipients"] = [_recipient(each) for each in rows(data["recipients"])]
    return kept


def _recipient(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = _only(data, RECIPIENT)
    if data.get("reply"):
        kept["reply"] = str(data["reply"])[:3]  # the code alone
    if "attempts" in data:
        kept["attempts"] = [_only(each, ATTEMPT) for each in rows(data["attempts"])]
    return kept


def bounce(data: Mapping[str, Any]) -> dict[str, Any]:
    kept, device = _only(data, BOUNCE), str(data.get("device") or "")
    return kept | {"device": device} if address_of(device) is None else kept  # a name that was given, no address


def device(data: Mapping[str, Any]) -> dict[str, Any]:
    return _only(data, DEVICE)


def status(data: Mapping[str, Any]) -> dict[str, Any]:
    dns = data.get("dns")
    kept = _only(data, STATUS)
    return kept | {"dns": {"ok": dns.get("ok")}} if isinstance(dns, Mapping) else kept


def whole(data: Any) -> Any:
    """For what has neither addresses nor subjects."""
    return data
