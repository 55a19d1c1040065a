"""The certificate shown to clients: an own one from the settings, or a self-signed one that the box makes and renews.

`Certificates.refresh` is called at the start and then daily. A self-signed certificate lasts YEARS and is renewed
RENEW_DAYS before its end (or when the mail name changed); its key is RSA, since old devices know nothing else. An own
certificate that cannot be read is a warning and the self-signed one stands in: mail goes on. Raises OSError only when
nothing can be written.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from appliance import crypto, durable

YEARS: Final = 2
RENEW_DAYS: Final = 30
_DAY: Final = 86400
_EARLIEST: Final = 1767225600.0  # 2026: a clock that shows less is wrong
_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class Certificates:
    """`warning` is one plain sentence or ""; `ends_at` seconds since 1970; `own` whether it is the operator's;
    `fingerprint` its SHA-256 in pairs of hexadecimal digits, as clients show it. `more` names, of the page, stand in a
    self-signed one, too."""

    def __init__(
        self, folder: str, name: str, own_chain: str = "", own_key: str = "", more: tuple[str, ...] = ()
    ) -> None:
        self._folder, self._name, self._more = Path(folder), name or "outbox.invalid", more
        brought = (str(self._folder / "own.pem"), str(self._folder / "own.key"))  # through the page
        self._own = (own_chain, own_key) if own_chain and own_key else brought
        self._named = self._own != brought
        self._files: tuple[str, str] | None = None
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.warning = ""
        self.ends_at = 0.0
        self.own = False
        self.fingerprint = ""

    def refresh(self, now: float) -> None:
        """Look at the files, make or renew what must be; contexts are made anew when a certificate changed."""
        self.warning = ""
        if (self._named or Path(self._own[0]).exists()) and self._take_own(self._own, now):
            return
        self.own = False
        chain, key = self._folder / "self-signed.pem", self._folder / "self-signed.key"
        ends_at = self._usable(chain, key)
        if ends_at - now < RENEW_DAYS * _DAY:
            _make(chain, key, self._name, self._more, max(now, _EARLIEST))
            ends_at = self._usable(chain, key)
        self._use(str(chain), str(key), ends_at)

    def _take_own(self, own: tuple[str, str], now: float) -> bool:
        try:
            ends_at = _end(Path(own[0]))
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*own)
        except (OSError, ValueError, ssl.SSLError) as error:
            self.warning = f"the own certificate cannot be used ({type(error).__name__}): a self-signed one stands in"
            return False
        self.own = True
        self._use(own[0], own[1], ends_at)
        days = int((ends_at - now) // _DAY)
        if days < 0:
            self.warning = "the own certificate has ended: clients may refuse it"
        elif days < RENEW_DAYS:
            self.warning = f"the own certificate ends in {days} days"
        return True

    def _usable(self, chain: Path, key: Path) -> float:
        """When the self-signed certificate ends; 0 when there is none for our names."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
            found = crypto.certificate(chain.read_bytes())
        except (OSError, ValueError, ssl.SSLError):
            return 0.0
        return found.ends_at if {self._name, *self._more} <= set(found.names) else 0.0

    def _use(self, chain: str, key: str, ends_at: float) -> None:
        fingerprint = _fingerprint(Path(chain))
        if self._files != (chain, key) or fingerprint != self.fingerprint:
            self._contexts.clear()
            self.fingerprint = fingerprint
        self._files, self.ends_at = (chain, key), ends_at

    def context(self, minimum: str) -> ssl.SSLContext | None:
        """For clients of at least TLS `minimum` ("" = 1.2); None before the first `refresh`."""
        if self._files is None:
            return None
        found = self._contexts.get(minimum)
        if found is None:
            found = self._contexts[minimum] = _context(self._files, minimum or "1.2")
        return found


def _context(files: tuple[str, str], minimum: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if minimum in ("1.0", "1.1"):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # the only level at which OpenSSL 3 still speaks them
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    context.minimum_version = _VERSIONS[minimum]
    context.load_cert_chain(*files)
    return context


def _end(chain: Path) -> float:
    return crypto.certificate(chain.read_bytes()).ends_at


def _fingerprint(chain: Path) -> str:
    try:
        return crypto.certificate(chain.read_bytes()).fingerprint
    except (OSError, ValueError):
        return ""


def _make(chain: Path, key: Path, name: str, more: tuple[str, ...], now: float) -> None:
    made, secret = crypto.self_signed(name, now, 365 * YEARS, more)
    if not chain.parent.is_dir():
        chain.parent.mkdir(parents=True)
        chain.parent.chmod(0o750)
    durable.write(key, secret, 0o640)  # the group may read: the page shows the same certificate
    durable.write(chain, made, 0o640)
