"""One settings file per format (P8): NAME.toml is format 1, NAME.format2.toml format 2, and so on.

A release loads the newest format that it knows and, when it migrates, writes its own file beside the old one: the
release before still finds what it wrote. A file of a newer format is never touched and never fatal, only mentioned.
"""

from __future__ import annotations

from pathlib import Path

from appliance.settings.schema import FORMAT


def place(path: Path, number: int = FORMAT) -> Path:
    """Where settings of format `number` stand when those of format 1 stand at `path`."""
    return path if number == 1 else path.with_name(f"{path.stem}.format{number}{path.suffix}")


def newest(path: Path, known: int = FORMAT) -> Path:
    """The file to load: the newest format up to `known` that is there, else where it would be written."""
    found = [place(path, number) for number in range(known, 0, -1) if place(path, number).exists()]
    return found[0] if found else place(path, known)


def newer(path: Path, known: int = FORMAT) -> list[str]:
    """Names of the files beside that only a newer release can read."""
    names = []
    for each in path.parent.glob(f"{_literal(path.stem)}.format*{_literal(path.suffix)}"):
        digits = each.name[len(path.stem) + len(".format") : len(each.name) - len(path.suffix)]
        if digits.isascii() and digits.isdigit() and len(digits) < 6 and int(digits) > known:
            names.append(each.name)
    return sorted(names)


def _literal(text: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)
