"""Who may ask what: names of the box (against DNS rebinding), networks, the origin of a form, its token, guesses.

Pure questions about one request; no Flask here. Everything fails closed: what cannot be read is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from appliance.core.access import PRIVATE, Network, address_of, client_key, network_of, within
from appliance.settings.schema import Settings

_HOST: Final = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)\.?(?::([0-9]{1,5}))?")
_LOCAL_PATH: Final = re.compile(r"/[A-Za-z0-9_./?=&%+-]{0,500}")
OWN_S: Final = 10.0
GUESSERS_MAX: Final = 1000
FREE_GUESSES: Final = 3
WAIT_MAX_S: Final = 300.0
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def host_of(header: str) -> str:
    """The name or address of a Host header without port and brackets, "" when it is none."""
    found = _HOST.fullmatch(header.lower())
    return found[1].strip("[]") if found else ""


def local_path(text: str) -> str:
    """`text` when it is a path on this box and nothing else, else "/"."""
    return text if _LOCAL_PATH.fullmatch(text) and not text.startswith("//") else "/"


class Hosts:
    """The names under which the page may be called: the box's own, those of the settings, its addresses."""

    def __init__(self, settings: Settings, own: Callable[[], Iterable[str]], monotonic: Callable[[], float]) -> None:
        name = settings.network.host_name.lower()
        self._names = {"localhost", name, f"{name}.local", *map(str.lower, settings.page.host_names)}
        self._own, self._monotonic = own, monotonic
        self._addresses: frozenset[str] = frozenset()
        self._at = float("-inf")

    def has(self, header: str) -> bool:
        name = host_of(header)
        if name in self._names:
            return True
        address = address_of(name)
        return address is not None and (address.is_loopback or str(address) in self._known())

    def _known(self) -> frozenset[str]:
        if self._monotonic() - self._at > OWN_S:
            found = map(address_of, self._own())
            self._addresses, self._at = frozenset(str(each) for each in found if each), self._monotonic()
        return self._addresses


class Networks:
    """`has`: whether a client's address is in one of them; the word private means all private networks and this box,
    any means any."""

    def __init__(self, texts: Iterable[str]) -> None:
        words = list(texts)
        self._any = "any" in words
        self._networks: list[Network] = list(PRIVATE) if "private" in words else []
        self._networks += [network_of(each) for each in words if each not in ("any", "private")]

    def has(self, client: str) -> bool:
        address = address_of(client)
        return address is not None and (self._any or within(address, self._networks))


def same_origin(origin: str, scheme: str, host: str) -> bool:
    """Whether a form was sent by a page of this box: browsers name the origin with every POST."""
    return bool(host) and origin.lower() == f"{scheme}://{host}".lower()


class Tokens:
    """The form token that belongs to a cookie; a new secret with each start."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, cookie: str) -> str:
        return hmac.new(self._secret, cookie.encode(), hashlib.sha256).hexdigest()[:32]

    def right(self, cookie: str, token: str) -> bool:
        return bool(cookie) and hmac.compare_digest(self.of(cookie).encode(), token.encode())


class Guesses:
    """Wrong passwords of each client: after FREE_GUESSES each one doubles the wait, up to WAIT_MAX_S."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic, self._lock = monotonic, threading.Lock()
        self._book: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """How long this client has to wait before the next try."""
        with self._lock:
            return max(0.0, self._book.get(client_key(client), (0, 0.0))[1] - self._monotonic())

    def wrong(self, client: str) -> None:
        key = client_key(client)
        with self._lock:
            count = self._book.pop(key, (0, 0.0))[0] + 1
            wait = min(2.0 ** (count - FREE_GUESSES), WAIT_MAX_S) if count >= FREE_GUESSES else 0.0
            self._book[key] = min(count, 50), self._monotonic() + wait
            if len(self._book) > GUESSERS_MAX:
                self._book.popitem(last=False)

    def right(self, client: str) -> None:
        with self._lock:
            self._book.pop(client_key(client), None)
