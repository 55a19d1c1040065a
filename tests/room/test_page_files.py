"""Files that pass through the page: only after login, bounded before they are read, streamed to their folder."""

import asyncio
import http.client
import io
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.page.process import Page
from tests.room.page_box import PASSWORD, Desk, Relay, relay
from tests.room.test_page_process import certificate, running

BOUNDARY = "the-boundary"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Relay]:
    with relay(tmp_path) as made:
        yield made


def test_a_backup_is_sealed_under_the_passphrase_that_was_typed_twice(tmp_path: Path, box: Relay) -> None:
    desk = Desk(tmp_path)
    twice = {"passphrase": "correct horse", "again": "correct horse"}
    assert desk.post("/files/backup", twice).status_code == 403
    assert desk.get("/files/support.txt").status_code == 303
    desk.login()
    got = desk.post("/files/backup", twice)
    assert got.data == b"sealed under correct horse" and "attachment" in got.headers["Content-Disposition"]
    assert "not the same" in desk.post("/files/backup", {**twice, "again": "wrong"}).text
    assert desk.get("/files/support.txt").text == "== version" and "7 %, checking" in desk.get("/files").text


def test_without_a_steward_the_page_says_so(tmp_path: Path) -> None:
    with relay(tmp_path):
        desk = Desk(tmp_path)
        desk.login()
        (tmp_path / "steward.sock").unlink()
        assert "The steward does not answer" in desk.get("/files/support.txt").text
        assert desk.get("/files").status_code == 200


class Browser:
    """One that keeps its cookie, over TLS."""

    def __init__(self, page: Page) -> None:
        self.host, self.port = page.bound[1]
        self.cookie = self.token = ""

    def ask(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/x-www-form-urlencoded"
    ) -> tuple[int, str]:
        line = http.client.HTTPSConnection(self.host, self.port, timeout=20, context=ssl._create_unverified_context())
        headers = {"Cookie": self.cookie, "Origin": f"https://{self.host}:{self.port}", "Content-Type": kind}
        try:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            text = answer.read().decode()
        finally:
            line.close()
        self.cookie = answer.headers.get("Set-Cookie", self.cookie).partition(";")[0]
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', text)
        self.token = found[1] if found else self.token
        return answer.status, text

    def login(self) -> None:
        self.ask("GET", "/login")
        password = PASSWORD.replace(" ", "+")
        assert self.ask("POST", "/login", f"csrf={self.token}&password={password}".encode())[0] == 303
        self.ask("GET", "/files")

    def upload(self, octets: bytes) -> tuple[int, str]:
        part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
        head = f'{part}csrf"\r\n\r\n{self.token}\r\n{part}bundle"; filename="../../x.raucb"\r\n\r\n'
        body = head.encode() + octets + f"\r\n--{BOUNDARY}--\r\n".encode()
        return self.ask("POST", "/files/update", body, f"multipart/form-data; boundary={BOUNDARY}")


async def test_an_update_bundle_goes_to_its_folder_and_to_the_steward(tmp_path: Path, box: Relay) -> None:
    certificate(tmp_path / "tls")
    (tmp_path / "updates").mkdir()
    (tmp_path / "updates" / "upload-old.new").write_bytes(b"an interrupted one")
    bundle = bytes(range(256)) * 8000
    async with running(tmp_path) as page:
        browser = Browser(page)
        await asyncio.to_thread(browser.login)
        assert (await asyncio.to_thread(browser.upload, bundle))[0] == 303
    assert box.bundle == bundle
    assert [each.name for each in (tmp_path / "updates").iterdir()] == ["update.raucb"]


async def test_a_large_body_of_a_stranger_is_refused_by_its_head(tmp_path: Path, box: Relay) -> None:
    certificate(tmp_path / "tls")
    (tmp_path / "updates").mkdir()
    async with running(tmp_path) as page:
        stranger = Browser(page)
        await asyncio.to_thread(stranger.ask, "GET", "/login")
        try:
            code, _ = await asyncio.to_thread(stranger.upload, b"x" * (8 << 20))
        except OSError:  # the answer came, and the end, while it was still sending
            code = 413
        assert code == 413
        assert list((tmp_path / "updates").iterdir()) == [] and box.bundle == b""


def test_a_bundle_that_the_card_has_no_room_for_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "updates").mkdir()
    files = Desk(tmp_path).web.files
    assert files.takes(1 << 20) and not files.takes(1 << 40) and not files.takes(0)
    (tmp_path / "updates").rmdir()
    assert not files.takes(1 << 20)


def test_an_own_certificate_is_handed_to_the_steward(tmp_path: Path, box: Relay) -> None:
    desk = Desk(tmp_path)
    desk.login()
    chain, key = (io.BytesIO(b"the chain"), "chain.pem"), (io.BytesIO(b"the key"), "key.pem")
    sent = desk.client.post(
        "/files/certificate",
        data={"csrf": desk.token(), "chain": chain, "key": key},
        base_url="https://outbox.local",
        headers={"Origin": "https://outbox.local"},
        environ_base={"REMOTE_ADDR": desk.peer},
    )
    assert sent.status_code == 303
    assert box.asked[-1] == ("certificate.set", {"chain": "the chain", "key": "the key"})
    assert desk.post("/files/certificate").status_code == 400
