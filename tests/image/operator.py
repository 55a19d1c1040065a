"""The person at the serial line: pexpect on the emulator's socket.

`typed` waits for the echo of each line, as a person who looks at the screen does. Raises pexpect.TIMEOUT with what came
instead.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any, Final

import pexpect
from pexpect import fdpexpect

PASSWORD: Final = "correct horse battery"
INVITATION: Final = "press Enter to begin"
PROMPT: Final = r"[\w.-]+(\(config\))?[>#] $"
WAIT_S: Final = 60.0


class Operator:
    """`log` keeps everything that the line said."""

    def __init__(self, line: socket.socket, log: Path) -> None:
        self._log = log.open("ab")
        self.spawn = fdpexpect.fdspawn(line, timeout=WAIT_S)
        self.spawn.logfile_read = self._log

    def waits_for(self, pattern: str, seconds: float = WAIT_S) -> str:
        """What came before and with `pattern`."""
        self.spawn.expect(pattern, timeout=seconds)
        parts: list[Any] = [self.spawn.before, self.spawn.after]
        return b"".join(parts).decode("utf-8", "replace")

    def types(self, text: str) -> None:
        self.spawn.send(text + "\r")

    def first_visit(self, seconds: float = 180) -> str:
        """From power on to a prompt, choosing the password; the banner."""
        self.waits_for(INVITATION, seconds)
        self.types("")
        banner = self.waits_for("New password: ", seconds)
        self.types(PASSWORD)
        self.waits_for("Once more: ")
        self.types(PASSWORD)
        self.waits_for(PROMPT)
        return banner

    def log_in(self, seconds: float = 180) -> str:
        self.waits_for(INVITATION, seconds)
        self.types("")
        banner = self.waits_for("Password: ", seconds)
        self.types(PASSWORD)
        self.waits_for(PROMPT)
        return banner

    def command(self, line: str, seconds: float = WAIT_S) -> str:
        """What a command says, without its echo and the next prompt."""
        self.types(line)
        text = self.waits_for(PROMPT, seconds)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        return "\n".join(text.replace("\r", "").split("\n")[1:-1])

    def close(self) -> None:
        self._log.close()


__all__ = ["INVITATION", "PASSWORD", "PROMPT", "Operator", "pexpect"]
