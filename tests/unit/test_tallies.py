from typing import Any

from appliance.core.tallies import CLIENTS_MAX, KEEP_S, STEP_S, Tallies


def entry(at: float, outcome: str = "delivered", queue_id: str = "Q1", **more: Any) -> dict[str, Any]:
    return {"at": at, "outcome": outcome, "id": queue_id, "client": "192.0.2.7", "arrived_at": at, **more}


def test_each_end_counts_in_the_span_in_which_it_happened() -> None:
    tallies = Tallies()
    for at, outcome in ((1200.0, "delivered"), (1799.9, "bounced"), (1800.0, "delivered"), (1800.0, "deleted")):
        tallies.add(entry(at, outcome))
    assert tallies.series(1900.0, STEP_S, 3) == [[600, 0, 0], [1200, 1, 1], [1800, 1, 0]]
    assert tallies.series(3600.0, 3600, 2) == [[0, 2, 1], [3600, 0, 0]]


def test_a_message_to_many_counts_once_for_its_device_and_its_repairs_too() -> None:
    tallies = Tallies()
    for outcome in ("delivered", "delivered", "bounced"):
        tallies.add(entry(5.0, outcome, repairs=["added Date"]))
    tallies.add(entry(9.0, queue_id="Q2", repairs=["added Date"], device="Copier"))
    sent = tallies.clients["192.0.2.7"]
    assert (sent.messages, sent.device, sent.seen_at, dict(sent.repairs)) == (2, "Copier", 9.0, {"added Date": 2})
    assert (sent.outcomes["delivered"], sent.outcomes["bounced"]) == (3, 1)


def test_neither_years_nor_strangers_nor_nonsense_make_it_grow() -> None:
    tallies = Tallies()
    for number in range(CLIENTS_MAX + 50):
        tallies.add(entry(number * STEP_S, client=f"192.0.2.{number}"))
    assert len(tallies.clients) == CLIENTS_MAX and "192.0.2.0" not in tallies.clients
    assert len(tallies._steps) == KEEP_S // STEP_S
    for odd in ({"at": "x"}, {"at": float("nan")}, {"at": -1e300, "client": 7, "repairs": "no list"}, {}):
        tallies.add(odd)
