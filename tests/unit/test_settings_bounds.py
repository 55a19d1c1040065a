"""Whatever the file holds, parse answers; whatever settings are lawful, render writes them so that parse finds them."""

import dataclasses
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.settings.parse import parse
from appliance.settings.render import render
from appliance.settings.schema import Domain, Panel, Settings

LAWFUL = {
    "domain": ["office.example", "bücher.example"],
    "mailbox": ["a@b.example", '"a b"@[192.0.2.1]'],
    "network": ["private", "any", "192.0.2.0/24", "2001:db8::/32"],
    "range": ["192.0.2.1", "2001:db8::/32"],
    "address": ["192.0.2.1", "::"],
    "server": ["192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", "2001:db8::1"],
    "cidr": ["192.0.2.5/24", "2001:db8::5/64"],
    "label": ["outbox", "Box-2"],
    "timezone": ["UTC", "Europe/Vienna"],
    "host": ["mx.example", "192.0.2.9"],
    "path": ["/data/place", "/data/two words"],
}
TEXT = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=20)


def value(hint: Any, field: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    meta = field.metadata
    if typing.get_origin(hint) is tuple:
        return st.lists(value(typing.get_args(hint)[0], field), max_size=3).map(tuple)
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(meta["low"] if meta["low"] is not None else 0, meta["high"] or 1 << 40)
    if hint is float:
        return st.floats(meta["low"], meta["high"])
    if meta["choices"]:
        return st.sampled_from(meta["choices"])
    kind, needed = meta["kind"].rstrip("!"), meta["kind"].endswith("!")
    lawful = st.sampled_from(LAWFUL[kind]) if kind in LAWFUL else TEXT.filter(bool)
    return lawful if needed else st.just("") | lawful


def table(kind: type) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{each.name: value(hints[each.name], each) for each in dataclasses.fields(kind)})


def named(rows: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        dataclasses.replace(row, name=f"row{number}.example") if hasattr(row, "name") else row
        for number, row in enumerate(rows)
    )


def apart(rows: tuple[Any, ...]) -> tuple[Any, ...]:
    """Listeners at ports of their own."""
    return tuple(dataclasses.replace(row, port=2525 + number) for number, row in enumerate(rows))


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    hints = typing.get_type_hints(Settings)
    made: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        hint = hints[field.name]
        if field.name == "format" or not draw(st.booleans()):
            continue
        if typing.get_origin(hint) is tuple:
            rows = draw(st.lists(table(typing.get_args(hint)[0]), max_size=2).map(tuple).map(named))
            rows = tuple(dataclasses.replace(row, user="me") if hasattr(row, "user") else row for row in rows)
            made[field.name] = (*rows, Domain()) if field.name == "domain" else rows
            if field.name == "listener":
                made[field.name] = apart(rows)
        elif field.name == "tls":
            made[field.name] = hint(certificate="/a.pem", private_key="/b.pem")
        elif field.name == "panel":
            made[field.name] = Panel(
                alarm_age_s=draw(st.floats(60, 2592000)), system_gpio=draw(st.sampled_from([9, 17]))
            )
        elif field.name == "network":
            made[field.name] = dataclasses.replace(draw(table(hint)), address="192.0.2.5/24", address6="2001:db8::5/64",
                                                    gateway="", gateway6="2001:db8::1")  # fmt: skip
        elif field.name == "page":
            made[field.name] = dataclasses.replace(draw(table(hint)), port=0, tls_port=draw(st.sampled_from([0, 8443])))
        else:
            made[field.name] = draw(table(hint))
    return Settings(**made)


LAWFUL["pattern"] = [".office.example"]


@settings(max_examples=60, deadline=None)
@given(any_settings())
def test_any_lawful_settings_are_found_again_in_what_is_rendered(made: Settings) -> None:
    assert parse(render(made)) == made


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet='[]=."\n\\01.box dns a', max_size=60))
def test_no_text_is_an_exception(text: str) -> None:
    assert isinstance(parse(text), Settings | tuple)


@pytest.mark.parametrize(
    "text",
    [
        "[delivery]\nexpire_after_s = 1" + "0" * 400,
        "[intake]\nhops_max = 1" + "0" * 5000,
        "[intake]\nhops_max = 0x" + "f" * 5000,
        "format = 0x" + "f" * 5000,
        "a" + ".a" * 5000 + " = 1",
        "a = " + "[" * 100000,
        "[delivery]\nexpire_after_s = nan",
    ],
    ids=lambda text: text[:40],
)
def test_absurd_numbers_and_nestings_are_complaints(text: str) -> None:
    found = parse(text)
    assert isinstance(found, tuple) and all(len(str(each)) < 1000 for each in found)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[[device]]\nnetwork = 'private'", "device[1].network"),
        ("[[device]]\nname = 'copier'", "device[1].network"),
        ("[[access]]\nnetwork = 'fe80::%eth0/x'", "access[1].network"),
        ("[box]\nmail_name = '.office.example'", "box.mail_name"),
        ("[intake]\nsender_domains = ['.office.example']", "intake.sender_domains[1]"),
        ("[dns]\nservers = ['[::1']", "dns.servers[1]"),
        ("[dns]\nservers = ['[::1]53']", "dns.servers[1]"),
        ("[dns]\nservers = ['192.0.2.1:']", "dns.servers[1]"),
        ("[dns]\nservers = ['[::1]:']", "dns.servers[1]"),
        ('[[listener]]\nname = "a\\u001bb"', "listener[1].name"),
        ("[spool]\ndirectory = ''", "spool.directory"),
        ("[panel]\nqueue_gpio = 17", "panel"),
        ("[panel]\nqueue_gpio = 14", "panel"),
        ("[network]\nipv4 = 'static'", "network.address"),
        ("[network]\naddress = '192.0.2.5'", "network.address"),
        ("[network]\naddress = '2001:db8::5/64'", "network.address"),
        ("[network]\ngateway6 = '192.0.2.1'", "network.gateway6"),
        ("[page]\nport = 443", "page.tls_port"),
        ("[page]\nport = 25", "page.port"),
        ("[page]\naddress = '192.0.2.5'\nport = 25", "page.port"),
        ("[[listener]]\nname = 'a'\n[[listener]]\nname = 'b'\naddress = '::1'", "listener[2].port"),
        ("[spool]\ndirectory = 'spool'", "spool.directory"),
        ("[network]\nhost_name = 'two words'", "network.host_name"),
        ("[network]\ntimezone = '../etc/passwd'", "network.timezone"),
        ("[[relay]]\nhost = 'smtp.isp.example'\nauth = 'plain'", "relay[1].user"),
    ],
)
def test_what_the_relay_could_not_use_is_named_by_its_key(text: str, key: str) -> None:
    found = parse(text)
    assert isinstance(found, tuple) and [each.key for each in found] == [key]


def test_a_complaint_shows_no_control_characters() -> None:
    found = parse('"a\\u001b[2J" = "\\u001b[2J"')
    assert isinstance(found, tuple) and str(found[0]).isprintable()


def test_a_file_of_a_newer_release_says_so() -> None:
    found = parse("format = 2\nhorn = true")
    assert isinstance(found, tuple) and "newer release" in str(found[0])
