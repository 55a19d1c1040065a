"""`python -m hardware.generate` writes every generated file; `--check` compares instead (status 1: out of date)."""

from __future__ import annotations

import sys

from hardware.generate.everything import outputs
from hardware.generate.table import ROOT


def main(args: list[str]) -> int:
    """Exit status."""
    stale = []
    for path, content in outputs().items():
        target = ROOT.parent / path
        if not target.exists() or target.read_bytes() != content:
            stale.append(path)
            if "--check" not in args:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
    sys.stdout.write("".join(f"{'out of date' if '--check' in args else 'written'}: {path}\n" for path in stale))
    return 1 if stale and "--check" in args else 0


sys.exit(main(sys.argv[1:]))
