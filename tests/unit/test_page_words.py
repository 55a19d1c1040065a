"""The page's words and shapes from facts: pure."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.lamps import lamps
from appliance.core.status import Dns, Status
from appliance.page import graph, wording
from appliance.page.headline import box, headline
from appliance.page.views import Viewer, Views
from appliance.page.wording import DELIVERED, FAILED, GOING, HELD, PARTLY, WAITING, Times, message_state, span

NOON = 1_795_521_600.0  # 2026-11-24 12:00 UTC
TIMES = Times("Europe/Vienna")
NAMES = (
    *("id", "phase", "from", "subject", "client", "device", "size", "arrived_at", "repairs", "held", "next_attempt_s"),
    *("recipients", "recipients_total", "to", "state", "reply", "host", "at", "cure", "attempts", "outcome", "via"),
    *("seen_at", "messages", "name", "last_refusal"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=15,
)
ROWS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=len(NAMES))


@pytest.mark.parametrize(
    "states, shown",
    [([DELIVERED, DELIVERED], DELIVERED), ([DELIVERED, WAITING], WAITING), ([FAILED, FAILED], FAILED),
     ([DELIVERED, FAILED], PARTLY), ([WAITING, FAILED], PARTLY), ([HELD, GOING], HELD), ([], wording.UNKNOWN)],
)  # fmt: skip
def test_a_message_is_as_its_recipients_are(states: list[wording.State], shown: wording.State) -> None:
    assert message_state(states) == shown


def test_times_are_the_boxs_own_and_near_ones_have_names() -> None:
    assert TIMES.words(NOON, NOON) == "today 13:00"
    assert (
        TIMES.words(NOON - 14 * 3600, NOON) == "yesterday 23:00" and TIMES.words(NOON + 86400, NOON) == "tomorrow 13:00"
    )
    assert TIMES.words(NOON - 5 * 86400, NOON) == "Thu 19 Nov 13:00" and TIMES.words(0, NOON) == "not known"
    assert TIMES.typed("2026-11-24T13:00") == NOON and TIMES.typed("noon") is None
    assert Times("Nowhere/Never").words(NOON, NOON) == "today 12:00"
    assert [span(each) for each in (3, 60, 7200, 1e9)] == ["less than a minute", "1 minute", "2 hours", "11574 days"]


def test_the_graph_is_what_was_counted() -> None:
    begin = int(NOON) - 143 * 600
    rows = [[begin + 600 * place, 8 if place == 100 else 0, 4 if place in (100, 101) else 0] for place in range(144)]
    day = graph.day({"day": rows}, TIMES)
    assert day.summary == "8 deliveries and 8 not delivered in the last 24 hours" and day.top == 12
    assert sum(good for _, good, _ in day.table) == 8 and ("Tue 06:00", 0, 4) in day.table
    (bar,) = re.findall(r"M([\d.]+) ([\d.]+)h[\d.]+v([\d.]+)", day.delivered)
    assert [float(each) for each in bar] == pytest.approx(
        [100 * graph.WIDTH / 144, graph.HEIGHT / 3, graph.HEIGHT * 2 / 3], abs=0.1
    )
    assert len(re.findall("M", day.failed)) == 2 and len(day.table) == 25


@pytest.mark.parametrize(
    "data", [None, [], {"day": 3}, {"day": [[1, 2]]}, {"day": [["x", 1, 1]]}, {"day": [[-1, 1, 1]]}]
)
def test_a_graph_of_nonsense_is_empty(data: Any) -> None:
    assert graph.day(data, TIMES).delivered == ""


def said(**facts: Any) -> str:
    status = Status(accepting=True, now=NOON, **facts)
    return headline(status, lamps(status), TIMES).text


def test_the_headline_says_the_worst_thing_first() -> None:
    assert said() == "All is well: mail goes out"
    assert said(queue={"queued": 1}) == "Mail is going out"
    assert said(queue={"deferred": 1}) == "Mail goes out; some has to wait"
    assert said(queue={"deferred": 1}, bounces=2) == "2 messages could not be delivered"
    assert said(bounces=2, link=False) == said(dns=Dns(ok=False)) == "Mail has to wait"
    assert said(link=False, fault="full") == "New mail is refused"
    assert headline(None, lamps(None), TIMES).level == "bad"
    status = Status(accepting=True, now=NOON, queue={"deferred": 2}, oldest_at=NOON - 7200)
    assert box(status, TIMES, False)[0].value == "2 deferred; the oldest for 2 hours"


def test_what_needs_somebody_stands_among_the_facts() -> None:
    intake = {"complaints": ["listener lan cannot listen on port 25"], "certificate": {"warning": "ends in 12 days"}}
    status = Status(accepting=True, now=NOON, intake=intake, damage=("Q1 is damaged",), tls_ends_at=NOON + 86400)
    shown = {fact.value: fact.level for fact in box(status, TIMES, True)}
    assert shown["listener lan cannot listen on port 25"] == "bad" and shown["ends in 12 days"] == "wait"
    assert "Q1 is damaged" in shown
    assert "Q1 is damaged" not in {fact.value for fact in box(status, TIMES, False)}


@settings(max_examples=150, deadline=None)
@given(ROWS, st.booleans())
def test_no_row_that_a_damaged_history_could_hold_breaks_a_page(row: dict[str, Any], details: bool) -> None:
    views, viewer = Views(TIMES, NOON), Viewer(details=details)
    views.messages([row], viewer)
    views.bounces([row], viewer)
    views.devices([row], viewer)
