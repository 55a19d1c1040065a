import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appliance.interface.client import Unreachable, ask
from appliance.interface.server import InterfaceServer
from appliance.ports import Refused
from appliance.settings.credentials import Credentials


def fail(args: dict[str, Any]) -> Any:
    raise Refused("no message Q1 is in the queue")


def bug(args: dict[str, Any]) -> Any:
    raise RuntimeError("a bug")


async def slow(args: dict[str, Any]) -> Any:
    return {"slow": args}


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[str]:
    path = str(tmp_path / "control.sock")
    verbs = {"status": lambda args: {"fine": True}, "refuse": fail, "bug": bug, "slow": slow}
    server = InterfaceServer(path, verbs, {})
    await server.start()
    yield path
    await server.stop()


async def said(path: str, verb: str, args: dict[str, Any] | None = None) -> Any:
    return await asyncio.to_thread(ask, path, verb, args)


async def test_verbs_answer_and_refuse_in_plain_words(path: str) -> None:
    assert await said(path, "status") == {"fine": True}
    assert await said(path, "slow", {"x": 1}) == {"slow": {"x": 1}}
    with pytest.raises(Refused, match="no message Q1"):
        await said(path, "refuse")
    with pytest.raises(Refused, match="the verbs are bug, refuse, slow, status"):
        await said(path, "nonsense")


async def test_a_bug_in_a_verb_is_logged_and_the_next_request_is_served(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Refused, match="noted in its log"):
        await said(path, "bug")
    assert "RuntimeError" in caplog.text
    assert await said(path, "status") == {"fine": True}


@pytest.mark.parametrize(
    "line",
    [b"\xff\xfe\n", b"[]\n", b'{"verb": 3}\n', b'{"verb": "status", "args": 1}\n', b"[" * 100_000 + b"\n", b"null\n"],
)
async def test_a_bad_request_gets_a_clear_answer(path: str, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    answer = json.loads(await reader.readline())
    assert answer["ok"] is False and answer["error"]
    writer.close()


async def test_an_endless_line_ends_the_connection_only(path: str) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"x" * (3 << 20))
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    assert await said(path, "status") == {"fine": True}


async def test_a_stale_socket_of_a_dead_relay_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = InterfaceServer(str(path), {"status": lambda args: 1}, {})
    await server.start()
    assert await said(str(path), "status") == 1
    await server.stop()
    with pytest.raises(Unreachable, match="nobody answers"):
        await said(str(path), "status")


async def test_a_file_that_is_no_socket_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "outbox.toml"
    path.write_text("format = 1")
    with pytest.raises(OSError):
        await InterfaceServer(str(path), {}, {}).start()
    assert path.read_text() == "format = 1"


async def test_the_service_managers_credentials_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "isp").write_text("from the manager\n")
    (tmp_path / "outside").mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    missing = Credentials(str(tmp_path / "none.toml"))
    assert await missing.password("isp") == "from the manager"
    assert await missing.password("../isp") is None


async def test_a_password_file_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "credentials.toml"
    file.write_text('[isp]\npassword = "secret"\n')
    file.chmod(0o600)
    assert await Credentials(str(file)).password("isp") == "secret"
    assert await Credentials(str(file)).password("other") is None
    file.chmod(0o644)
    assert await Credentials(str(file)).password("isp") is None


@pytest.mark.parametrize("text", ["isp = 3", "[isp]\npassword = 7", "[isp", "\x00"])
async def test_a_broken_password_file_is_no_password(tmp_path: Path, text: str) -> None:
    file = tmp_path / "credentials.toml"
    file.write_text(text)
    file.chmod(0o600)
    assert await Credentials(str(file)).password("isp") is None
