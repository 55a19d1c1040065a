"""The lamp language: every row of its table, who goes first, and rhythms that harm nobody."""

import itertools
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance import pins
from appliance.core import lamps as language
from appliance.core.lamps import DEAD, LABELS, SETTINGS, STARTING, STATES, lamps
from appliance.core.pattern import (
    BLINK,
    FLASH,
    FLASH_EVERY_S,
    LOCATE,
    OFF,
    STEADY,
    Flashes,
    Pattern,
    Shutter,
    code,
    lamp_test,
)
from appliance.core.status import Dns, Status
from appliance.lamps_page import document

ROOT = Path(__file__).parents[2]
WELL = Status(accepting=True, now=1_800_000_000.0, link=True, dns=Dns(ok=True), port25="open")
PATTERNS = {state.pattern for states in STATES.values() for state in states} | {LOCATE, *map(lamp_test, range(4))}


def shown(**facts: Any) -> dict[str, Pattern]:
    return {lamp.label: lamp.pattern for lamp in lamps(replace(WELL, **facts))}


@pytest.mark.parametrize(
    ("facts", "pattern"),
    [
        ({}, STEADY),
        ({"updating": True}, BLINK),
        ({"accepting": False}, BLINK),
        ({"fault": "full", "accepting": False}, code(2)),
        ({"fault": "failing", "accepting": False}, code(3)),
        ({"fault": "read-only", "accepting": False}, code(3)),
        ({"fault": "busy", "accepting": False}, code(5)),
        ({"fault": "full", "accepting": False, "updating": True}, code(2)),
    ],
)
def test_system_says_whether_mail_is_taken(facts: dict[str, Any], pattern: Pattern) -> None:
    assert shown(**facts)["SYSTEM"] == pattern


@pytest.mark.parametrize(
    ("trouble", "pattern"), [(DEAD, code(1)), (SETTINGS, code(4)), (STARTING, BLINK), ("", code(1))]
)
def test_without_a_status_system_says_why_and_the_others_stay_dark(trouble: str, pattern: Pattern) -> None:
    made = lamps(None, trouble)
    assert made.system.pattern == pattern
    assert {made.queue.pattern, made.bounce.pattern, made.activity.pattern} == {OFF}
    assert made.queue.name == "not known"


OLD = {"oldest_at": WELL.now - 100.0, "alarm_age_s": 99.0}


@pytest.mark.parametrize(
    ("facts", "pattern"),
    [
        ({}, OFF),
        ({"queue": {"done": 3}}, OFF),
        ({"queue": {"queued": 1}}, STEADY),
        ({"queue": {"active": 1}}, STEADY),
        ({"queue": {"held": 1}}, STEADY),
        ({"queue": {"bouncing": 1}}, STEADY),
        ({"queue": {"deferred": 1}}, BLINK),
        ({"queue": {"deferred": 1, "active": 5, "held": 1}}, BLINK),
        ({"queue": {"deferred": 1}, **OLD}, code(2)),
        ({"queue": {"held": 1}, **OLD}, code(2)),
        ({"queue": {"queued": 1}, **OLD, "alarm_age_s": 100.0}, STEADY),
        ({"queue": {"queued": 1}, **OLD, "clock_known": False}, STEADY),
        ({"queue": {}, **OLD}, OFF),
    ],
)
def test_queue_says_what_waits(facts: dict[str, Any], pattern: Pattern) -> None:
    assert shown(**facts)["QUEUE"] == pattern


@pytest.mark.parametrize(
    ("facts", "pattern"),
    [
        ({}, OFF),
        ({"bounces": 1}, STEADY),
        ({"link": False}, code(2)),
        ({"link": None}, OFF),
        ({"dns": Dns(ok=False)}, code(3)),
        ({"dns": Dns(ok=None)}, OFF),
        ({"port25": "blocked"}, code(4)),
        ({"port25": "unknown"}, OFF),
        ({"fault": "full"}, code(5)),
        ({"fault": "failing"}, code(5)),
        ({"fault": "read-only"}, code(5)),
        ({"fault": "busy"}, OFF),
        ({"clock_known": False}, code(6)),
        ({"clock_known": False, "bounces": 1}, code(6)),
        ({"link": False, "dns": Dns(ok=False), "port25": "blocked", "fault": "full", "clock_known": False}, code(2)),
        ({"dns": Dns(ok=False), "port25": "blocked", "fault": "full", "clock_known": False}, code(3)),
        ({"port25": "blocked", "fault": "full", "clock_known": False}, code(4)),
        ({"fault": "full", "clock_known": False}, code(5)),
    ],
)
def test_bounce_says_what_to_read_or_which_fault(facts: dict[str, Any], pattern: Pattern) -> None:
    assert shown(**facts)["BOUNCE"] == pattern


@pytest.mark.parametrize(("moved_s", "pattern"), [(None, OFF), (0.1, FLASH), (1.9, FLASH), (2.0, OFF)])
def test_activity_says_whether_a_message_moved_just_now(moved_s: float | None, pattern: Pattern) -> None:
    assert shown(moved_s=moved_s)["ACTIVITY"] == pattern


def test_a_status_of_which_nothing_is_known_is_shown_as_starting() -> None:
    assert lamps(Status()).system.pattern == BLINK


def test_codes_come_before_blinking_before_steady_before_off() -> None:
    rank = {BLINK.name: 1, FLASH.name: 1, STEADY.name: 2, OFF.name: 3}
    for states in STATES.values():
        ranks = [rank.get(state.pattern.name, 0) for state in states]
        assert ranks == sorted(ranks)


