"""Backup and restore as text and by stick; what a support bundle holds and what not."""

from __future__ import annotations

import base64
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance import crypto
from appliance.ports import Refused
from appliance.steward.backup import LABEL, PLAIN_MAX, masked, seal, unseal
from tests.room.test_steward import Box

PHRASE = "correct horse"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = Box(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def filled(box: Box) -> str:
    """A box that knows something, and the text of its backup."""
    await box.ask("secret.set", relay="isp", password="geheim")
    await box.ask("account.set", name="till", password="geheim")
    (box.folder / "tls").mkdir()
    (box.folder / "tls" / "self-signed.key").write_text("key of the box")
    await box.ask("settings.set", path="box.owner", value="boss@office.example")
    await box.ask("settings.commit")
    return str((await box.ask("backup", passphrase=PHRASE))["text"])


async def emptied(box: Box) -> None:
    await box.ask("factory-reset", mail="keep")
    assert await box.ask("account.list") == []


async def test_a_backup_brings_back_what_was_there(box: Box) -> None:
    text = await filled(box)
    accounts = (box.folder / "accounts.json").read_bytes()
    await emptied(box)
    answer = await box.ask("restore", text=text, passphrase=PHRASE)
    assert answer["changes"] == 2 and "candidate" in answer["settings"]
    assert (box.folder / "accounts.json").read_bytes() == accounts
    assert await box.ask("secret.list") == {"relays": ["isp"]}
    assert (box.folder / "tls" / "self-signed.key").read_text() == "key of the box"
    assert (box.folder / "tls" / "self-signed.key").stat().st_mode & 0o777 == 0o640
    assert "boss" not in box.config.read_text(), "settings count when they are committed"
    await box.ask("settings.commit")
    assert "boss@office.example" in box.config.read_text()


async def test_the_text_can_be_pasted_and_tells_nothing(box: Box) -> None:
    text = await filled(box)
    lines = text.splitlines()
    assert lines[0] == "-----BEGIN OUTBOX BACKUP-----" and lines[-1] == "-----END OUTBOX BACKUP-----"
    assert all(len(line) <= 64 and line.isascii() and line.isprintable() for line in lines)
    octets = base64.b64decode("".join(lines[1:-1]))
    assert not any(word in octets for word in (b"geheim", b"office", b"settings"))
    pasted = "\r\n".join(f"  {line} " for line in lines[1:-1])  # without its first and last line, with spaces
    assert "settings" in unseal(pasted, PHRASE)


async def test_a_wrong_passphrase_or_a_damaged_text_changes_nothing(box: Box) -> None:
    text = await filled(box)
    await emptied(box)
    lines = text.splitlines()
    swapped = [*lines[:2], lines[3], lines[2], *lines[4:]]
    letter = "B" if lines[2][5] != "B" else "C"
    changed = [*lines[:2], lines[2][:5] + letter + lines[2][6:], *lines[3:]]
    for damaged in (swapped, changed, lines[:-2], lines[2:], ["hello"], [""], ["-----BEGIN OUTBOX BACKUP-----"]):
        with pytest.raises(Refused, match="damaged"):
            await box.ask("restore", text="\n".join(damaged), passphrase=PHRASE)
    with pytest.raises(Refused, match="not the passphrase"):
        await box.ask("restore", text=text, passphrase="wrong horse")
    with pytest.raises(Refused, match="at most 900000"):
        await box.ask("restore", text="A" * 900_001, passphrase=PHRASE)
    assert await box.ask("account.list") == [] and not (await box.ask("settings.compare"))["lines"]


def test_too_much_is_refused_before_it_is_unpacked_and_before_it_is_packed() -> None:
    bomb = crypto.seal(zlib.compress(b" " * (PLAIN_MAX * 4), 9), PHRASE, LABEL)
    text = base64.b64encode(zlib.crc32(bomb).to_bytes(4, "big") + bomb).decode()
    with pytest.raises(Refused, match="damaged"):
        unseal(text, PHRASE)
    with pytest.raises(Refused, match="more to keep"):
        seal({"format": 1, "settings": "x" * (PLAIN_MAX + 1)}, PHRASE)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"format": 2}, "does not understand"),
        ({"format": 1, "settings": ""}, "does not understand"),
        ({"format": 1, "settings": "x = ", "accounts": "", "relays": {}, "tls": {}}, "TOML"),
        (
            {"format": 1, "settings": "[dns]\ntimeout_s=1.0", "accounts": "{}", "relays": {}, "tls": {}},
            "accounts in this",
        ),
    ],
)
async def test_a_backup_of_another_release_is_refused(box: Box, held: dict[str, object], words: str) -> None:
    await box.ask("account.set", name="till", password="geheim")
    with pytest.raises(Refused, match=words):
        await box.ask("restore", text=seal(held, PHRASE), passphrase=PHRASE)
    assert len(await box.ask("account.list")) == 1
    assert not (await box.ask("settings.show", which="candidate"))["changed"]


async def test_a_backup_writes_keys_only_into_the_folder_of_keys(box: Box) -> None:
    settings = f'[tls]\ncertificate = "{box.folder}/elsewhere.pem"\nprivate_key = "{box.folder}/tls/own.key"\n'
    held = {"format": 1, "settings": settings, "accounts": "", "relays": {},
            "tls": {"key": "mine", "certificate": "evil", "../x": "evil"}}  # fmt: skip
    await box.ask("restore", text=seal(held, PHRASE), passphrase=PHRASE)
    assert (box.folder / "tls" / "own.key").read_text() == "mine"
    assert not [path for path in box.folder.rglob("*") if path.is_file() and path.read_bytes() == b"evil"]


async def test_a_backup_by_stick(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(box)
    with pytest.raises(Refused, match="only the box itself"):
        await box.ask("backup", passphrase=PHRASE, to="stick")
    (box.folder / "stick").mkdir()
    monkeypatch.setenv("OUTBOX_STICK", f"{box.folder}/stick")
    with pytest.raises(Refused, match="on the stick"):
        await box.ask("restore", passphrase=PHRASE, **{"from": "stick"})
    assert await box.ask("backup", passphrase=PHRASE, to="stick") == {"file": "outbox-backup.txt"}
    await emptied(box)
    await box.ask("restore", passphrase=PHRASE, **{"from": "stick"})
    assert len(await box.ask("account.list")) == 1
    with pytest.raises(Refused, match="at least 8"):
        await box.ask("backup", passphrase="short")


async def test_a_support_bundle_holds_no_secret_and_no_mailbox(box: Box) -> None:
    await filled(box)
    await box.ask("password.set", new="four words of mine")
    text = str((await box.ask("support-bundle"))["text"])
    assert "owner = " in text and "== settings" in text and "the relay does not answer" in text
    for word in ("geheim", "boss@", "office.example", "key of the box", "four words", "hash"):
        assert word not in text
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Q1 queued reverse_path=<a@x.example> size=3", "Q1 queued reverse_path=<(mailbox)> size=3"),
        ('to "a b"@x.example, c@d', "to (mailbox), (mailbox)"),
        ('subject="Rechnung 4711" size=3', "subject=(subject) size=3"),
        ("Subject: Rechnung 4711", "Subject: (subject)"),
        ('owner = "büro@bücher.example"', 'owner = "(mailbox)"'),
        ("reply=550 5.1.1 <a@[192.0.2.1]> unknown", "reply=550 5.1.1 <(mailbox)> unknown"),
    ],
)
def test_mailboxes_and_subjects_are_masked(line: str, expected: str) -> None:
    assert masked(line) == expected
