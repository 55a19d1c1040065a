"""The button: what each press means, and what is no press."""

import pytest

from appliance.panel.presses import Presses

STEP_S = 0.04


class Finger:
    """Moves time in the panel's steps."""

    def __init__(self, powering_on: bool = False) -> None:
        self.presses, self.now = Presses(powering_on), 100.0

    def hold(self, down: bool, seconds: float) -> list[str]:
        meanings = []
        for _ in range(round(seconds / STEP_S)):
            meanings.append(self.presses.feel(down, self.now))
            self.now += STEP_S
        return [each for each in meanings if each]

    def press(self, seconds: float) -> list[str]:
        return self.hold(True, seconds) + self.hold(False, 0.5)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.1, ["short"]), (1.9, ["short"]), (2.2, []), (4.9, []), (5.1, ["long"]), (59, ["long"]), (61, [])],
)
def test_a_press_means_what_its_length_says(seconds: float, expected: list[str]) -> None:
    finger = Finger()
    finger.hold(False, 0.2)
    assert finger.press(seconds) == expected


def test_chatter_of_the_contacts_is_no_press_and_no_second_press() -> None:
    finger = Finger()
    for _ in range(10):
        assert finger.hold(True, STEP_S) + finger.hold(False, STEP_S) == []
    finger.hold(True, 0.3)
    finger.hold(False, STEP_S)
    finger.hold(True, 0.3)
    assert finger.press(0.1) == ["short"]


def test_a_button_that_is_stuck_does_nothing() -> None:
    assert Finger(powering_on=True).hold(True, 200) == []


def test_held_while_powering_on_resets_the_password_and_a_second_longer_hold_everything() -> None:
    finger = Finger(powering_on=True)
    assert finger.press(5.2) == ["password-reset"]
    assert finger.press(5.2) == []  # not long enough for that, and no shutdown by mistake
    assert finger.press(10.2) == ["factory-reset"]


@pytest.mark.parametrize(("first_s", "wait_s"), [(0.5, 0.0), (5.2, 61.0)])
def test_without_the_first_or_too_late_a_long_hold_is_an_ordinary_one(first_s: float, wait_s: float) -> None:
    finger = Finger(powering_on=True)
    finger.press(first_s)
    finger.hold(False, wait_s)
    assert finger.press(10.2) == ["long"]


def test_a_press_that_began_after_the_start_or_long_after_power_on_resets_nothing() -> None:
    late = Finger(powering_on=True)
    late.hold(False, 0.1)
    assert late.press(5.2) == ["long"]
    assert Finger(powering_on=False).press(5.2) == ["long"]


def test_it_tells_when_letting_go_would_do_something() -> None:
    finger = Finger()
    finger.hold(True, 1)
    assert finger.presses.meaning(finger.now) == "short"
    finger.hold(True, 3)
    assert finger.presses.meaning(finger.now) == ""
    finger.hold(True, 2)
    assert finger.presses.meaning(finger.now) == "long"
    finger.hold(False, 1)
    assert finger.presses.meaning(finger.now) == ""
