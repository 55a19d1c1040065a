"""The page's side of the box's certificate: the operator's own, or the self-signed one that the relay made.

Looked at again when the files change, so that a renewal needs no new start. None while there is none that can be read:
then only the page without login is there, and the log says why once.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
from pathlib import Path

from appliance.settings.schema import Settings

PEM_MAX = 1 << 18
log = logging.getLogger(__name__)


class Certificate:
    """`chain` is PEM text without the key, `fingerprint` SHA-256 of the first certificate, "" when there is none."""

    def __init__(self, settings: Settings) -> None:
        own = (Path(settings.tls.certificate), Path(settings.tls.private_key))
        made = (Path(settings.paths.tls) / "self-signed.pem", Path(settings.paths.tls) / "self-signed.key")
        brought = (Path(settings.paths.tls) / "own.pem", Path(settings.paths.tls) / "own.key")  # through the page
        first = [own] if settings.tls.certificate and settings.tls.private_key else [brought]
        self._candidates = [*first, made]
        self._seen: object = None
        self._context: ssl.SSLContext | None = None
        self.chain = self.fingerprint = ""

    def context(self) -> ssl.SSLContext | None:
        """For the next client."""
        seen = [_stamp(path) for pair in self._candidates for path in pair]
        if seen != self._seen:
            self._seen = seen
            self._context, self.chain, self.fingerprint = None, "", ""
            for chain, key in self._candidates:
                if (chain.exists() or chain == self._candidates[-1][0]) and self._load(chain, key):
                    break
        return self._context

    def _load(self, chain: Path, key: Path) -> bool:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(chain, key)
            with chain.open() as file:
                text = file.read(PEM_MAX)
            first = text[text.index("-----BEGIN CERT") :].partition("-----END CERTIFICATE-----")
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first[0] + first[1])).hexdigest().upper()
        except (OSError, ValueError, ssl.SSLError) as error:
            log.warning("no page with login yet: the certificate %s cannot be used: %s", chain, error)
            return False
        self._context, self.chain = context, text.partition("-----BEGIN PRIVATE")[0]
        self.fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
        return True


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
