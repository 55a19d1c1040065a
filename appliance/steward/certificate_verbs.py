"""The verbs certificate.set and certificate.remove: an own certificate for mail and page, in the folder `paths.tls`.

It counts when the settings name no other one. Nothing is kept that could not be used: key and certificate must fit, and
it must not have ended. Raises ports.Refused in one sentence, OSError when the card refuses.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from appliance import crypto, durable
from appliance.ports import Clock, Refused, Verb
from appliance.settings.store import Store
from appliance.steward.machine import Machine
from appliance.steward.settings_verbs import words

PEM_MAX: Final = 100_000
CHAIN, KEY = "own.pem", "own.key"


class CertificateVerbs:
    def __init__(self, store: Store, machine: Machine, clock: Clock) -> None:
        self._store, self._machine, self._clock = store, machine, clock

    def table(self) -> Mapping[str, Verb]:
        return {"certificate.set": self.set, "certificate.remove": self.remove}

    def _folder(self) -> Path:
        return Path(self._store.good().paths.tls)

    async def set(self, args: dict[str, Any]) -> dict[str, Any]:
        """From PEM: `chain`, and `key` unless it stands in the same text."""
        chain, key = words(args, "chain", PEM_MAX), words(args, "key", PEM_MAX, "")
        return await asyncio.to_thread(self._keep, chain.encode(), (key or chain).encode())

    def _keep(self, chain: bytes, key: bytes) -> dict[str, Any]:
        try:
            found = crypto.certificate(chain)
        except ValueError:
            raise Refused("this is no certificate in PEM form") from None
        if self._clock.known() and found.ends_at < self._clock.wall():
            raise Refused("this certificate has ended already")
        if not _fit(chain, key):
            raise Refused("certificate and key do not belong together, or the key has a password")
        folder = self._folder()
        durable.write(folder / KEY, key, 0o640, self._machine.owner)
        durable.write(folder / CHAIN, _without_key(chain), 0o640, self._machine.owner)
        return {"fingerprint": found.fingerprint, "ends_at": found.ends_at, "names": list(found.names)}

    async def remove(self, args: dict[str, Any]) -> dict[str, Any]:
        """The self-signed one counts again."""
        for name in (CHAIN, KEY):
            await asyncio.to_thread(durable.remove, self._folder() / name)
        return {"removed": True}


def _fit(chain: bytes, key: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / CHAIN, Path(folder) / KEY
        for path, octets in zip(paths, (chain, key), strict=True):
            path.touch(0o600)
            path.write_bytes(octets)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*paths, password=lambda: "")
        except (OSError, ValueError, ssl.SSLError):
            return False
        return True


def _without_key(chain: bytes) -> bytes:
    """Only the certificates of what may hold the key, too."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    parts = [each.partition(end)[0] for each in chain.split(begin)[1:]]
    return b"".join(begin + each + end + b"\n" for each in parts)
