"""The system's clock, and whether it can be right."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Final

RELEASED_AT: Final = 1_767_225_600.0  # 2026-01-01: no clock is right before the software existed


class SystemClock:
    """ports.Clock. `stamp`: a file whose time of change is the earliest that the clock may show; "" = none."""

    def __init__(self, stamp: str = "") -> None:
        self._earliest = RELEASED_AT
        if stamp:
            with contextlib.suppress(OSError):
                self._earliest = max(self._earliest, Path(stamp).stat().st_mtime)

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def known(self) -> bool:
        return time.time() >= self._earliest
