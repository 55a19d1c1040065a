"""`outbox settings`, `backup`, `update` beside a running steward."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.cli import main
from tests.room.test_steward import Box


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    made = Box(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def run(box: Box, *words: str) -> int:
    return await asyncio.to_thread(main, [*words, "--config", str(box.config)])


async def test_a_whole_file_is_put_in_force_and_taken_back(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    new = box.folder / "new.toml"
    new.write_text(box.config.read_text() + "[dns]\ntimeout_s = 3.0\n")
    assert await run(box, "settings", "apply", str(new), "--confirm", "5", "--comment", "from a file") == 0
    assert box.timeout_s() == 3
    assert await run(box, "settings", "confirm") == 0
    assert await run(box, "settings", "history") == 0
    assert "from a file" in capsys.readouterr().out
    assert await run(box, "settings", "rollback", "1") == 0
    assert box.timeout_s() == 5
    assert await run(box, "settings", "apply", str(new)) == 0
    assert await run(box, "settings", "show") == 0
    assert "timeout_s = 3.0" in capsys.readouterr().out
    new.write_text("[dns]\nfish = 1\n")
    assert await run(box, "settings", "apply", str(new)) == 1
    assert "dns.fish" in capsys.readouterr().err and box.timeout_s() == 3
    assert await run(box, "settings", "compare") == 0
    assert "- control.socket" in capsys.readouterr().out


async def test_a_backup_goes_out_and_comes_back(
    box: Box, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await box.ask("account.set", name="till", password="x")
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert await run(box, "backup") == 0
    (box.folder / "kept").write_text(capsys.readouterr().out)
    await box.ask("account.remove", name="till")
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert await run(box, "restore", str(box.folder / "kept")) == 0
    assert len(await box.ask("account.list")) == 1
    assert await run(box, "support-bundle") == 0
    assert "== settings" in capsys.readouterr().out


async def test_what_cannot_be_done_is_one_sentence_and_status_1(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    (box.folder / "x.raucb").write_text("no bundle")
    assert await run(box, "update", "install", f"{box.folder}/x.raucb") == 1
    assert "only the box itself" in capsys.readouterr().out
    assert await run(box, "settings", "confirm") == 1
    assert await run(box, "settings", "apply", "/nonexistent") == 1
    await box.stop()
    assert await run(box, "update", "status") == 1
    assert "nobody answers" in capsys.readouterr().err
