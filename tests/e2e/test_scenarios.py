"""Every folder beside this file that has an about.txt is a scenario, played with the real relay process.

Most of a scenario is waiting, so a few are played at a time; each has ports and folders of its own.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.runner import Player

AT_ONCE = 4
SCENARIOS = sorted(path.parent for path in Path(__file__).parent.glob("*/about.txt"))


@pytest.fixture(scope="module")
def plays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Path, Future[None]]]:
    """The scenarios that were asked for, under way."""
    rows = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = {row.params["folder"] for row in rows if row and "folder" in row.params}
    players = {folder: Player(folder, tmp_path_factory.mktemp(folder.name)) for folder in sorted(wanted)}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {folder: pool.submit(player.play) for folder, player in players.items()}


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_scenario(folder: Path, plays: dict[Path, Future[None]]) -> None:
    plays[folder].result()


@pytest.mark.parametrize("promise", ["P1", "P2", "P3", "P4", "P5", "P6"])
def test_every_promise_has_a_scenario(promise: str) -> None:
    assert any(promise in (folder / "about.txt").read_text().split() for folder in SCENARIOS)
