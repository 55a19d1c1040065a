"""What is wrong with one setting: key, value, what would be right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Complaint:
    """`key` like "listener[1].port"; `expected` completes the sentence "it should be …"."""

    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}: should be {self.expected}"
