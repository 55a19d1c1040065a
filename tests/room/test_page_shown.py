"""What the page shows, to people and to machines, with a relay that is well, hostile or dead."""

import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.room.page_box import NOW, PROBE, Desk, Relay, message, recipient, relay


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Relay]:
    with relay(tmp_path) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path, box: Relay) -> Desk:
    desk = Desk(tmp_path)
    desk.login()
    return desk


class Elements(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_it_answers_whether_the_scan_went(desk: Desk) -> None:
    text = desk.get("/").text
    for words in (
        *("Did my scan go?", "1 message could not be delivered", "Waiting to try again", "Not delivered", "Delivered"),
        *("anna@y.example", "Copier", "says mx.y.example[192.0.2.9]", "550 5.1.1 &lt;otto@z.example&gt;"),
        *("Check the address.", "Acknowledge", "Settings are not changed here"),
    ):
        assert words in text, words


def test_only_the_bounces_that_were_shown_are_acknowledged(desk: Desk, box: Relay) -> None:
    shown = re.search(r'name="until" value="([0-9.]+)"', desk.get("/").text)
    assert shown and float(shown[1]) == NOW
    desk.post("/acknowledge", {"until": shown[1]})
    assert ("acknowledge", {"until": NOW}) in box.asked
    desk.post("/acknowledge", {"until": "now"})
    assert box.asked[-1] == ("acknowledge", {"until": 0.0})


def test_a_message_page_has_every_attempt(desk: Desk, box: Relay) -> None:
    attempts = [
        {"at": NOW - n, "outcome": "deferred", "via": "direct", "host": f"mx{n}.y.example", "reply": f"45{n} no"}
        for n in range(9)
    ]
    box.facts["message"] = message("Q1", recipient("anna@y.example", reply="451 no", attempts=attempts))
    text = desk.get("/message/Q1").text
    assert all(f"mx{n}.y.example" in text and f"45{n} no" in text for n in range(9))
    assert "added Date" in text and "copier.helo" in text and "Try now" in text


def test_hostile_text_from_everywhere_is_shown_as_text(desk: Desk, box: Relay) -> None:
    plain = {path: Elements(desk.get(path).text) for path in ("/", "/message/Q1", "/devices")}
    attempt = {"at": NOW, "outcome": PROBE, "via": PROBE, "host": PROBE, "reply": "451 " + PROBE}
    row = recipient(PROBE, reply="550 " + PROBE, host=PROBE, cure=PROBE, attempts=[attempt])
    evil = message(PROBE, row, subject=PROBE, device=PROBE, client=PROBE, helo=PROBE, account=PROBE, repairs=[PROBE],
                   held=PROBE, **{"from": PROBE})  # fmt: skip
    box.facts |= {"messages": [evil], "message": evil}
    box.facts["bounces"] = [dict.fromkeys(("id", "recipient", "reply", "host", "subject", "device", "cure"), PROBE)]
    box.facts["devices"] = [{**box.facts["devices"][0], "name": PROBE, "address": PROBE, "note": PROBE, "held": PROBE,
                             "last_refusal": PROBE, "repairs": {PROBE: 1}}]  # fmt: skip
    box.facts["status"] |= {"mail_name": PROBE, "version": PROBE, "addresses": [PROBE]}
    desk.facts._kept.clear()
    for path, before in plain.items():
        text = desk.get(path + "?note=" + "%3Cscript%3E" + ("&address=%22%3E%3Cb%3E" if path == "/" else "")).text
        shown = Elements(text)
        assert "&lt;script&gt;" in text and "<script>alert" not in text and "<img src=x" not in text, path
        assert shown.names <= before.names | {"svg", "path"} and "onerror" not in shown.attributes
        assert "\x1b" not in text and "\u202e" not in text
    assert "{{7*7}}" in desk.get("/message/Q1").text
    assert desk.get("/api/messages").get_json()[0]["subject"] == PROBE


def test_with_a_dead_relay_the_page_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    home = desk.get("/")
    assert home.status_code == 200 and "The relay does not answer: no mail is taken. It is started again" in home.text
    assert desk.get("/devices").status_code == 200 and desk.get("/words").status_code == 200
    assert desk.get("/healthz").status_code == 200 and desk.get("/healthz").text == "ok\n"
    assert desk.get("/readyz").status_code == 503 and "does not answer" in desk.get("/readyz").text
    assert desk.get("/metrics").text.splitlines()[-1] == "outbox_up 0"
    assert desk.get("/api/status").status_code == 503 and desk.get("/message/Q1").status_code == 503
    assert "nobody can log in" in desk.login().text


@pytest.mark.parametrize(
    "fault, words", [("full", "The card is full: new mail is refused"), ("failing", "does not take what is written")]
)
def test_a_box_that_refuses_mail_is_not_ready(desk: Desk, box: Relay, fault: str, words: str) -> None:
    assert desk.get("/readyz").text == "ready\n"
    box.facts["status"] |= {"fault": fault, "accepting": False}
    desk.facts._kept.clear()
    assert desk.get("/readyz").status_code == 503 and words in desk.get("/").text


def test_metrics_are_prometheus_text(desk: Desk) -> None:
    answer = desk.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert "outbox_queue_oldest_message_age_seconds 120" in lines and 'outbox_queue_length{state="deferred"} 1' in lines
    assert "outbox_messages_accepted_total 7" in lines and "outbox_up 1" in lines
    for line in lines:
        assert re.fullmatch(r'# (HELP|TYPE) outbox_\w+ .+|outbox_\w+(\{\w+="[^"\n]*"\})? -?[0-9.e+]+', line), line
    named = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(named) == len(set(named))


def test_the_api_has_the_shapes_of_the_relay(desk: Desk, box: Relay) -> None:
    verbs = {"queue": "queue.list", "queue/Q1": "queue.show", "message/Q1": "message"}
    verbs |= {each: each for each in ("status", "history", "devices", "tallies", "bounces", "messages")}
    for path, verb in verbs.items():
        assert desk.get(f"/api/{path}").get_json() == box.facts[verb], path
    assert desk.get("/api/format").status_code == 404 and desk.get("/api/flush").status_code == 404


def test_live_updates_cost_nothing_while_nothing_changes(desk: Desk, box: Relay) -> None:
    first = desk.get("/", X_Live="1")
    again = desk.get("/", X_Live="1", If_None_Match=first.headers["ETag"])
    assert again.status_code == 304 and again.data == b""
    box.facts["status"] |= {"bounces": 2}
    desk.facts._kept.clear()
    assert desk.get("/", X_Live="1", If_None_Match=first.headers["ETag"]).status_code == 200


def test_the_words_are_those_of_the_console(desk: Desk) -> None:
    text = desk.get("/words").text
    assert "<dt>DNS server</dt>" in text and "<dt>bounce</dt>" in text


def test_a_bug_costs_one_answer_and_forges_no_line_of_the_log(
    desk: Desk, box: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    box.facts["message"] = 7
    answer = desk.get("/message/Q1%0AJan%201%20sshd:%20welcome%1B[2J")
    assert answer.status_code == 500 and "noted in the log" in answer.text and "Traceback" not in answer.text
    assert "a bug in the page at /message/Q1 Jan 1 sshd: welcome?[2J" in caplog.text and "\x1b" not in caplog.text
    assert desk.get("/").status_code == 200


def test_many_viewers_cost_the_relay_one_question(desk: Desk, box: Relay) -> None:
    desk.facts._kept.clear()
    box.counts.clear()
    for _ in range(20):
        desk.get("/")
    assert all(count <= 3 for count in box.counts.values()), box.counts


def test_a_flood_of_different_questions_does_not_reach_the_relay(desk: Desk, box: Relay) -> None:
    desk.facts._kept.clear()
    box.counts.clear()
    began = time.monotonic()
    codes = [desk.get(f"/api/history?since={number}").status_code for number in range(15)]
    assert codes == [200] * 15
    assert box.counts["history"] <= 7 + (time.monotonic() - began) / 0.2
    desk.facts._next_at = time.monotonic() + 3.0  # as a hundred clients at once would make it
    assert desk.get("/api/history?since=99").status_code == 409 and box.counts["history"] == 15


def test_the_whole_page_is_small_and_asks_nobody_else(desk: Desk, box: Relay) -> None:
    said = "250 2.0.0 Ok: queued as 4XyZ"
    box.facts["messages"] = [message(f"Q{n}", recipient(f"anna{n}@y.example", "delivered", said)) for n in range(25)]
    box.facts["tallies"]["week"] = [[int(NOW) // 3600 * 3600 - 3600 * n, 20 + n % 9, n % 4] for n in range(167, -1, -1)]
    desk.facts._kept.clear()
    home = desk.get("/")
    links = re.findall(r'(?:src|href)="([^"]+)"', home.text)
    assert not [each for each in links if not each.startswith(("/", "#"))]
    loaded = {each for each in links if each.startswith("/static/")}
    assert len(loaded) == 3
    total = len(home.data) + sum(len(desk.get(each).data) for each in loaded)
    assert total < 50_000, total
    assert " style=" not in home.text and not re.search(r"<script(?![^>]* src=)| on\w+=", home.text)


def test_older_mail_is_a_page_of_its_own_that_goes_on_where_the_last_one_ended(desk: Desk, box: Relay) -> None:
    said = recipient("anna@y.example", "delivered", "250 2.0.0 Ok")
    rows = [message(f"Q{n}", said, arrived_at=NOW - n, subject="W" * 200) for n in range(60)]
    link = "/?address=anna"
    for shown in (15, 25):
        box.facts["messages"] = rows
        desk.facts._kept.clear()
        page = desk.get(link)
        assert len(re.findall(r'class="to"', page.text)) == shown + 1 and len(page.data) < 50_000  # and the bounce
        link = re.findall(r'href="(/\?address=anna&amp;before=[^"]+)"', page.text)[0].replace("&amp;", "&")
        rows = rows[shown:]
        assert NOW < float(link.rpartition("=")[2]) + (60 - len(rows)) < NOW + 0.001
    assert box.asked[-1][1]["until"] > 0 and box.asked[-1][1]["address"] == "anna"


@pytest.mark.parametrize("before", ["nan", "-1", "1e300", "x", "inf", "%00"])
def test_a_page_that_nobody_links_to_is_the_first_one(desk: Desk, before: str) -> None:
    assert "anna@y.example" in desk.get(f"/?before={before}").text


def test_subjects_are_shown_for_their_days_only(tmp_path: Path, box: Relay) -> None:
    box.facts["messages"][0]["arrived_at"] = 86400.0
    desk = Desk(tmp_path, anonymous_details=True, subject_days=7)
    assert desk.get("/api/messages").get_json()[0]["subject"] == ""


@pytest.mark.parametrize("asked", ["since=yesterday", "since=2026-99-99T00:00", "until=%00"])
def test_a_time_that_is_none_is_explained(desk: Desk, asked: str) -> None:
    answer = desk.get("/?" + asked)
    assert answer.status_code == 200 and "A time is written like" in answer.text
