"""Who is let in: one request's name of the box, network, cookie, form; knows nothing of Flask.

`refusal` is asked first and for everything, `wrong_form` for whatever changes something. Viewers without a session are
guests; the plain port never sees a cookie, so nobody is logged in there.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Final

from appliance.page.guard import Hosts, Networks, Tokens, same_origin
from appliance.page.sessions import Sessions, new_name
from appliance.page.views import Viewer
from appliance.settings.schema import Settings

COOKIE: Final = "__Host-outbox"
NO_NAME: Final = "This is not one of the box's names. Use its address or NAME.local; page.host_names allows more."
ALWAYS: Final = ("/healthz", "/readyz")


class Admission:
    """`own` gives the box's addresses."""

    def __init__(self, settings: Settings, own: Callable[[], Iterable[str]], monotonic: Callable[[], float]) -> None:
        page = settings.page
        self._details = page.anonymous_details
        self._hosts, self._networks = Hosts(settings, own, monotonic), Networks(page.networks)
        self._special = {"/metrics": Networks(page.metrics_networks), "/api": Networks(page.api_networks)}
        self._sessions, self._tokens = Sessions(page.session_s, monotonic), Tokens(secrets.token_bytes(32))

    def refusal(self, host: str, path: str, client: str) -> tuple[int, str] | None:
        """Code and words for who may not see this at all."""
        if not self._hosts.has(host):
            return 421, NO_NAME
        for place, networks in self._special.items():
            if path == place or path.startswith(place + "/"):
                return None if networks.has(client) else (403, "This network may not see this.")
        return None if path in ALWAYS or self._networks.has(client) else (403, "This network may not see this.")

    def viewer(self, cookie: str, secure: bool, touch: bool) -> Viewer:
        """`touch`: a person did something, so the session's silence ends."""
        known = bool(cookie) and secure and self._sessions.alive(cookie, touch)
        return Viewer(known or self._details, known, self._tokens.of(cookie) if cookie else "", secure)

    def wrong_form(self, viewer: Viewer, path: str, origin: str, host: str, cookie: str, token: str) -> tuple[str, str]:
        """Title and words of what is wrong with a form, ("", "") when it is right: over TLS, from a page of ours, with
        the token of its cookie, and from somebody logged in, but for the login itself."""
        if not viewer.secure:
            return "Not here", "Nothing is changed over an unencrypted connection: log in first."
        if not same_origin(origin, "https", host):
            return "Refused", "This form was not sent by a page of this box."
        if not self._tokens.right(cookie, token):
            return "Refused", "This form is too old: go back, reload the page, try again."
        if path != "/login" and not viewer.actions:
            return "Not logged in", "The login has ended: log in again."
        return "", ""

    def guest(self, cookie: str, viewer: Viewer) -> tuple[str, Viewer]:
        """A cookie and its token for the form of the login; the name changes with the login."""
        fresh = cookie or (new_name() if viewer.secure else "")
        return fresh, Viewer(viewer.details, viewer.actions, self._tokens.of(fresh) if fresh else "", viewer.secure)

    def begin(self, old: str) -> str:
        """The cookie of a new session in place of `old`."""
        self._sessions.end(old)
        return self._sessions.begin()

    def end(self, cookie: str) -> None:
        self._sessions.end(cookie)

    def known(self, cookies: str) -> bool:
        """Whether a Cookie header, as it came, belongs to somebody logged in."""
        pairs = (each.strip().partition("=") for each in cookies.split(";"))
        names = [value for name, _, value in pairs if name == COOKIE]
        return len(names) == 1 and self._sessions.alive(names[0], touch=True)
