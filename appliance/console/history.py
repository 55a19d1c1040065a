"""The lines that Up brings back: bounded, without repetitions, and never one that holds a secret."""

from __future__ import annotations

import re
from collections import deque
from typing import Final

LINES_MAX: Final = 100
SECRET: Final = re.compile(r"\b(password|passphrase|secret|passwd)\b\s+\S", re.IGNORECASE)


class History:
    """Of one session; forgotten at logout."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES_MAX)

    def add(self, line: str) -> None:
        """Keep `line`, unless it is empty, the same as the last one, or has a secret in it."""
        if line.strip() and line != self.back(1) and not SECRET.search(line):
            self._lines.append(line)

    def back(self, steps: int) -> str | None:
        """The line `steps` before the present one (1 = the last); None when there are not so many."""
        return self._lines[-steps] if 1 <= steps <= len(self._lines) else None
