"""Run by test_steward_crash.py in a process of its own: a commit that dies before its n-th change on the card.

Arguments: a folder with outbox.toml and settings/ as a template, a folder for the results, minutes to confirm. Makes
RESULTS/1, RESULTS/2, … each from the template with a commit that was killed before its first, second, … opening for
writing, renaming or removing of a file; the last one is whole. Prints their number.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from appliance.steward.room import Steward
from tests.fakes.clock import FakeClock


def commit(folder: Path, minutes: float) -> None:
    steward = Steward(folder / "outbox.toml", clock=FakeClock(), boot="boot 1")
    asyncio.run(steward.commits.commit("", minutes))


def dies(folder: Path, minutes: float, change: int) -> bool:
    """Whether the commit was killed before that change."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in ("os.rename", "os.remove")) and str(folder) in str(args[0]):
            seen += 1
            if seen == change:
                os._exit(9)

    sys.addaudithook(hook)
    commit(folder, minutes)
    os._exit(0)


def main(template: Path, results: Path, minutes: float) -> None:
    change, killed = 0, True
    while killed:
        change += 1
        folder = results / str(change)
        shutil.copytree(template, folder)
        for file in folder.rglob("*"):
            if file.is_file():
                file.write_text(file.read_text().replace(str(template), str(folder)))
        killed = dies(folder, minutes, change)
    print(change)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
