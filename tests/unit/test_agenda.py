from appliance.delivery.agenda import Agenda


def test_items_come_in_the_order_of_their_times_and_not_before() -> None:
    agenda = Agenda()
    agenda.put("late", {0: 30.0})
    agenda.put("soon", {0: 10.0, 1: 20.0})
    assert agenda.next_at() == 10.0 and list(agenda.due(9.9, 10)) == []
    assert list(agenda.due(30.0, 10)) == ["soon", "late"]
    assert agenda.take("soon", 15.0) == [0] and agenda.next_of("soon") == 20.0


def test_a_changed_time_replaces_the_old_one() -> None:
    agenda = Agenda()
    agenda.put("Q", {0: 30.0})
    for _ in range(1000):
        agenda.put("Q", {0: 5.0})
        agenda.put("Q", {0: 30.0})
    agenda.put("Q", {0: 5.0})
    assert list(agenda.due(100.0, 10)) == ["Q"]
    assert list(agenda.due(100.0, 10)) == []
    agenda.take("Q", 100.0)
    agenda.put("Q", {})
    assert agenda.next_at() is None


def test_what_is_forgotten_never_comes() -> None:
    agenda = Agenda()
    agenda.put("Q", {0: 1.0})
    agenda.forget("Q")
    assert agenda.next_at() is None and list(agenda.due(9.0, 10)) == [] and agenda.take("Q", 9.0) == []


def test_no_more_than_the_limit_come_at_once() -> None:
    agenda = Agenda()
    for number in range(10):
        agenda.put(f"Q{number}", {0: float(number)})
    assert list(agenda.due(99.0, 3)) == ["Q0", "Q1", "Q2"] and agenda.next_at() == 3.0
