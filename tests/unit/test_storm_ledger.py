"""The storm's account can fail: each kind of wrong is seen, and only that."""

from tests.storm.ledger import Ledger, verdict


def test_an_accepted_message_that_never_arrived_is_lost() -> None:
    found = verdict(Ledger({"a": 1.0, "b": 1.0}, [(2.0, "a")]), 0)
    assert found.lost == ("b",) and not found.right


def test_two_copies_without_a_kill_between_are_unlawful() -> None:
    assert not verdict(Ledger({"a": 1.0}, [(2.0, "a"), (3.0, "a")], [1.5]), 0).right


def test_a_copy_just_before_a_kill_may_come_again() -> None:
    found = verdict(Ledger({"a": 1.0}, [(2.0, "a"), (4.0, "a")], [3.0]), 0)
    assert found.right and (found.duplicates, found.worst_s, found.worst) == (1, 1.0, 1)


def test_a_copy_long_before_the_kill_may_not() -> None:
    assert not verdict(Ledger({"a": 1.0}, [(2.0, "a"), (20.0, "a")], [19.0]), 0).right


def test_a_copy_with_more_than_32_deliveries_after_it_may_not() -> None:
    others = [(2.0 + i / 100, f"o{i}") for i in range(1, 33)]
    assert not verdict(Ledger({}, [(2.0, "a"), *others, (4.0, "a")], [3.0]), 0).right
    assert verdict(Ledger({}, [(2.0, "a"), *others[:31], (4.0, "a")], [3.0]), 0).right
    assert verdict(Ledger({}, [(2.0, "a"), *others, (4.0, "a")], [3.0]), 5).right
