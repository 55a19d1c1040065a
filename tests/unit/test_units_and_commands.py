"""What the units start is a command that `outbox` knows, with its options."""

import shlex
from pathlib import Path

import pytest

from appliance.cli import _parser

UNITS = sorted((Path(__file__).parent.parent.parent / "systemd").glob("*.service"))
STARTED = [
    line.partition("=")[2]
    for unit in UNITS
    for line in unit.read_text().splitlines()
    if line.startswith("Exec") and "=/usr/bin/outbox " in line
]


@pytest.mark.parametrize("started", STARTED)
def test_a_unit_starts_what_there_is(started: str) -> None:
    assert _parser().parse_args(shlex.split(started)[1:]).command


def test_the_units_of_all_parts_were_looked_at() -> None:
    assert {shlex.split(each)[1] for each in STARTED} >= {"relay", "steward", "panel", "page", "console"}
