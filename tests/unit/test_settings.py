import dataclasses

import pytest

from appliance.settings.parse import Complaint, parse
from appliance.settings.render import render
from appliance.settings.schema import AccessRule, Box, Dns, Domain, Listener, Relay, Settings


def test_an_empty_file_is_what_is_shipped() -> None:
    assert parse("") == Settings()


def test_all_complaints_come_at_once_with_key_value_and_what_would_be_right() -> None:
    found = parse(
        '[box]\nmail_nam = "x"\nowner = "nobody"\n[[listener]]\nname = "a"\nport = 99999\n[dns]\nservers = ["x"]'
    )
    assert isinstance(found, tuple)
    assert {each.key for each in found} == {"box.mail_nam", "box.owner", "listener[1].port", "dns.servers[1]"}
    assert Complaint("box.mail_nam", "'x'", "box.mail_name?") in found
    assert Complaint("listener[1].port", "99999", "from 0 to 65535") in found


@pytest.mark.parametrize(
    "text",
    [
        "format = 2",
        "x = ",
        "box = 3",
        "[box]\nowner = 3",
        "[[domain]]\nname='a.example'",
        "listener = 1",
        "[[relay]]\nname = 'r'",
        "[intake]\nmessage_max_bytes = true",
        "[tls]\ncertificate='x'",
    ],
)
def test_a_wrong_file_is_complaints_and_no_exception(text: str) -> None:
    assert isinstance(parse(text), tuple)


def test_what_is_rendered_parses_back() -> None:
    settings = Settings(
        box=Box(mail_name="box.office.example", owner="a@b.example"),
        listener=(Listener(name="x", port=2525, early_tls_s=1.0),),
        access=(AccessRule(network="192.0.2.0/24", action="deny"), AccessRule()),
        dns=Dns(servers=("192.0.2.1", "[2001:db8::1]:53")),
        relay=(Relay(name="r", host="smtp.isp.example", user='a"b\\c'),),
        domain=(Domain(name=".x.example", direct_attempts=0), Domain()),
    )
    assert parse(render(settings)) == settings
    assert parse(render(dataclasses.replace(settings, access=()))) == dataclasses.replace(settings, access=())
