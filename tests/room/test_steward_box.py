"""The steward's verbs about secrets, accounts, power and the factory reset, beside a pretend relay."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.accounts import load_accounts
from appliance.interface.server import InterfaceServer
from appliance.ports import Refused
from appliance.settings.credentials import Credentials
from appliance.settings.load import load
from appliance.settings.schema import Settings
from appliance.steward.room import Steward
from tests.room.test_steward import Box

NAMES = "path value to which n text comment confirm_min old new password relay name senders lines time source from"


class Relay:
    """A relay of which only the command interface is played."""

    def __init__(self, folder: Path, *mail: str) -> None:
        self.mail, self.asked = dict.fromkeys(mail, "pc@office.example"), list[str]()
        verbs = {
            "queue.list": lambda args: [{"id": each, "phase": "queued", "from": self.mail[each]} for each in self.mail],
            "queue.show": lambda args: {"id": args["id"], "recipients": [{"to": "a@b.example"}]},
            "queue.export": lambda args: {"content": base64.b64encode(b"Subject: x\r\n\r\n").decode()},
            **{verb: self._gone(verb) for verb in ("queue.delete", "queue.bounce")},
            **{verb: self._hears(verb) for verb in ("acknowledge", "flush", "erase", "restart")},
        }  # fmt: skip
        self.server = InterfaceServer(f"{folder}/control.sock", verbs, {})

    def _gone(self, verb: str) -> Any:
        def gone(args: dict[str, Any]) -> dict[str, Any]:
            self.asked.append(verb)
            return {"id": self.mail.pop(args["id"])}

        return gone

    def _hears(self, verb: str) -> Any:
        def hears(args: dict[str, Any]) -> dict[str, Any]:
            self.asked.append(verb)
            return {verb: 1}

        return hears


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = Box(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    made = Relay(tmp_path, "Q1", "Q2")
    await made.server.start()
    yield made
    await made.server.stop()


async def test_a_relays_password_is_kept_apart_and_never_shown(box: Box) -> None:
    await box.ask("secret.set", relay="my isp", password='geh"eim')
    await box.ask("secret.set", relay="other", password="x")
    file = box.folder / "credentials.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert await Credentials(str(file)).password("my isp") == 'geh"eim'
    await box.ask("secret.set", relay="my isp", password="********")
    assert await Credentials(str(file)).password("my isp") == 'geh"eim', "the mask means keep"
    assert await box.ask("secret.list") == {"relays": ["my isp", "other"]}
    await box.ask("secret.set", relay="my isp", password="")
    assert await box.ask("secret.list") == {"relays": ["other"]}
    with pytest.raises(Refused, match="printable"):
        await box.ask("secret.set", relay="a\nb", password="x")


async def test_accounts_are_made_listed_and_ended(box: Box) -> None:
    await box.ask("account.set", name="till", password="pa ss", senders=["Shop.example"])
    await box.ask("account.set", name="till", password="other")
    assert await box.ask("account.list") == [{"name": "till", "senders": ["shop.example"]}]
    file = box.folder / "accounts.json"
    assert file.stat().st_mode & 0o777 == 0o600 and "other" not in file.read_text()
    await box.ask("account.remove", name="till")
    assert load_accounts(file) == {}
    for args in ({"name": "a\nb", "password": "x"}, {"name": "a", "password": ""}, {"name": "a", "password": "x",
                 "senders": "all"}, {"name": "a", "password": "\x00"}):  # fmt: skip
        with pytest.raises(Refused):
            await box.ask("account.set", **args)
    with pytest.raises(Refused, match="no such account"):
        await box.ask("account.remove", name="till")


async def test_a_damaged_accounts_file_is_not_overwritten(box: Box) -> None:
    (box.folder / "accounts.json").write_text("{}")
    with pytest.raises(Refused, match="cannot be read"):
        await box.ask("account.set", name="till", password="x")
    assert (box.folder / "accounts.json").read_text() == "{}"


async def test_this_machine_keeps_its_own_clock_and_power(box: Box) -> None:
    for verb, args in (
        ("clock.set", {"time": "2026-11-24 13:05"}),
        ("reboot", {}),
        ("shutdown", {}),
        ("button.long", {}),
    ):
        with pytest.raises(Refused, match="only the box itself"):
            await box.ask(verb, **args)
    for text in ("yesterday", "1970-01-01", "2200-01-01", ""):
        with pytest.raises(Refused, match="time"):
            await box.ask("clock.set", time=text)
    assert (await box.ask("version"))["settings_format"] == 1
    assert (await box.ask("network.show"))["settings"]["host_name"] == "outbox"


@pytest.mark.parametrize("source", ["-x", "ftp://x/y", "/nonexistent", "http://", "x", "https://a b", "/dev/null"])
async def test_only_a_bundle_here_or_on_the_web_is_an_update(box: Box, source: str) -> None:
    with pytest.raises(Refused, match="bundle"):
        await box.ask("update.install", source=source)


async def test_an_update_that_fails_says_why(box: Box) -> None:
    await box.ask("update.install", source="http://192.0.2.1/x.raucb")
    async with asyncio.timeout(10):
        while (status := await box.ask("update.status"))["state"] == "installing":
            await asyncio.sleep(0.01)
    assert status["state"] == "failed" and "only the box itself" in status["words"]


async def test_a_short_press_acknowledges_and_makes_all_mail_due(box: Box, relay: Relay) -> None:
    await box.ask("button.short")
    assert relay.asked == ["acknowledge", "flush"]


async def test_the_button_takes_the_password_away(box: Box) -> None:
    await box.ask("password.set", new="four words of mine")
    await box.ask("button.password-reset")
    assert await box.ask("password.exists") == {"exists": False}


async def filled(box: Box) -> None:
    """A box that knows something."""
    await box.ask("secret.set", relay="isp", password="geheim")
    await box.ask("account.set", name="till", password="geheim")
    await box.ask("password.set", new="four words of mine")
    (box.folder / "tls").mkdir()
    (box.folder / "tls" / "self-signed.key").write_text("geheim")
    await box.ask("settings.set", path="box.owner", value="boss@office.example")
    await box.ask("settings.commit", confirm_min=5)
    await box.ask("settings.set", path="box.owner", value="other@office.example")


def secrets_left(folder: Path) -> list[str]:
    words = ("geheim", "office.example", "scrypt", "stored", '"hash"')
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(word in path.read_text(errors="replace") for word in words)]


async def test_a_reset_asks_what_becomes_of_the_mail_and_wipes_nothing_before(box: Box, relay: Relay) -> None:
    await filled(box)
    before = secrets_left(box.folder)
    for args in ({}, {"mail": "lose"}, {"mail": "export"}, {"mail": "export", "folder": "/nonexistent"}):
        with pytest.raises(Refused, match=r"mail|only the box itself"):
            await box.ask("factory-reset", **args)
    assert secrets_left(box.folder) == before and list(relay.mail) == ["Q1", "Q2"]


@pytest.mark.parametrize(("mail", "left"), [("keep", ["Q1", "Q2"]), ("delete", []), ("bounce", [])])
async def test_a_reset_leaves_no_secret_and_the_mail_as_said(
    box: Box, relay: Relay, mail: str, left: list[str]
) -> None:
    await filled(box)
    for torn in ("accounts.json.new", "settings/commits/00000009.json.new", "settings/candidate.toml.new"):
        (box.folder / torn).write_text("geheim")
    await box.ask("factory-reset", mail=mail)
    assert list(relay.mail) == left and relay.asked[-2:] == ["acknowledge", "erase"]
    assert secrets_left(box.folder) == []
    found = load(box.config)
    assert isinstance(found, Settings) and found.box.owner == ""
    assert found.spool.directory == f"{box.folder}/spool", "or what was kept would be hidden"
    assert (await box.ask("settings.pending"))["left_s"] is None


async def test_exported_mail_is_in_files_before_it_leaves_the_queue(box: Box, relay: Relay) -> None:
    (box.folder / "stick").mkdir()
    await box.ask("factory-reset", mail="export", folder=f"{box.folder}/stick")
    assert not relay.mail
    assert (box.folder / "stick" / "Q1.eml").read_bytes() == b"Subject: x\r\n\r\n"
    assert json.loads((box.folder / "stick" / "Q2.json").read_text())["recipients"] == [{"to": "a@b.example"}]


async def test_mail_goes_to_the_stick_and_a_full_stick_loses_none(
    box: Box, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTBOX_STICK", f"{box.folder}/stick")
    with pytest.raises(Refused, match="the card refuses"):  # nothing there
        (box.folder / "stick").write_text("no folder")
        await box.ask("factory-reset", mail="export")
    assert list(relay.mail) == ["Q1", "Q2"]
    (box.folder / "stick").unlink()
    (box.folder / "stick").mkdir()
    await box.ask("factory-reset", mail="export")
    assert not relay.mail and (box.folder / "stick" / "Q2.eml").exists()


async def test_with_a_dead_relay_mail_can_only_be_kept(box: Box) -> None:
    await filled(box)
    for mail in ("delete", "bounce", ""):
        with pytest.raises(Refused):
            await box.ask("factory-reset", mail=mail)
    (box.folder / "spool").mkdir()
    for name in ("history.jsonl", "attempts.jsonl", "bounces.jsonl", "clients.json", "000001.seg"):
        (box.folder / "spool" / name).write_text("anna@office.example")
    await box.ask("factory-reset", mail="keep")
    assert secrets_left(box.folder) == ["000001.seg"], "the mail, which was to be kept"


async def test_the_button_resets_at_once_only_when_no_mail_waits(box: Box, relay: Relay) -> None:
    assert await box.ask("button.factory-reset") == {"asked": True}
    assert await box.ask("factory-reset.asked") == {"asked": True}
    box.clock.pass_by(901)
    assert await box.ask("factory-reset.asked") == {"asked": False}
    relay.mail.clear()
    assert (await box.ask("button.factory-reset"))["reset"]


async def test_a_reset_that_the_power_cut_interrupted_is_finished_at_the_next_start(box: Box, relay: Relay) -> None:
    await filled(box)
    assert box.steward
    box.steward.reset._begin()  # the plug is pulled here
    await box.stop()
    box.steward = Steward(box.config, clock=box.clock)
    await box.steward.start()
    assert secrets_left(box.folder) == [] and not (box.folder / "settings" / "reset.json").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"files": 3, "settings": ""}'])
async def test_a_damaged_order_to_reset_wipes_nothing(box: Box, text: str) -> None:
    await filled(box)
    before = secrets_left(box.folder)
    await box.stop()
    (box.folder / "settings" / "reset.json").write_text(text)
    await box.start()
    assert secrets_left(box.folder) == before


VALUES: list[Any] = [None, 7, -1, 1e308, True, [], {}, "", "\ud800", "\x00\x1b[2J", "a" * 30_000, "..", "access.1"]
ODD: list[dict[str, Any]] = [{}, {"x": 1}, *(dict.fromkeys(NAMES.split(), value) for value in VALUES)]


@pytest.mark.parametrize("number", range(len(ODD)))
async def test_no_argument_is_a_bug_in_a_verb(tmp_path: Path, number: int, caplog: pytest.LogCaptureFixture) -> None:
    steward = Box(tmp_path)
    await steward.start()
    assert steward.steward
    for verb in sorted(set(steward.steward._verbs()) - {"factory-reset", "button.factory-reset"}):
        with contextlib.suppress(Refused):
            await steward.ask(verb, **ODD[number])
    await steward.stop()
    assert "a bug in the verb" not in caplog.text
