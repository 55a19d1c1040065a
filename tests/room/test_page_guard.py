"""Who may see and do what on the page: names, networks, login, forms; and what a viewer without login never sees."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.page.guard import HEADERS, host_of, local_path
from tests.room.page_box import PASSWORD, SECRETS, Desk, Relay, relay

ACTIONS = ("/message/Q1/retry", "/message/Q1/hold", "/message/Q1/release", "/message/Q1/delete", "/message/Q1/bounce",
           "/acknowledge", "/flush", "/send-test")  # fmt: skip
PAGES = ("/", "/message/Q1", "/devices", "/api/status", "/api/queue", "/api/queue/Q1", "/api/messages",
         "/api/message/Q1", "/api/history", "/api/bounces", "/api/devices", "/api/tallies", "/metrics")  # fmt: skip


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Relay]:
    with relay(tmp_path) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path, box: Relay) -> Desk:
    return Desk(tmp_path)


def changes(box: Relay) -> list[str]:
    return [verb for verb, _ in box.asked if verb != "messages"]


@pytest.mark.parametrize("path", PAGES)
def test_without_login_no_address_subject_or_remote_word_is_shown(desk: Desk, path: str) -> None:
    anonymous = desk.get(path)
    assert anonymous.status_code == 200
    assert not [each for each in (*SECRETS, "otto@", "192.0.2.9") if each in anonymous.text]
    desk.login()
    if path not in ("/metrics", "/api/tallies"):
        assert [each for each in SECRETS if each in desk.get(path).text or path == "/api/status"]


def test_a_setting_shows_details_to_all_but_gives_no_actions(tmp_path: Path, box: Relay) -> None:
    desk = Desk(tmp_path, anonymous_details=True)
    assert "anna@y.example" in desk.get("/").text and "csrf" not in desk.get("/message/Q1").text
    assert desk.post("/flush").status_code == 403 and changes(box) == []


def test_without_login_addresses_cannot_be_searched_for(desk: Desk, box: Relay) -> None:
    desk.get("/?address=anna@y.example")
    desk.get("/api/messages?address=anna@y.example&text=secret&device=192.0.2.7")
    assert "no device of that name" in desk.get("/?device=192.0.2.7").text
    assert all(not {"address", "text", "device"} & set(args) for verb, args in box.asked if verb == "messages")
    desk.get("/?device=Copier")
    desk.login()
    desk.get("/?address=anna@y.example&since=2026-11-24T10:00")
    assert [args for _, args in box.asked if "device" in args] == [{"device": "Copier", "limit": 16}]
    assert [args for _, args in box.asked if "address" in args] == [
        {"address": "anna@y.example", "since": 1795514400.0, "limit": 16}]  # fmt: skip


def test_login_opens_the_actions_and_they_reach_the_relay(desk: Desk, box: Relay) -> None:
    assert desk.login().status_code == 303
    cookie = desk.client.get_cookie("__Host-outbox", domain="outbox.local")
    assert cookie and cookie.secure and cookie.http_only and cookie.same_site == "Strict" and cookie.path == "/"
    for path in ACTIONS:
        assert desk.post(path, {"to": "anna@y.example"}).status_code == 303, path
    assert changes(box) == ["queue.retry", "queue.hold", "queue.release", "queue.delete", "queue.bounce", "acknowledge",
                            "flush", "send-test"]  # fmt: skip
    refused = desk.post("/message/gone/retry")
    assert refused.status_code == 409 and "message gone is not in the queue" in refused.text
    assert desk.post("/message/Q1/format-card").status_code == 404


@pytest.mark.parametrize("path", ACTIONS)
def test_no_action_without_login_token_origin_tls_or_by_get(desk: Desk, box: Relay, path: str) -> None:
    assert desk.post(path).status_code == 403, "no login"
    desk.login()
    assert desk.post(path, {"csrf": "0" * 32}).status_code == 403
    assert desk.post(path, {"csrf": ""}).status_code == 403
    for origin in ("https://evil.example", "null", "", "http://outbox.local", "https://outbox.local.evil.example"):
        assert desk.post(path, origin=origin).status_code == 403, origin
    assert desk.post(path, origin="http://outbox.local", scheme="http").status_code == 403
    assert desk.get(path).status_code in (404, 405)
    assert changes(box) == []


def test_a_token_of_another_session_is_not_taken(desk: Desk, box: Relay) -> None:
    foreign = desk.token()
    desk.login()
    assert desk.token() != foreign and desk.post("/flush", {"csrf": foreign}).status_code == 403


def test_no_login_over_the_plain_port(desk: Desk) -> None:
    assert "password" not in desk.get("/login", scheme="http").text.replace("Passwords", "")
    shown = desk.get("/message/Q1", scheme="http").text
    assert "https://outbox.local/login?next=/message/Q1" in shown


def test_a_session_ends_after_silence_and_live_updates_are_silence(desk: Desk, box: Relay) -> None:
    desk.login()
    for _ in range(4):
        desk.ticks.at += 1000
        assert "Log out" in desk.get("/").text
    for _ in range(2):
        desk.ticks.at += 1000
        desk.get("/", X_Live="1")
    assert "Log out" not in desk.get("/").text
    assert desk.post("/flush").status_code == 403 and changes(box) == []


def test_a_session_ends_at_logout_and_after_half_a_day(desk: Desk) -> None:
    desk.login()
    assert desk.post("/logout").status_code == 303
    assert "Log out" not in desk.get("/").text
    desk.login()
    for _ in range(50):
        desk.ticks.at += 1000
        desk.get("/")
    assert "Log out" not in desk.get("/").text


def test_wrong_passwords_wait_longer_and_longer_for_each_client_alone(desk: Desk) -> None:
    for _ in range(3):
        assert desk.login("guess").status_code == 403
    assert "please wait" in desk.login(PASSWORD).text
    desk.peer = "192.168.1.51"
    assert desk.login(PASSWORD).status_code == 303
    desk.post("/logout")
    desk.peer = "192.168.1.50"
    desk.ticks.at += 2
    assert desk.login("guess").status_code == 403 and "please wait 3" in desk.login(PASSWORD).text
    desk.ticks.at += 5
    assert desk.login(PASSWORD).status_code == 303


@pytest.mark.parametrize(
    "host", ["evil.example", "outbox.local.evil.example", "192.0.2.99", "evil.example:80", "", "@"]
)
def test_a_name_that_is_not_the_box_is_refused(desk: Desk, host: str) -> None:
    for path in ("/", "/api/status", "/healthz"):
        answer = desk.client.get(path, headers={"Host": host}, environ_base={"REMOTE_ADDR": desk.peer})
        assert answer.status_code in (400, 421) and "Mail" not in answer.text


@pytest.mark.parametrize(
    "host", ["outbox", "OUTBOX.local.", "outbox.local:8080", "192.0.2.1", "[2001:db8::1]:443", "localhost",
             "127.0.0.1:81", "mail.office.example"])  # fmt: skip
def test_the_names_and_addresses_of_the_box_are_served(tmp_path: Path, box: Relay, host: str) -> None:
    desk = Desk(tmp_path, host_names=("mail.office.example",))
    assert desk.get("/", host=host).status_code == 200


@pytest.mark.parametrize(
    "text, name", [("a b", ""), ("[::1]:x", ""), ("a:99999999", ""), ("A.b.:80", "a.b"), ("[::1]", "::1")]
)
def test_a_host_is_read_strictly(text: str, name: str) -> None:
    assert host_of(text) == name


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "/a\r\nb"]
)
def test_login_leads_nowhere_else(desk: Desk, target: str) -> None:
    assert local_path(target) == "/"
    assert desk.post("/login", {"password": PASSWORD, "next": target}).headers["Location"] == "/"


def test_networks_limit_the_page_metrics_and_api(tmp_path: Path, box: Relay) -> None:
    desk = Desk(tmp_path, networks=("192.168.1.0/24",), metrics_networks=("10.0.0.9",), api_networks=("private",))
    codes: dict[str, list[int]] = {}
    for desk.peer in ("192.168.1.50", "10.0.0.9", "8.8.8.8", "::ffff:192.168.1.7"):
        codes[desk.peer] = [desk.get(path).status_code for path in ("/", "/metrics", "/api/status", "/readyz")]
    assert codes == {"192.168.1.50": [200, 403, 200, 200], "10.0.0.9": [403, 200, 200, 200],
                     "8.8.8.8": [403, 403, 403, 200], "::ffff:192.168.1.7": [200, 403, 200, 200]}  # fmt: skip


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/api/nothing", "/static/style.css", "/healthz"])
def test_every_answer_carries_the_strict_headers(desk: Desk, path: str) -> None:
    headers: Any = desk.get(path).headers
    assert all(headers[name] == value for name, value in HEADERS.items())
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_files_need_the_login(desk: Desk) -> None:
    assert desk.get("/message/Q1/content.eml").status_code == 303 and desk.get("/files").status_code == 303
    desk.login()
    got = desk.get("/message/Q1/content.eml")
    assert got.data == b"Subject: hi\r\n\r\nhi\r\n" and got.content_type == "message/rfc822"
    assert got.headers["Content-Disposition"] == 'attachment; filename="Q1.eml"'
