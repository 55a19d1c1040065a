"""An own certificate that comes through the page: kept only when it can be used, and then it counts."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance import crypto
from appliance.intake.certificate import Certificates
from appliance.page.certificate import Certificate
from appliance.ports import Refused
from appliance.settings.schema import Paths, Settings
from tests.room.test_steward import Box


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = Box(tmp_path)
    await made.start()
    yield made
    await made.stop()


def pair(box: Box, ago_days: int = 0) -> tuple[str, str]:
    chain, key = crypto.self_signed("mail.office.example", box.clock.wall() - ago_days * 86400, 90)
    return chain.decode(), key.decode()


async def test_it_counts_for_mail_and_page_until_it_is_removed(box: Box) -> None:
    folder = box.folder / "tls"
    mail = Certificates(str(folder), "box.office.example")
    mail.refresh(box.clock.wall())
    first = mail.fingerprint
    chain, key = pair(box)
    kept = await box.ask("certificate.set", chain=chain, key=key)
    assert kept["names"] == ["mail.office.example"]
    mail.refresh(box.clock.wall())
    page = Certificate(Settings(paths=Paths(tls=str(folder))))
    assert page.context() and page.fingerprint == mail.fingerprint == kept["fingerprint"] != first and mail.own
    assert (folder / "own.key").stat().st_mode & 0o777 == 0o640 and not mail.warning
    await box.ask("certificate.remove")
    mail.refresh(box.clock.wall())
    assert page.context() and page.fingerprint == mail.fingerprint == first and not mail.own


async def test_key_and_chain_may_stand_in_one_text_and_the_key_is_not_shown(box: Box) -> None:
    chain, key = pair(box)
    await box.ask("certificate.set", chain=key + chain)
    assert "PRIVATE" not in (box.folder / "tls" / "own.pem").read_text()
    assert "PRIVATE" in (box.folder / "tls" / "own.key").read_text()
    backup = await box.ask("backup", passphrase="correct horse")
    await box.ask("factory-reset", mail="keep")
    assert not (box.folder / "tls" / "own.key").exists()
    await box.ask("restore", text=backup["text"], passphrase="correct horse")
    assert (box.folder / "tls" / "own.key").read_text() == key + chain


async def test_what_could_not_be_used_is_refused_and_changes_nothing(box: Box) -> None:
    chain, _ = pair(box)
    _, other = pair(box)
    ended, its_key = pair(box, ago_days=100)
    for wrong, key, words in (("no PEM", "", "no certificate"), (chain, other, "do not belong together"),
                              (chain, "", "do not belong together"), (ended, its_key, "has ended")):  # fmt: skip
        with pytest.raises(Refused, match=words):
            await box.ask("certificate.set", chain=wrong, key=key)
    with pytest.raises(Refused, match="at most"):
        await box.ask("certificate.set", chain="x" * 200_000)
    assert not (box.folder / "tls" / "own.pem").exists()


def test_a_damaged_own_certificate_does_not_keep_the_box_from_serving(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text("damaged")
    mail = Certificates(str(tmp_path), "box.office.example")
    mail.refresh(1_800_000_000.0)
    assert isinstance(mail.context(""), ssl.SSLContext) and "stands in" in mail.warning
    page = Certificate(Settings(paths=Paths(tls=str(tmp_path))))
    assert page.context() is not None and page.fingerprint == mail.fingerprint
