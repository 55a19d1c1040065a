"""Text made fit for a terminal: clean, in 7 bits, in columns. Pure; nothing raises."""

from __future__ import annotations

import unicodedata

from appliance.console.row import columns


def clean(text: str) -> str:
    """One line that is safe to show on a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else "    " if c == "\t" else " " if c.isspace() else "?" for c in text)


def plain(text: str) -> str:
    """`text` in 7 bits, each character as wide as before."""
    return text if text.isascii() else "".join(map(_likeness, text))


def _likeness(char: str) -> str:
    if char.isascii():
        return char
    like = "".join(each for each in unicodedata.normalize("NFKD", char) if each.isascii() and each.isprintable())
    return (like or "?" * columns(char))[: columns(char)].ljust(columns(char), "?")


def in_columns(words: list[str], width: int) -> list[str]:
    """`words` side by side, as many as fit into `width`."""
    cell = max(map(len, words), default=0) + 2
    per_line = max(1, width // cell)
    rows = [words[start : start + per_line] for start in range(0, len(words), per_line)]
    return ["".join(word.ljust(cell) for word in row).rstrip() for row in rows]
