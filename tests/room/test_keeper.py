"""`outbox run`'s keeper with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from appliance.keeper import Part, run

# Writes a line to its file, then lives until SIGTERM, or ends with the status that it is given.
LIVES = "import pathlib, signal, sys; signal.signal(15, lambda *_: sys.exit(0)); f = open(sys.argv[1], 'a'); f.write('up\\n'); f.close(); signal.pause()"  # noqa: E501
ENDS = "import sys; f = open(sys.argv[1], 'a'); f.write('up\\n'); f.close(); sys.exit(3)"
DEAF = "import signal, sys; signal.signal(15, signal.SIG_IGN); f = open(sys.argv[1], 'a'); f.write('up\\n'); f.close(); signal.pause()"  # noqa: E501


def part(name: str, folder: Path, code: str) -> Part:
    return Part(name, [sys.executable, "-c", code, str(folder / name)], first_s=0.02)


async def starts(folder: Path, name: str, times: int) -> None:
    async with asyncio.timeout(20):
        while not (folder / name).exists() or len((folder / name).read_text().split()) < times:
            await asyncio.sleep(0.01)


async def test_one_that_ends_is_started_again_and_the_others_do_not_notice(tmp_path: Path) -> None:
    steady, crashing = part("relay", tmp_path, LIVES), part("page", tmp_path, ENDS)
    keeper = asyncio.create_task(run([steady, crashing]))
    await starts(tmp_path, "page", 3)
    await starts(tmp_path, "relay", 1)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(keeper, 20) == 0
    assert steady.process and steady.process.returncode == 0, "it was told to end, and did so in order"
    assert (tmp_path / "relay").read_text() == "up\n"


async def test_a_killed_one_is_started_again_and_a_hangup_starts_the_relay_anew_but_not_the_steward(
    tmp_path: Path,
) -> None:
    relay, steward = part("relay", tmp_path, LIVES), part("steward", tmp_path, LIVES)
    keeper = asyncio.create_task(run([relay, steward]))
    await starts(tmp_path, "relay", 1)
    await starts(tmp_path, "steward", 1)
    assert relay.process
    relay.process.kill()
    await starts(tmp_path, "relay", 2)
    os.kill(os.getpid(), signal.SIGHUP)
    await starts(tmp_path, "relay", 3)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(keeper, 20) == 0
    assert (tmp_path / "steward").read_text() == "up\n"


async def test_what_cannot_be_started_is_tried_again_and_does_not_end_the_rest(tmp_path: Path) -> None:
    keeper = asyncio.create_task(run([Part("panel", ["/nonexistent"], 0.02), part("relay", tmp_path, LIVES)]))
    await starts(tmp_path, "relay", 1)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.wait_for(keeper, 20) == 0


async def test_parts_end_with_a_killed_keeper(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from appliance.keeper import Part, run\n"
        "asyncio.run(run([Part('relay', [sys.executable, '-c', sys.argv[1], sys.argv[2]])]))"
    )
    keeper = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        LIVES.replace("'up\\n'", "str(__import__('os').getpid())+'\\n'"),
        str(tmp_path / "relay"),
    )
    await starts(tmp_path, "relay", 1)
    pid = int((tmp_path / "relay").read_text())
    keeper.kill()
    await keeper.wait()
    async with asyncio.timeout(20):
        while _alive(pid):
            await asyncio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False
