"""The small Internet, once for all tests here."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.lab import PEERS, Network, Relay, Server


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    assert os.geteuid() == 0, "network namespaces need root"
    net = Network()
    try:
        net.up()
        yield net
    finally:
        net.down()


@pytest.fixture(scope="session")
def servers(network: Network) -> Iterator[dict[str, Server]]:
    found = {name: Server(name, network) for name in ("dns", *PEERS)}
    try:
        for server in found.values():
            server.start()
        for name in PEERS:
            found[name].await_greeting()
        yield found
    finally:
        for server in found.values():
            server.stop()


@pytest.fixture(scope="session")
def relay(network: Network, servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    box = Relay(network, tmp_path_factory.mktemp("box"))
    try:
        box.start()
        yield box
        assert box.stop() == 0, box.words()
        assert "Traceback" not in box.words_path.read_text(errors="replace")
    finally:
        if box.process is not None and box.process.poll() is None:
            box.process.kill()
            box.process.wait()


@pytest.fixture
def mark() -> str:
    """A word that finds one message again."""
    return uuid.uuid4().hex


@pytest.fixture
def letter(tmp_path: Path, mark: str) -> Path:
    """A message as a file, with what careless programs change: dots, 8-bit, trailing blanks, a last empty line."""
    path = tmp_path / "letter.eml"
    path.write_bytes(
        f"From: sender@office.example\nTo: reader@example\nSubject: {mark}\nDate: Tue, 24 Nov 2026 10:00:00 +0000\n"
        f"Message-ID: <{mark}@office.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        f"Content-Transfer-Encoding: 8bit\n\n.\n..\n.hidden\nGrüße aus dem Büro\ntrailing blank \n\tтест\nFrom here\n"
        "\n".encode()
    )
    return path
