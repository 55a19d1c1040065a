"""The dialogue that opens docs/console.md; a test types it at a real line and compares what comes back.

A line as it comes, with what is typed in braces: {…} is echoed, {*…} is typed and not shown. "…" stands for whatever
comes there, to the end of the line at most.
"""

from __future__ import annotations

import re
from typing import Final

TYPED: Final = re.compile(r"\{(\*?)([^}]*)\}")


def shown(text: str) -> str:
    """As a person sees it."""
    return TYPED.sub(lambda found: "" if found[1] else found[2], text)


DIALOGUE: Final = """\
Outbox: press Enter to begin.
{}"""
