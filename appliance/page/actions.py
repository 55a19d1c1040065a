"""What a form does and what a download holds, as plain values: app.py makes responses of them. Knows no Flask.

`Go` leads to another page, `File` is saved by the browser, `Fault` is a page that says what is wrong. Raises
Unreachable and Refused as relay and steward do.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from appliance.page.certificate import Certificate
from appliance.page.facts import Facts
from appliance.page.files import Files

ACTIONS: Final = ("retry", "hold", "release", "delete", "bounce")
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Go:
    target: str


@dataclass(frozen=True, slots=True)
class File:
    octets: bytes
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Fault:
    code: int
    title: str
    words: str


Reaction = Go | File | Fault


class Actions:
    def __init__(self, facts: Facts, files: Files, certificate: Certificate) -> None:
        self._facts, self._files, self._certificate = facts, files, certificate

    def act(self, name: str, action: str) -> Reaction:
        """On one message."""
        if action not in ACTIONS:
            return Fault(404, "Not found", "There is no such page.")
        self._facts.act(f"queue.{action}", id=name)
        return Go(f"/message/{quote(name, safe='')}?note={action}")

    def acknowledge(self, form: Mapping[str, str]) -> Reaction:
        try:
            until = float(form.get("until", ""))
        except ValueError:
            until = 0.0
        self._facts.act("acknowledge", until=until)  # what came since the page was made stays to be seen
        return Go("/?note=acknowledged")

    def flush(self, form: Mapping[str, str]) -> Reaction:
        self._facts.act("flush")
        return Go("/?note=flushed")

    def send_test(self, form: Mapping[str, str]) -> Reaction:
        sent = self._facts.act("send-test", to=form.get("to", "")[:320])
        return Go(f"/message/{quote(str(sent.get('id', '')), safe='')}?note=test")

    def content(self, name: str) -> Reaction:
        """A message as a file that mail programs open."""
        found = self._facts.act("queue.export", id=name)
        safe = "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "_" for each in name)
        return File(base64.b64decode(found["content"]), f"{safe}.eml", "message/rfc822")

    def backup(self, form: Mapping[str, str]) -> Reaction:
        text = self._files.backup(form.get("passphrase", ""), form.get("again", ""))
        return File(text, "outbox-backup.txt", TEXT)

    def support(self) -> Reaction:
        return File(self._files.support(), "outbox-support.txt", TEXT)

    def update(self, bundle: Any) -> Reaction:
        """`bundle` is a binary stream, None when none was chosen."""
        if bundle is None or not self._files.ready:
            return Fault(400, "No file", "Choose the file of an update first.")
        self._files.install(bundle)
        return Go("/files?note=update")

    def certificate(self) -> Reaction:
        if not (chain := self._certificate.chain):
            return Fault(404, "No certificate", "The box has none yet.")
        return File(chain.encode(), "outbox.pem", "application/x-pem-file")

    def take_certificate(self, chain: bytes, key: bytes) -> Reaction:
        if not chain:
            return Fault(400, "No file", "Choose the file of a certificate first.")
        self._files.certificate(chain, key)
        return Go("/files?note=certificate")
