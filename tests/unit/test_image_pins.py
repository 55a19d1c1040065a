"""What the image's tests take a lamp for, tried with the patterns themselves."""

import pytest

from appliance.core.pattern import BLINK, OFF, STEADY, Pattern, code
from tests.image.lan import GIVEN, answer, message_type
from tests.image.pins import name_of


@pytest.mark.parametrize("late_s", [0.0, 0.13])
@pytest.mark.parametrize("begun_s", [0.0, 0.7, 1.9])
@pytest.mark.parametrize("pattern", [OFF, STEADY, BLINK, code(1), code(2), code(3), code(5)], ids=str)
def test_a_pattern_is_known_again_from_its_samples(pattern: Pattern, begun_s: float, late_s: float) -> None:
    times = [number * 0.05 for number in range(240)]
    samples = [(at, pattern.on(begun_s + at - (late_s if int(at) % 2 else 0))) for at in times]
    assert name_of(samples) == pattern.name


def test_the_tests_dhcp_server_answers_what_was_asked() -> None:
    asked = bytes([1, 1, 6, 0]) + b"abcd" + bytes(20) + bytes(range(16)) + bytes(192)
    asked += bytes.fromhex("63825363") + bytes([12, 2, 104, 105, 53, 1, 1, 255])
    assert message_type(asked) == 1
    offer = answer(asked, 2)
    assert message_type(offer) == 2
    assert offer[4:8] == b"abcd" and offer[28:44] == bytes(range(16))
    assert ".".join(map(str, offer[16:20])) == GIVEN
    assert message_type(b"\0" * 300) == 0
