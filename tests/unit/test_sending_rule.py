import pytest

from appliance.core.envelope import Recipient
from appliance.core.item import Progress
from appliance.core.mailbox import Mailbox
from appliance.core.plan import Direct, GiveUp, Via, next_step, row_for, wait_s
from appliance.core.reply import Reply
from appliance.core.retry import delay_s
from appliance.core.verdict import Verdict, judge
from appliance.settings.schema import Delivery, Domain

DAY = 86400.0


def progress(**known: int) -> Progress:
    return Progress(Recipient(Mailbox("b", "y.example")), **known)  # type: ignore[arg-type]


def test_direct_first_then_relays_in_order_then_give_up() -> None:
    row = Domain(direct_attempts=2, relay_attempts=3)
    assert next_step(row, 2, progress()) == Direct()
    assert next_step(row, 2, progress(direct_attempts=2)) == Via(0)
    assert next_step(row, 2, progress(direct_over=True, relay_attempts=1)) == Via(1)
    assert next_step(row, 2, progress(direct_attempts=2, relay_attempts=2)) == Via(0)
    assert isinstance(next_step(row, 2, progress(direct_attempts=2, relay_attempts=3)), GiveUp)
    assert isinstance(next_step(row, 0, progress(direct_attempts=2)), GiveUp)
    assert next_step(Domain(direct_attempts=0), 1, progress()) == Via(0)


def test_the_first_relay_takes_its_turn_at_once_and_a_full_round_waits() -> None:
    row = Domain(direct_attempts=1, relay_attempts=9)
    assert wait_s(row, 2, progress(direct_attempts=1), "Q") == 0
    assert wait_s(row, 2, progress(direct_attempts=1, relay_attempts=1), "Q") == 0
    assert wait_s(row, 2, progress(direct_attempts=1, relay_attempts=2), "Q") > 300


@pytest.mark.parametrize("seed", [f"Q{n}" for n in range(50)])
def test_shipped_schedule_first_retry_after_6_to_10_minutes_spans_4_to_5_days(seed: str) -> None:
    row = Domain()
    waits = [wait_s(row, 0, progress(direct_attempts=n), seed) for n in range(1, row.direct_attempts)]
    assert 360 <= waits[0] <= 600
    assert all(wait <= row.retry_longest_s for wait in waits)
    assert 4 * DAY <= sum(waits) <= Delivery().expire_after_s == 5 * DAY


def test_delay_is_bounded_and_repeatable() -> None:
    assert delay_s(300, 7200, 10**9, "Q") <= 7200
    assert delay_s(300, 7200, 3, "Q") == delay_s(300, 7200, 3, "Q") != delay_s(300, 7200, 3, "R")


def test_a_domain_picks_its_row() -> None:
    rows = (Domain(name="a.example"), Domain(name=".a.example"), Domain(name=".example"), Domain())
    assert [row_for(name, rows).name for name in ("a.example", "x.a.example", "b.example", "c.test")] == [
        "a.example", ".a.example", ".example", "default"]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("250 2.0.0 ok", Verdict.DELIVERED),
        ("450 4.7.1 greylisted", Verdict.AGAIN),
        ("451 4.3.0 5.7.1 odd", Verdict.AGAIN),
        ("550 5.1.1 no such user", Verdict.FINAL),
        ("550 5.2.2 mailbox full", Verdict.FINAL),
        ("552 5.3.4 too big", Verdict.FINAL),
        ("554 5.6.3 cannot convert", Verdict.FINAL),
        ("550 no such user here", Verdict.FINAL),
        ("550 5.7.1 this user takes no mail from you", Verdict.FINAL),
        ("550 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org", Verdict.ABOUT_US),
        ("550 5.7.25 no PTR", Verdict.ABOUT_US),
        ("550 5.7.26 unauthenticated", Verdict.ABOUT_US),
        ("535 5.7.8 bad password", Verdict.ABOUT_US),
        ("530 authenticate first", Verdict.ABOUT_US),
        ("554 your IP is on a blacklist", Verdict.ABOUT_US),
    ],
)
def test_a_permanent_reply_about_us_is_the_relays_turn(line: str, verdict: Verdict) -> None:
    assert judge(Reply.of(line)) is verdict
