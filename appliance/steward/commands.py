"""Runs a command of the system: no shell, no input, bounded in time and output; what goes wrong is an answer too."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from appliance.core.reply import printable

COMMAND_S: Final = 120.0
OUTPUT_MAX: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command answered; `output` holds both of its streams, at most OUTPUT_MAX octets."""

    status: int
    output: str

    @property
    def last_words(self) -> str:
        lines = [line for line in self.output.splitlines() if line.strip()]
        return printable(lines[-1] if lines else f"status {self.status}", 300)


class Runner(Protocol):
    async def __call__(self, *command: str, timeout_s: float = COMMAND_S,
                       hear: Callable[[str], None] | None = None) -> Ran:  # fmt: skip
        """Run `command`; `hear` is told each line as it comes."""


async def execute(*command: str, timeout_s: float = COMMAND_S, hear: Callable[[str], None] | None = None) -> Ran:
    """See Runner. A command that is missing or takes too long is a Ran as well."""
    try:
        child = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, limit=1 << 20, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except OSError as error:
        return Ran(127, f"{command[0]}: {error.strerror}")
    try:
        async with asyncio.timeout(timeout_s):
            output = await _listen(child, hear)
            return Ran(await child.wait(), output)
    except (TimeoutError, ValueError):
        return Ran(124, f"{command[0]} does not end")
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _listen(child: asyncio.subprocess.Process, hear: Callable[[str], None] | None) -> str:
    assert child.stdout
    lines, size = [], 0
    async for octets in child.stdout:
        line, size = octets.decode("utf-8", "replace"), size + len(octets)
        if hear:
            hear(line.rstrip("\n"))
        if size <= OUTPUT_MAX:
            lines.append(line)
    return "".join(lines)
