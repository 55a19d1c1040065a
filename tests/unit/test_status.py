"""The facts of the box as they come over the command interface: whatever is absent or odd is not known."""

from dataclasses import fields

import pytest

from appliance.core.status import Status
from appliance.printing import as_text

WHOLE = {
    "version": "1.0", "mail_name": "box.example", "host_name": "outbox", "accepting": True, "fault": "",
    "queue": {"queued": 1, "active": 2, "deferred": 3, "held": 4, "bouncing": 5, "done": 9},
    "oldest_at": 900.0, "next_attempt_at": 1001, "bounces": 2, "accepted": 3, "delivered": 4, "failed": 5,
    "moved_s": 0.5, "started_at": 1.0, "now": 1000.0, "clock_known": True, "link": False, "addresses": ["192.0.2.1"],
    "dns": {"ok": False, "servers": ["192.0.2.53"], "why": "silent"}, "port25": "blocked", "temperature_c": 41.5,
    "tls_fingerprint": "AB", "tls_ends_at": 2e9, "alarm_age_s": 60.0, "updating": True, "locating": True,
    "testing_lamps": True, "spool": {"free_bytes": 1}, "damage": ["x"], "listeners": [["lan", "::", 25]],
    "intake": {"connections": 1},
}  # fmt: skip


def test_each_fact_is_taken_as_it_was_told() -> None:
    status = Status.of(WHOLE)
    assert set(WHOLE) == {each.name for each in fields(Status)}
    assert (status.next_attempt_at, status.link, status.dns.ok, status.dns.why) == (1001.0, False, False, "silent")
    assert (status.waiting, status.oldest_age_s) == (15, 100.0)
    assert status.listeners == (("lan", "::", 25),)


@pytest.mark.parametrize("absent", WHOLE)
def test_an_absent_fact_is_not_known_and_hides_no_other(absent: str) -> None:
    got = Status.of({name: value for name, value in WHOLE.items() if name != absent})
    assert getattr(got, absent) == getattr(Status(), absent)
    kept = next(name for name in ("version", "mail_name") if name != absent)
    assert getattr(got, kept) == WHOLE[kept]


@pytest.mark.parametrize("odd", [None, [], {}, "x", 7, True, [[1]], {"x": {}}, float("nan")])
@pytest.mark.parametrize("name", WHOLE)
def test_a_fact_of_another_kind_never_raises(name: str, odd: object) -> None:
    Status.of({**WHOLE, name: odd})


@pytest.mark.parametrize("data", [None, [], "x", 7])
def test_what_is_no_status_is_one_of_which_nothing_is_known(data: object) -> None:
    assert Status.of(data) == Status()


def test_mail_has_no_age_while_the_clock_is_not_known() -> None:
    assert Status.of({**WHOLE, "clock_known": False}).oldest_age_s == 0.0


def test_a_person_is_told_every_fact_and_a_poor_status_is_no_trouble() -> None:
    told = as_text("status", WHOLE)
    for words in (
        "at 192.0.2.1",
        "4 held",
        "link down",
        "port 25 blocked",
        "does not work: silent",
        "42 degrees",
        "AB",
    ):
        assert words in told
    assert "refusing mail: card full" in as_text("status", {**WHOLE, "fault": "full", "accepting": False})
    assert "refusing mail: too busy" in as_text("status", {**WHOLE, "fault": "busy", "accepting": False})
    assert "\x1b" not in as_text("status", {**WHOLE, "damage": ["\x1b[31m"], "mail_name": "\x1b]0;x"})
    assert as_text("status", {}).startswith("Outbox")
