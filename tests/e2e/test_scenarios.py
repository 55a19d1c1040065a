"""Every folder beside this file that has an about.txt is a scenario, played with the real relay process."""

from pathlib import Path

import pytest

from tests.e2e.runner import Player

SCENARIOS = sorted(path.parent for path in Path(__file__).parent.glob("*/about.txt"))


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_scenario(folder: Path, tmp_path: Path) -> None:
    Player(folder, tmp_path).play()


@pytest.mark.parametrize("promise", ["P1", "P2", "P3", "P4", "P5", "P6"])
def test_every_promise_has_a_scenario(promise: str) -> None:
    assert any(promise in (folder / "about.txt").read_text().split() for folder in SCENARIOS)
