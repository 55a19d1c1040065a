"""The plain texts of the scenarios are sound before any process starts."""

from pathlib import Path

import pytest

from appliance.demo import world as demo
from appliance.pretend.nameserver import Zone
from appliance.pretend.script import Script
from appliance.settings.parse import parse
from appliance.settings.schema import Settings
from tests.e2e.box import Box
from tests.e2e.test_scenarios import SCENARIOS


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_a_scenario_is_lawful_text(folder: Path, tmp_path: Path) -> None:
    over = folder / "settings.toml"
    box = Box(tmp_path, over.read_text() if over.exists() else "", 5353, 2526)
    lawful = isinstance(parse(box.config.read_text()), Settings)
    assert lawful is ("start-fails" not in (folder / "session.smtp").read_text())
    Zone.parse((folder / "zones").read_text())
    for line in (folder / "mx.script").read_text().splitlines() if (folder / "mx.script").exists() else ():
        if not line.endswith(" absent"):
            Script.parse(line.partition(" ")[2])


def test_the_demonstration_has_lawful_settings(tmp_path: Path) -> None:
    text = demo.SETTINGS.format(port=demo.PORT, folder=tmp_path, dns=5353, mail=2526, page=8025, tls_page=8443)
    assert isinstance(parse(text), Settings)
