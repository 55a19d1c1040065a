"""Files that pass through the page after login: backup, support bundle, update bundle.

The steward makes and takes them; the page asks it for nothing else. An uploaded bundle goes to the folder
`paths.updates`, one at a time, at most BUNDLE_MAX octets and only while the card has room for it; whether it is a right
one is for the machine to say, which knows the signature. Raises Refused with a sentence for the person.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from pathlib import Path
from typing import IO, Any, Final

from appliance.interface import client
from appliance.interface.client import Unreachable
from appliance.ports import Refused
from appliance.settings.schema import Settings

BUNDLE_MAX: Final = 512 << 20
SPARE_BYTES: Final = 64 << 20  # of the card that stay free for mail
TIMEOUT_S: Final = 60.0
NAME: Final = "update.raucb"


class Files:
    def __init__(self, settings: Settings) -> None:
        self._steward, self._folder = settings.control.steward_socket, Path(settings.paths.updates)
        self._spare = SPARE_BYTES + settings.spool.free_min_bytes
        self._lock = threading.Lock()

    def _ask(self, verb: str, **args: Any) -> dict[str, Any]:
        try:
            found = client.ask(self._steward, verb, args, TIMEOUT_S)
        except Unreachable:
            raise Refused("The steward does not answer; please try again in a moment.") from None
        return found if isinstance(found, dict) else {}

    def backup(self, passphrase: str, again: str) -> bytes:
        """Settings, accounts and keys, sealed under the passphrase."""
        if passphrase != again:
            raise Refused("The two passphrases are not the same.")
        return str(self._ask("backup", passphrase=passphrase[:1000]).get("text", "")).encode()

    def support(self) -> bytes:
        """What somebody who helps needs to know; no secrets."""
        return str(self._ask("support-bundle").get("text", "")).encode()

    def certificate(self, chain: bytes, key: bytes) -> None:
        """An own certificate for mail and page, as PEM."""
        try:
            texts = {"chain": chain.decode("ascii"), "key": key.decode("ascii")}
        except UnicodeDecodeError:
            raise Refused("This is no certificate in PEM form.") from None
        self._ask("certificate.set", **texts)

    def update(self) -> dict[str, Any]:
        """{"state", "percent", "words"} of an update under way; empty when nobody tells."""
        try:
            return self._ask("update.status")
        except Refused:
            return {}

    def takes(self, octets: int) -> bool:
        """Whether a bundle of that size may be sent now."""
        try:
            return 0 < octets <= BUNDLE_MAX and shutil.disk_usage(self._folder).free > 2 * octets + self._spare
        except OSError:
            return False

    @property
    def ready(self) -> bool:
        """Whether there is a folder for bundles; what is on its way waits there, not in memory."""
        return self._folder.is_dir()

    def draft(self) -> IO[bytes]:
        """Where a bundle that arrives is written; gone unless `install` keeps it."""
        return tempfile.NamedTemporaryFile("w+b", dir=self._folder, prefix="upload-", suffix=".new")

    def install(self, bundle: IO[bytes]) -> None:
        """Keep what was sent and begin the update."""
        if not self._lock.acquire(blocking=False):
            raise Refused("Another bundle is just being taken.")
        try:
            path = self._folder / NAME
            sent = Path(bundle.name)
            bundle.flush()
            sent.chmod(0o644)
            path.unlink(missing_ok=True)
            path.hardlink_to(sent)
            self._ask("update.install", source=str(path), reboot=True)
        except OSError as error:
            raise Refused(f"The bundle cannot be kept: {error.strerror}.") from None
        finally:
            self._lock.release()

    def tidy(self) -> None:
        """What an interrupted upload left behind."""
        with contextlib.suppress(OSError):
            for path in self._folder.glob("upload-*.new"):
                path.unlink()
