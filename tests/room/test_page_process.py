"""The page's doors: real sockets and TLS before the real server within, bounded for each client."""

import asyncio
import hashlib
import http.client
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from appliance import crypto
from appliance.page.front import CLIENT_MAX
from appliance.page.process import BODY_MAX, Page
from appliance.settings.schema import Control, Paths, Settings
from appliance.settings.schema import Page as PageSettings
from tests.e2e.box import free_port


def certificate(folder: Path) -> str:
    """A fresh one where the relay would put it; its fingerprint as the page shows it."""
    folder.mkdir(exist_ok=True)
    chain, key = crypto.self_signed("outbox.example", time.time(), 10)
    (folder / "self-signed.key").write_bytes(key)
    (folder / "self-signed.pem").write_bytes(chain)
    return fingerprint(ssl.PEM_cert_to_DER_cert(chain.decode()))


def fingerprint(der: bytes) -> str:
    return ":".join(f"{octet:02X}" for octet in hashlib.sha256(der).digest())


@asynccontextmanager
async def running(folder: Path, **page: Any) -> AsyncIterator[Page]:
    ports: dict[str, Any] = {"port": free_port(), "tls_port": free_port()}
    made = Page(
        Settings(
            page=PageSettings(address="127.0.0.1", **ports, **page),
            control=Control(socket=str(folder / "control.sock"), steward_socket=str(folder / "steward.sock")),
            paths=Paths(tls=str(folder / "tls"), updates=str(folder / "updates")),
        )
    )
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def ask(page: Page, secure: bool, path: str = "/healthz", **more: Any) -> tuple[int, str]:
    host, port = page.bound[int(secure)]
    line: http.client.HTTPConnection
    if secure:
        context = ssl._create_unverified_context()  # as a browser whose user has compared the fingerprint
        line = http.client.HTTPSConnection(host, port, timeout=10, context=context)
    else:
        line = http.client.HTTPConnection(host, port, timeout=10)
    try:
        line.request(more.pop("method", "GET"), path, **more)
        answer = line.getresponse()
        return answer.status, answer.read().decode()
    finally:
        line.close()


async def asked(page: Page, secure: bool = False, path: str = "/healthz", **more: Any) -> tuple[int, str]:
    return await asyncio.to_thread(ask, page, secure, path, **more)


async def test_both_ports_serve_and_only_the_one_with_tls_has_the_password(tmp_path: Path) -> None:
    certificate(tmp_path / "tls")
    async with running(tmp_path) as page:
        assert await asked(page) == await asked(page, secure=True) == (200, "ok\n")
        assert 'type="password"' not in (await asked(page, path="/login"))[1]
        assert 'type="password"' in (await asked(page, secure=True, path="/login"))[1]


async def test_the_certificate_shown_is_the_one_in_use_and_a_new_one_needs_no_start(tmp_path: Path) -> None:
    first = certificate(tmp_path / "tls")
    async with running(tmp_path) as page:
        assert fingerprint(await asyncio.to_thread(seen, page)) == first
        second = certificate(tmp_path / "tls")
        assert fingerprint(await asyncio.to_thread(seen, page)) == second != first
        assert second in (await asked(page, secure=True, path="/"))[1]


def seen(page: Page) -> bytes:
    context = ssl._create_unverified_context()
    with socket.create_connection(page.bound[1], 10) as plain, context.wrap_socket(plain) as tls:
        return tls.getpeercert(True) or b""


async def test_without_a_certificate_the_plain_page_still_serves(tmp_path: Path) -> None:
    async with running(tmp_path) as page:
        assert (await asked(page))[0] == 200
        with pytest.raises(OSError):
            await asked(page, secure=True)
        certificate(tmp_path / "tls")
        assert (await asked(page, secure=True))[0] == 200


async def test_a_network_that_may_not_come_is_hung_up_on(tmp_path: Path) -> None:
    async with running(tmp_path, networks=("10.0.0.0/8",), metrics_networks=(), api_networks=()) as page:
        with pytest.raises((OSError, http.client.HTTPException)):
            await asked(page)


async def test_the_server_within_answers_nobody_but_the_front(tmp_path: Path) -> None:
    async with running(tmp_path) as page:
        line = http.client.HTTPConnection(*page.inner, timeout=10)

        def direct() -> tuple[int, bytes]:
            line.request("GET", "/", headers={"Host": "localhost", "X-Forwarded-For": "127.0.0.1"})
            answer = line.getresponse()
            return answer.status, answer.read()

        try:
            assert await asyncio.to_thread(direct) == (403, b"this is not the way in\n")
        finally:
            line.close()


async def test_one_client_can_neither_take_all_places_nor_stall_the_handshake_of_others(tmp_path: Path) -> None:
    certificate(tmp_path / "tls")
    async with running(tmp_path) as page:
        lines = [await asyncio.open_connection(*page.bound[1], local_addr=("127.0.0.77", 0)) for _ in range(CLIENT_MAX)]
        too_many = await asyncio.open_connection(*page.bound[1], local_addr=("127.0.0.77", 0))
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(too_many[0].read(), 5) == b""
        began = time.monotonic()
        assert (await asked(page, secure=True))[0] == 200
        assert time.monotonic() - began < 5
        for _, writer in [*lines, too_many]:
            writer.transport.abort()


async def test_what_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    certificate(tmp_path / "tls")
    async with running(tmp_path) as page:
        reader, writer = await asyncio.open_connection(*page.bound[0])
        writer.write(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX + 1))
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 413")
        writer.transport.abort()
        with suppress(OSError):
            code, _ = await asked(page, headers={"X-Long": "x" * 100_000})
            assert code in (400, 431)
        assert (await asked(page))[0] == 200


@pytest.mark.parametrize(
    "octets", [b"\r\n\r\n", b"\x00" * 5000, b"GET / HTTP/9.9\r\n\r\n", b"GET /\xff\xfe HTTP/1.1\r\n\r\n"]
)
async def test_nonsense_costs_the_connection_only(tmp_path: Path, octets: bytes) -> None:
    async with running(tmp_path) as page:
        reader, writer = await asyncio.open_connection(*page.bound[0])
        writer.write(octets)
        writer.write_eof()
        with suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 10)
        writer.transport.abort()
        assert (await asked(page))[0] == 200
