"""`outbox run`: keeps the parts of the box running on one machine: relay, steward, panel, page, consoles.

Each part is a process of its own. One that ends is started again after a pause that doubles from FIRST_S to LONGEST_S
while it keeps ending soon, and is the first again once it lived STEADY_S; the others do not notice. SIGHUP (the steward
sends it after a commit) starts relay, page and panel anew at once. SIGTERM or SIGINT ends all in order within STOP_S,
then by force. No part outlives the keeper: each gets SIGTERM when the keeper dies.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

FIRST_S, LONGEST_S, STEADY_S, STOP_S = 0.5, 10.0, 30.0, 15.0
RESTARTED: Final = ("relay", "page", "panel")
KEEPER: Final = "OUTBOX_KEEPER"
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG
log = logging.getLogger(__name__)


class Part:
    """One process, kept running until `stop`. `name` is shown in the log."""

    def __init__(self, name: str, command: Sequence[str], first_s: float = FIRST_S) -> None:
        self.name, self._command, self._first_s = name, command, first_s
        self.process: asyncio.subprocess.Process | None = None
        self._ending, self._again = asyncio.Event(), asyncio.Event()

    async def keep(self) -> None:
        """Until `stop`."""
        pause, loop = self._first_s, asyncio.get_running_loop()
        while not self._ending.is_set():
            self._again.clear()
            begun = loop.time()
            status = await self._run()
            if self._ending.is_set():
                break
            if self._again.is_set():
                pause = self._first_s
                continue
            if loop.time() - begun >= STEADY_S:
                pause = self._first_s
            log.warning("%s ended with status %s; it is started again in %.1f s", self.name, status, pause)
            await self._rest(pause)
            pause = min(pause * 2, LONGEST_S)

    async def _run(self) -> int | str:
        environment = {**os.environ, KEEPER: str(os.getpid())}
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, env=environment, preexec_fn=_die_with_parent
            )
        except OSError as error:
            return error.strerror or "unknown"
        log.info("%s started as process %d", self.name, self.process.pid)
        return await self.process.wait()

    async def _rest(self, pause: float) -> None:
        try:
            await asyncio.wait_for(self._again.wait(), pause)
        except TimeoutError:
            return

    def restart(self) -> None:
        """In order, and at once also when it is dead."""
        self._again.set()
        self._tell(signal.SIGTERM)

    async def stop(self) -> None:
        self._ending.set()
        self._again.set()
        self._tell(signal.SIGTERM)
        if self.process is not None:
            try:
                await asyncio.wait_for(self.process.wait(), STOP_S)
            except TimeoutError:
                log.error("%s does not end by itself", self.name)
                self._tell(signal.SIGKILL)
                await self.process.wait()

    def _tell(self, number: int) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)


_libc: Final = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_DIE_WITH_PARENT, signal.SIGTERM)


def parts(config: str, consoles: Sequence[str], names: Sequence[str], pins: str = "") -> list[Part]:
    """The parts that `names` lists, and a console for each port. `pins` is what the panel is to drive."""
    outbox = [sys.executable, "-m", "appliance.cli"]
    more = {"panel": ["--pins", pins] if pins else []}
    found = [Part(name, [*outbox, name, "--config", config, *more.get(name, ())]) for name in names]
    return [*found, *(Part(f"console {port}", [*outbox, "console", "--config", config, "--port", port])
                      for port in consoles)]  # fmt: skip


async def run(kept: Sequence[Part]) -> int:
    """Until SIGTERM or SIGINT; the exit status."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def again() -> None:
        for part in kept:
            if part.name in RESTARTED:
                part.restart()

    loop.add_signal_handler(signal.SIGHUP, again)
    tasks = [asyncio.create_task(part.keep()) for part in kept]
    await stopping.wait()
    await asyncio.gather(*(part.stop() for part in kept))
    await asyncio.gather(*tasks)
    return 0
