"""`outbox account`: made, listed, ended; the password never shows."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from appliance.accounts import load_accounts
from appliance.cli import main
from appliance.intake.login import Accounts


@pytest.fixture(name="config")
def make_config(tmp_path: Path) -> str:
    path = tmp_path / "outbox.toml"
    path.write_text(f'format = 1\n[paths]\naccounts = "{tmp_path}/accounts.json"\n')
    return str(path)


def test_an_account_is_made_listed_and_ended(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("pa ss\n"))
    assert main(["account", "set", "till", "--sender", "Shop.example", "--config", config]) == 0
    assert main(["account", "list", "--config", config]) == 0
    assert capsys.readouterr().out == "till shop.example\n"
    assert main(["account", "list", "--json", "--config", config]) == 0
    assert json.loads(capsys.readouterr().out) == [{"name": "till", "senders": ["shop.example"]}]
    path = tmp_path / "accounts.json"
    assert path.stat().st_mode & 0o777 == 0o600 and "pa ss" not in path.read_text()
    accounts = Accounts(str(path))
    assert accounts.find("till") is not None
    assert accounts.check("till", "pa ss") and not accounts.check("till", "pass") and not accounts.check("x", "pa ss")
    assert main(["account", "remove", "till", "--config", config]) == 0
    assert load_accounts(path) == {}
    assert accounts.find("till") is None


@pytest.mark.parametrize("words", [["remove", "nobody"], ["set", "pc"], ["set", "a\nb"]])
def test_what_cannot_be_done_is_said(
    config: str, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["account", *words, "--config", config]) == 1
    assert capsys.readouterr().err


def test_a_damaged_file_means_no_accounts_and_is_not_overwritten(config: str, tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_text("{")
    assert main(["account", "list", "--config", config]) == 1
    assert Accounts(str(path)).find("till") is None and path.read_text() == "{"
