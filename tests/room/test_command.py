"""The command `outbox` against a running relay."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.cli import main
from appliance.printing import as_json, as_text
from appliance.relay import MailPath
from appliance.settings.render import render
from tests.room.test_relay import settings

Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def outbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Command]:
    """Runs a subcommand: status, what it printed, what it complained of."""
    made = settings(tmp_path)
    file = tmp_path / "outbox.toml"
    file.write_text(render(made))
    path = MailPath(made)
    await path.start()

    async def run(*words: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(main, [*words, "--config", str(file)])
        return status, *capsys.readouterr()

    yield run
    await path.stop()


async def sent(outbox: Command) -> str:
    status, text, _ = await outbox("send-test", "anna@y.example", "--json")
    assert status == 0
    return str(json.loads(text)["id"])


async def shown(outbox: Command, queue_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await outbox("queue", "show", queue_id, "--json"))[1])
    return found


async def test_a_test_message_is_in_the_queue_and_can_be_looked_at(outbox: Command) -> None:
    queue_id = await sent(outbox)
    status, listing, _ = await outbox("queue", "list")
    assert status == 0 and queue_id in listing and "anna@y.example" in listing
    assert (await shown(outbox, queue_id))["recipients"][0]["to"] == "anna@y.example"
    _, facts, _ = await outbox("status", "--json")
    assert json.loads(facts)["accepted"] == 1
    assert "accepting mail" in (await outbox("status"))[1]


async def test_held_mail_waits_until_it_is_released(outbox: Command) -> None:
    queue_id = await sent(outbox)
    assert (await outbox("queue", "hold", queue_id))[0] == 0
    assert (await shown(outbox, queue_id))["phase"] == "held"
    assert (await outbox("queue", "retry", queue_id))[0] == 1
    assert (await outbox("queue", "release", queue_id))[0] == 0
    assert (await shown(outbox, queue_id))["phase"] != "held"
    status, _, why = await outbox("queue", "release", queue_id)
    assert status == 1 and "is not held" in why


async def test_deleted_and_bounced_mail_is_told_by_the_history(outbox: Command) -> None:
    for action in ("delete", "bounce"):
        queue_id = await sent(outbox)
        await outbox("queue", "hold", queue_id)
        assert (await outbox("queue", action, queue_id))[0] == 0
        status, _, why = await outbox("queue", "show", queue_id)
        assert status == 1 and "is in the queue" in why
        status, told, _ = await outbox("history", queue_id)
        assert status == 0 and "anna@y.example" in told
    assert (await outbox("erase"))[0] == 0
    assert "nothing" in (await outbox("history"))[1]


async def test_flush_acknowledge_and_bounces_answer(outbox: Command) -> None:
    await sent(outbox)
    assert (await outbox("flush"))[0] == 0
    assert json.loads((await outbox("acknowledge", "--json"))[1]) == {"acknowledged": 0}
    assert (await outbox("bounces"))[1] == "nothing\n"


async def test_an_export_is_the_message(outbox: Command) -> None:
    queue_id = await sent(outbox)
    status, text, _ = await outbox("queue", "export", queue_id)
    assert (
        status == 0
        and text.startswith("From: Outbox <outbox@outbox.example>")
        and text.endswith("\r\n\r\nIt works.\r\n")
    )
    given = json.loads((await outbox("queue", "export", queue_id, "--json"))[1])
    assert given["id"] == queue_id and base64.b64decode(given["content"]).decode() == text


async def test_what_cannot_be_is_one_line_and_status_1(outbox: Command) -> None:
    for words in (("queue", "show", "nonsense"), ("queue", "bounce", "nonsense"), ("send-test", "no-mailbox")):
        status, text, why = await outbox(*words)
        assert status == 1 and not text and len(why.splitlines()) == 1


def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.toml"
    file.write_text('[box]\nmail_nam = "x"\nowner = "nobody"\n[intake]\nhops_max = 1\n')
    return file


def test_check_config_lists_every_complaint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", str(broken(tmp_path))]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" = ")[0] for line in lines] == ["box.mail_nam", "box.owner", "intake.hops_max"]
    assert main(["check-config", str(broken(tmp_path)), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)) == 3
    (tmp_path / "good.toml").write_text("format = 1\n")
    assert main(["check-config", str(tmp_path / "good.toml")]) == 0
    assert main(["check-config", str(tmp_path / "good.toml"), "--json"]) == 0


def test_check_config_warns_of_a_relay_that_could_not_log_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, secrets = tmp_path / "outbox.toml", tmp_path / "credentials.toml"
    relays = "".join(f'[[relay]]\nname = "{name}"\nhost = "r.example"\nuser = "u"\n' for name in ("isp", "spare"))
    file.write_text(f'{relays}[paths]\ncredentials = "{secrets}"\n')
    secrets.write_text('[isp]\npassword = "x"\n')
    secrets.chmod(0o600)
    assert main(["check-config", str(file)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("warning: relay[2].user") and "[spare] with" in lines[0]
    secrets.chmod(0o644)
    assert main(["check-config", str(file), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["key"], row["warning"]) for row in rows] == [("relay[1].user", True), ("relay[2].user", True)]


def test_check_config_warns_of_pem_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, bad = tmp_path / "outbox.toml", tmp_path / "bad.pem"
    bad.write_text("no PEM")
    relay = f'[[relay]]\nname = "isp"\nhost = "r.example"\nca_file = "{bad}"\n'
    file.write_text(f'{relay}[tls]\ncertificate = "{bad}"\nprivate_key = "{tmp_path / "none.pem"}"\n')
    assert main(["check-config", str(file)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" = ")[0] for line in lines] == ["warning: tls.certificate", "warning: relay[1].ca_file"]


def test_the_status_warns_of_the_certificate() -> None:
    warning = "the own certificate ends in 4 days"
    facts = {"tls_ends_at": 1.0, "intake": {"certificate": {"warning": warning}}}
    assert f"\n  {warning}\n" in as_text("status", facts) + "\n"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * ((1 << 20) + 1), b"x = "])
def test_a_relay_with_a_broken_file_says_why_and_stays_down(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "outbox.toml"
    file.write_bytes(content)
    for words in (["relay"], ["status"], ["check-config"]):
        assert main([*words, "--config", str(file)]) == 1
        assert "should be" in capsys.readouterr().err


def test_without_a_relay_the_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--socket", str(tmp_path / "none")]) == 1
    assert "nobody answers" in capsys.readouterr().err


async def test_a_relay_that_dies_in_its_answer_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"ok": tr')
        writer.close()

    server = await asyncio.start_unix_server(half, str(tmp_path / "s"))
    assert await asyncio.to_thread(main, ["status", "--socket", str(tmp_path / "s")]) == 1
    assert "middle of its answer" in capsys.readouterr().err
    server.close()


def test_what_a_remote_host_said_cannot_move_the_cursor() -> None:
    entry = {"at": 1, "id": "Q", "to": "a@b\x1b[2J", "from": "\u202ec", "host": "mx\r\n", "reply": "550 \x1b]0;x\x07"}
    for verb in ("history", "bounces"):
        assert as_text(verb, [entry]).isprintable()
    assert as_json(entry).replace("\n", "").isprintable() and as_json(entry).isascii()
