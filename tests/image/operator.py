"""The person at the serial line: pexpect on the emulator's socket.

`typed` waits for the echo of each line, as a person who looks at the screen does. Raises pexpect.TIMEOUT with what came
instead.
"""

from __future__ import annotations

import re
import socket
import time
from typing import Any, BinaryIO, Final

from pexpect import fdpexpect

PASSWORD: Final = "correct horse battery"
INVITATION: Final = "press Enter to begin"
PROMPT: Final = r"[\w.-]+(\(config\))?[>#] $"
WAIT_S: Final = 60.0


class Operator:
    """`log` keeps everything that the line said; its owner closes it."""

    def __init__(self, line: socket.socket, log: BinaryIO) -> None:
        self.spawn = fdpexpect.fdspawn(line, timeout=WAIT_S)
        self.spawn.logfile_read = log

    def waits_for(self, pattern: str, seconds: float = WAIT_S) -> str:
        """What came before and with `pattern`."""
        self.spawn.expect(pattern, timeout=seconds)
        parts: list[Any] = [self.spawn.before, self.spawn.after]
        return b"".join(parts).decode("utf-8", "replace")

    def types(self, text: str) -> None:
        self.spawn.send(text + "\r")

    def first_visit(self, seconds: float = 600) -> str:
        """From power on to a prompt, choosing the password; the banner."""
        banner = self._woken("New password: ", seconds)
        self.types(PASSWORD)
        self.waits_for("Once more: ")
        self.types(PASSWORD)
        self.waits_for(PROMPT)
        return banner

    def _woken(self, question: str, seconds: float) -> str:
        """Press Enter at each invitation until `question`: the steward may still be starting."""
        end = time.monotonic() + seconds
        banner = ""
        while True:
            left = max(1.0, end - time.monotonic())
            banner += self.waits_for(f"{INVITATION}|{question}", left)
            if banner.endswith(question):
                return banner
            self.types("")

    def log_in(self, seconds: float = 600) -> str:
        banner = self._woken("Password: ", seconds)
        self.types(PASSWORD)
        self.waits_for(PROMPT)
        return banner

    def plain(self) -> None:
        """Neither pauses nor wrapped lines."""
        self.command("terminal length 0")
        self.command("terminal width 250")

    def command(self, line: str, seconds: float = WAIT_S) -> str:
        """What a command says, without its echo and the next prompt."""
        self.types(line)
        text = self.waits_for(PROMPT, seconds)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        return "\n".join(text.replace("\r", "").split("\n")[1:-1])
