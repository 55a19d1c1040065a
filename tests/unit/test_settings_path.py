"""Paths and typed values: what a person types is taken by the key's type or refused in one sentence."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.ports import Refused
from appliance.settings import table
from appliance.settings.parse import parse
from appliance.settings.path import keys, place, sections, shown, typed
from appliance.settings.schema import Settings


def test_every_setting_has_a_path_a_line_of_words_and_a_shipped_text_that_is_taken_back() -> None:
    assert {"dns.servers", "listener.NAME.port", "access.NUMBER.network", "domain.NAME.direct_attempts"} <= {
        each.path for each in keys()
    }
    for key in keys():
        assert key.doc
        if key.shipped or not key.needed:
            assert typed(key, key.shipped_text) == key.shipped, key.path


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("dns.servers", "192.0.2.1 [2001:db8::1]:53", ["192.0.2.1", "[2001:db8::1]:53"]),
        ("dns.servers", "192.0.2.1, 192.0.2.2", ["192.0.2.1", "192.0.2.2"]),
        ("dns.servers", "", []),
        ("dns.timeout_s", "2", 2.0),
        ("box.owner", '""', ""),
        ("page.enabled", "off", False),
        ("control.console_uids", "902 1000", [902, 1000]),
    ],
)
def test_a_value_is_taken_by_the_type_of_its_key(path: str, text: str, value: Any) -> None:
    data: table.Data = {}
    table.assign(data, path, text)
    section, key = path.split(".")
    assert data[section][key] == value
    assert isinstance(parse(table.write(data)), Settings)


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("dns.servers", "fish", "an address such as"),
        ("listener.lan.port", "99999", "from 0 to 65535"),
        ("listener.lan.port", "1_000", "a whole number"),
        ("listener.lan.port", "9" * 5000, "a whole number"),
        ("page.enabled", "maybe", "true or false"),
        ("delivery.tls", "perhaps", "one of 'none'"),
        ("box.owner", "a@b\x1b[2J", "printable"),
        ("fish.x", "1", "there is no section fish"),
        ("dns.fish", "1", "no such setting"),
        ("dns", "1", "no such setting"),
        ("listener.lan", "1", "no such setting"),
        ("listener.port", "25", "no such setting"),
        ("access.9.network", "any", "the next new one is 2"),
        ("access.x.network", "any", "the next new one is 2"),
        ("relay.a\x07b.host", "x.example", "printable"),
        ("format", "1", "there is no section format"),
    ],
)
def test_a_wrong_path_or_value_is_refused_in_a_sentence_and_changes_nothing(path: str, text: str, words: str) -> None:
    data: table.Data = {}
    with pytest.raises(Refused, match=words) as refused:
        table.assign(data, path, text)
    assert str(refused.value).isprintable()
    assert not table.differences({}, data)


def test_a_row_is_found_by_its_name_and_made_when_absent() -> None:
    data: table.Data = {}
    table.assign(data, "listener.lan.port", "2525")
    table.assign(data, "relay.isp.host", "smtp.isp.example")
    table.assign(data, "domain..office.example.direct_attempts", "0")
    table.assign(data, "access.2.network", "192.0.2.0/24")
    found = parse(table.write(data))
    assert isinstance(found, Settings)
    assert [(each.name, each.port) for each in found.listener] == [
        ("lan", 2525),
        ("submission", 587),
        ("submissions", 465),
    ]
    assert [(each.name, each.host) for each in found.relay] == [("isp", "smtp.isp.example")]
    assert [(each.name, each.direct_attempts) for each in found.domain] == [("default", 60), (".office.example", 0)]
    assert [each.network for each in found.access] == ["private", "192.0.2.0/24"]


def test_forgetting_is_going_back_to_what_is_shipped() -> None:
    data: table.Data = {}
    table.assign(data, "domain.smith.name.direct_attempts", "1")
    table.assign(data, "dns.timeout_s", "1")
    table.assign(data, "listener.lan.port", "2525")
    table.forget(data, "domain.smith.name")  # a row whose name ends like a key
    table.forget(data, "dns.timeout_s")
    table.forget(data, "listener.lan.port")
    assert parse(table.write(data)) == Settings()
    table.forget(data, "listener.submission")
    assert [each["name"] for each in data["listener"]] == ["lan", "submissions"]
    table.forget(data, "listener")
    assert parse(table.write(data)) == Settings()
    for path in ("listener.fish", "dns.fish", "fish", "access.7", "access.0"):
        with pytest.raises(Refused):
            table.forget(data, path)


def test_all_rows_can_be_taken_away() -> None:
    data: table.Data = {}
    table.forget(data, "access.1")
    found = parse(table.write(data))
    assert isinstance(found, Settings) and found.access == ()


def test_rows_can_be_put_in_another_order() -> None:
    data: table.Data = {}
    for number, action in ((2, "deny"), (3, "allow")):
        table.assign(data, f"access.{number}.network", f"192.0.{number}.0/24")
        table.assign(data, f"access.{number}.action", action)
    table.move(data, "access.3", 1)
    assert [row.get("network", "private") for row in data["access"]] == ["192.0.3.0/24", "private", "192.0.2.0/24"]
    for path, to in (("access.3", 4), ("access.9", 1), ("dns", 1), ("access", 1)):
        with pytest.raises(Refused):
            table.move(data, path, to)


def test_differences_are_what_is_in_effect() -> None:
    data: table.Data = {}
    table.assign(data, "listener.lan.port", "2525")
    table.assign(data, "relay.isp.host", "smtp.isp.example")
    table.assign(data, "dns.timeout_s", "5")  # as shipped
    assert table.differences({}, data) == [
        "- listener.lan.port = 25",
        "+ listener.lan.port = 2525",
        "+ relay.isp = row 1",
        "+ relay.isp.name = isp",
        "+ relay.isp.host = smtp.isp.example",
    ]
    assert table.differences(data, data) == []


def test_unknown_keys_are_kept_for_the_check_and_can_be_forgotten() -> None:
    data = table.read('[dns]\nservrs = ["192.0.2.1"]\n[fish]\nx = 1\n[dns.deep]\ny = 1\n"a b" = 1')
    found = parse(table.write(data))
    assert isinstance(found, tuple) and {each.key for each in found} == {"dns.servrs", "fish"}
    table.forget(data, "dns.servrs")
    table.forget(data, "fish")
    assert parse(table.write(data)) == Settings()


@pytest.mark.parametrize("text", ["x = ", "[" * 5000, "a = " + "[" * 5000])
def test_what_is_no_toml_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        table.read(text)


ODD = "[dns]\nservers = [[1]]\ntimeout_s = nan\nd = 2020-01-01"


@pytest.mark.parametrize(
    "text", ["box = 3", "listener = 1", "dns = [1]", "listener = [1]", "format = []", ODD, '["a\\u007f"]\nx=1']
)
def test_any_shape_can_be_read_shown_and_written(text: str) -> None:
    data = table.read(text)
    assert table.read(table.write(data)) == data or "nan" in text
    table.values(data)
    table.differences({}, data)


def test_places() -> None:
    assert place("domain..office.example.direct_attempts").row == ".office.example"
    assert place("relay.isp").row == "isp" and place("relay.isp").key == ""
    assert set(sections()["access"]) == {"network", "action"}
    assert [shown(each) for each in (True, 300.0, 0.5, ("a", "b"), "")] == ["true", "300", "0.5", "a b", ""]


WORDS = ["dns", "listener", "relay", "domain", "access", "servers", "port", "name", "lan", "1", "2", "9" * 11, "format"]
PARTS = st.sampled_from(["", "..", "\x00", *WORDS]) | st.text(max_size=5)
ACTIONS = st.tuples(st.sampled_from(["assign", "forget", "move"]), st.lists(PARTS, max_size=4), st.text(max_size=8))


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTIONS, max_size=6))
def test_whatever_is_typed_is_done_or_refused_and_the_data_stay_readable(actions: list[Any]) -> None:
    data: table.Data = {}
    for action, parts, text in actions:
        with contextlib.suppress(Refused):
            if action == "assign":
                table.assign(data, ".".join(parts), text)
            elif action == "forget":
                table.forget(data, ".".join(parts))
            else:
                table.move(data, ".".join(parts), len(text))
    assert table.read(table.write(data), strict=True) == {"format": 1, **data}
    assert all(line.isprintable() for line in table.differences({}, data))
