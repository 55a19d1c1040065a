"""The banner: what everybody sees who plugs in, before the login: so no mailbox and no secret. It says what is dead,
too."""

from __future__ import annotations

from typing import Any

from appliance import __version__
from appliance.console.call import Box, Dead
from appliance.console.show import waiting
from appliance.console.wording import when
from appliance.core.lamps import lamps
from appliance.core.reply import printable
from appliance.core.status import Status
from appliance.ports import Refused
from appliance.settings.schema import Settings

BANNER_S = 3.0


def banner(box: Box) -> list[str]:
    """The lines; never raises."""
    try:
        status = dict(box.relay("status", timeout_s=BANNER_S))
        lines = _alive(status)
    except (Dead, Refused, TypeError, ValueError) as trouble:
        status = {}
        lines = [f"Outbox {__version__}", "The relay is dead: no mail is accepted now. It is started again by itself."]
        lines.append(f"  {trouble}")
    lines += _settings(box, status)
    return [
        printable(line, 200)
        for line in [*lines, 'Type "?" for help, "menu" for a menu, "wizard" for the first set-up.']
    ]


def _alive(status: dict[str, Any]) -> list[str]:
    names = dict.fromkeys(str(name) for name in (status.get("mail_name"), status.get("host_name")) if name)
    takes = "Accepting mail." if status.get("accepting") else f"Refusing mail: {lamps(Status.of(status)).system.name}."
    known = "" if status.get("clock_known") else " (not known to be right)"
    lines = [
        f"Outbox {status.get('version', __version__)}  {'  '.join(names)}",
        f"{takes} Queue: {waiting(status)}. Bounces to read: {status.get('bounces', 0)}.",
        f"Clock: {when(status.get('now'))}{known}",
    ]
    if addresses := status.get("addresses"):
        lines.insert(1, "Addresses: " + ", ".join(str(each) for each in addresses))
    if fingerprint := str(status.get("tls_fingerprint") or ""):
        lines += ["TLS fingerprint (SHA-256):", f"  {fingerprint[:48]}", f"  {fingerprint[48:]}"]
    return lines


def _settings(box: Box, status: dict[str, Any]) -> list[str]:
    try:
        found = box.settings("running")
    except (Dead, Refused, KeyError, TypeError) as trouble:
        return ["The steward is dead: settings cannot be changed now.", f"  {trouble}"]
    if not isinstance(found, Settings):
        return ["The settings are broken, so the relay stays down:", *(f"  {each}" for each in found[:5])]
    return [*_page(found, status), *_asked(box)]


def _asked(box: Box) -> list[str]:
    """What the button asked for and only the console can ask about."""
    try:
        asked = box.steward("factory-reset.asked", timeout_s=BANNER_S).get("asked") is True
    except (Dead, Refused, AttributeError):
        asked = False
    return ['The button asked for a factory reset and mail waits: log in and type "factory-reset".'] if asked else []


def _page(settings: Settings, status: dict[str, Any]) -> list[str]:
    page = settings.page
    if not page.enabled:
        return ["Page: switched off"]
    own = [str(each) for each in status.get("addresses") or () if ":" not in str(each)]
    host = next(iter([page.address] if page.address else own), f"{settings.network.host_name}.local")
    host = f"[{host}]" if ":" in host else host
    places = ((page.port, "http", 80), (page.tls_port, "https", 443))
    urls = [f"{way}://{host}{'' if port == usual else f':{port}'}/" for port, way, usual in places if port]
    return ["Page: " + "  ".join(urls)] if urls else []
