"""Queue ids are short, sort by time and do not meet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.queueid import queue_id

TIMES = st.floats(0, 2**44 / 1000)


@given(TIMES, TIMES, st.integers(0, 10**6), st.integers(0, 32767))
def test_a_later_id_sorts_later(one: float, other: float, counter: int, box: int) -> None:
    if int(one * 1000) < int(other * 1000):
        assert queue_id(one, counter, box) < queue_id(other, counter, box)


def test_ids_of_one_millisecond_or_of_two_boxes_differ() -> None:
    made = {queue_id(1.79e9, counter, 5) for counter in range(1024)} | {
        queue_id(1.79e9, 0, box) for box in range(32768)
    }
    assert len(made) == 1024 + 32768 - 1
    assert {len(each) for each in made} == {14} and all(each.isalnum() for each in made)
