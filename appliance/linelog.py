"""Log lines to standard error, those of one turn of the loop in one write: a small box has better things to do.

Outside a running loop each line is written at once, and at the end whatever is left (logging calls `flush`). A reader
that is gone costs the lines, never more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TextIO


class LineHandler(logging.Handler):
    """Lines of other threads are written with the loop's next ones, or at once when there is no loop."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream, self._lines = stream, list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.append(self.format(record))
        except Exception:
            self.handleError(record)
            return
        if len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