def test_each_state_says_in_words_what_it_is() -> None:
    for states in STATES.values():
        for state in states:
            assert state.name and state.meaning.endswith(".") and len(state.meaning) < 250


def test_the_states_of_a_lamp_can_be_told_apart_by_their_rhythm() -> None:
    for label, states in STATES.items():
        by_rhythm = {state.pattern.spans: state.name for state in states if state.name != "updating"}
        assert len(by_rhythm) == len([state for state in states if state.name != "updating"]), label


# -- rhythms


def rises(pattern: Pattern) -> list[float]:
    times = [step / 100 for step in range(-1, int(pattern.length_s * 300))]
    return [now for before, now in itertools.pairwise(times) if pattern.on(now) and not pattern.on(before)]


@pytest.mark.parametrize("pattern", sorted(PATTERNS, key=str), ids=lambda each: each.name)
def test_no_pattern_flashes_more_than_three_times_a_second(pattern: Pattern) -> None:
    at = rises(pattern)
    assert all(later - first > 1.0 - 0.02 for first, later in zip(at, at[3:], strict=False))
    assert all(later - first >= FLASH_EVERY_S for first, later in itertools.pairwise(at))


@pytest.mark.parametrize("number", range(1, 7))
def test_a_code_has_its_number_of_flashes_and_a_pause_that_shows_the_end(number: int) -> None:
    pattern = code(number)
    at = [time for time in rises(pattern) if 0 <= time < pattern.length_s]
    assert len(at) == number
    assert pattern.length_s - at[-1] >= 3 * 0.5


def test_a_pattern_is_on_and_off_when_its_spans_say_so_and_repeats() -> None:
    assert [BLINK.on(at) for at in (0.0, 0.99, 1.0, 1.99, 2.0, 20_000.5)] == [True, True, False, False, True, True]
    assert [code(2).on(at) for at in (0, 0.3, 0.5, 0.8, 2.4, 2.5)] == [True, False, True, False, False, True]
    assert all(STEADY.on(at / 7) and not OFF.on(at / 7) for at in range(50))


def test_in_the_lamp_test_each_lamp_is_lit_with_all_and_alone() -> None:
    moments = [at / 10 for at in range(int(10 * lamp_test(0).length_s))]
    seen = {tuple(lamp_test(place).on(at) for place in range(4)) for at in moments}
    alone = {tuple(place == each for place in range(4)) for each in range(4)}
    assert seen == alone | {(True,) * 4, (False,) * 4}


def flashes(counts: list[int]) -> int:
    """How many flashes follow when the counter is read every 0.2 s, and ten seconds later."""
    made, now, before, seen = Flashes(), 0.0, False, 0
    for count in counts + counts[-1:] * 50:
        made.count(count)
        for _ in range(10):
            now += 0.02
            lit = made.on(now)
            seen += lit and not before
            before = lit
    return seen


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([5], 0), ([5, 5, 6], 1), ([0, 2], 2), ([0, 1, 2, 3], 3), ([0, 1000], 3), ([9, 3, 4], 1), ([9, 3], 0)],
)
def test_activity_flashes_once_for_each_message_and_does_not_lag_behind(counts: list[int], expected: int) -> None:
    assert flashes(counts) == expected


def test_the_shutter_keeps_any_change_below_three_flashes_a_second() -> None:
    shutter, at = Shutter(), list[float]()
    lit = False
    for step in range(1000):
        before, lit = lit, shutter.pass_on(step % 2 == 0, step / 50)
        if lit and not before:
            at.append(step / 50)
    assert len(at) > 20
    assert all(later - first >= FLASH_EVERY_S for first, later in itertools.pairwise(at))


# -- the same words everywhere


def test_the_lid_label_says_what_the_language_says() -> None:
    with (ROOT / "hardware/lamps.toml").open("rb") as file:
        rows = {row["signal"].upper(): row for row in tomllib.load(file)["lamp"]}
    assert list(rows) == [label for label, _ in LABELS]
    for label, states in STATES.items():
        said = {"off": OFF, "steady": STEADY, "blink": BLINK, "flash": FLASH}
        for word, pattern in said.items():
            assert rows[label].get(word, "") == ", ".join(state.name for state in states if state.pattern == pattern)
        codes = [state for state in states if state.pattern not in said.values()]
        numbered = [f"{state.pattern.name.split()[0]}  {state.name}" for state in codes]
        written = rows[label].get("code", [])
        assert written == numbered or (label == "QUEUE" and " ".join(written) == codes[0].name)


def test_the_table_for_the_newcomer_says_what_the_language_says() -> None:
    rows = [line.split(" | ") for line in (ROOT / "README.md").read_text().splitlines()]
    shown = {row[0].removeprefix("| "): " | ".join(row[1:]) for row in rows}
    for label, states in STATES.items():
        for state in states:
            number = state.pattern.name.split()[0]
            words = "one short flash for each message" if state.pattern == FLASH else state.name
            assert (f"{number} {words}" if number.isdigit() else words) in shown[label], (label, state.name)


def test_labels_and_colours_are_those_of_the_board() -> None:
    assert tuple((pin.signal.upper(), pin.colour) for pin in pins.LAMPS) == LABELS


def test_the_page_about_the_lamps_is_up_to_date() -> None:
    assert (ROOT / "docs/lamps.md").read_text() == document(), "run `make docs`"


def test_the_language_knows_every_fault_that_the_relay_can_have() -> None:
    for fault in ("full", "failing", "read-only", "busy"):
        status = replace(WELL, fault=fault, accepting=False)
        assert sum(state.applies(status) for state in language.SYSTEM[1:5] if state.pattern != code(4)) == 1
