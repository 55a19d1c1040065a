import json

import pytest

from appliance.core.envelope import Arrival, Body, Envelope, Notify, Recipient, Ret
from appliance.core.item import TRANSITIONS, Event, IllegalTransition, QueueItem, State, after
from appliance.core.item_data import from_data, to_data
from appliance.core.mailbox import Mailbox, parse
from appliance.core.reply import Reply


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_every_cell_of_the_state_table(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition):
            after(state, event)


def test_an_item_survives_the_way_through_json() -> None:
    envelope = Envelope(
        Mailbox("A b", "x.example"),
        (
            Recipient(Mailbox("b", "y.example"), frozenset({Notify.DELAY, Notify.SUCCESS}), "rfc822;b@y"),
            Recipient(Mailbox("c", "[192.0.2.1]")),
        ),
        Body.EIGHT_BIT,
        True,
        Ret.HEADERS,
        "env",
    )
    item = QueueItem.new("Q1", envelope, Arrival(1.5, "192.0.2.7", "pc", repairs=("added Date",), held="why"), 77)
    item.progress[0].step(Event.FAIL, Reply.of("550 5.1.1 no\r\nsuch user", "mx"), 9.0)
    assert from_data(json.loads(json.dumps(to_data(item)))) == item


@pytest.mark.parametrize(
    ("path", "mailbox"),
    [
        ("BoB@Y.Example", Mailbox("BoB", "y.example")),
        ("@a,@b:c@d.example", Mailbox("c", "d.example")),
        ('"a b@"@d', Mailbox('"a b@"', "d")),
        ("x@[192.0.2.1]", Mailbox("x", "[192.0.2.1]")),
        ("x@[IPv6:2001:db8::1]", Mailbox("x", "[ipv6:2001:db8::1]")),
        ("Postmaster", Mailbox("Postmaster", "")),
        ("a" * 64 + "@d.example", Mailbox("a" * 64, "d.example")),
        ("a" * 65 + "@d.example", None),
        ("a@b@c", None),
        ("a..b@c", None),
        ("a@-b.c", None),
        ("a b@c", None),
        ("a\r\nb@c", None),
        ("", None),
        ("@", None),
        ("x@[300.0.0.1]", None),
    ],
)
def test_mailbox_grammar(path: str, mailbox: Mailbox | None) -> None:
    assert parse(path) == mailbox


def test_an_enhanced_code_of_another_class_stays_text() -> None:
    assert Reply.of("550 4.1.1 odd") == Reply(550, "", "4.1.1 odd")
