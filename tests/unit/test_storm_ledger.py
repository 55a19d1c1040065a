"""The storm's account can fail: each kind of wrong is seen, and only that."""

from tests.storm.ledger import Ledger, verdict


def test_an_accepted_message_that_never_arrived_is_lost() -> None:
    found = verdict(Ledger({"a": 1.0, "b": 1.0}, [(2.0, "a")]))
    assert found.lost == ("b",) and not found.right


def test_two_copies_without_a_kill_between_are_unlawful() -> None:
    assert not verdict(Ledger({"a": 1.0}, [(2.0, "a"), (3.0, "a")], [1.5])).right


def test_a_copy_just_before_a_kill_may_come_again() -> None:
    found = verdict(Ledger({"a": 1.0}, [(2.0, "a"), (4.0, "a")], [3.0]))
    assert found.right and (found.duplicates, found.worst_s, found.worst) == (1, 1.0, 1)


def test_a_copy_long_before_the_kill_may_not() -> None:
    assert not verdict(Ledger({"a": 1.0}, [(2.0, "a"), (20.0, "a")], [7.1])).right


def test_a_kill_that_repeats_more_than_32_deliveries_is_unlawful() -> None:
    names = [f"m{i}" for i in range(33)]
    twice = [(at, name) for at in (2.0, 4.0) for name in names]
    assert not verdict(Ledger({}, twice, [3.0])).right
    found = verdict(Ledger({}, [each for each in twice if each[1] != "m0"], [3.0]))
    assert found.right and found.worst == 32
