"""What one check of the self-test found: a value, made by the checks and printed by selftest.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`passed` None = it could not be judged; `value` is what was measured, in words."""

    name: str
    passed: bool | None
    value: str

    def line(self) -> str:
        word = "skip" if self.passed is None else "pass" if self.passed else "FAIL"
        return f"{word}  {self.name:<16} {self.value}"
