"""A typed line -> its words, each with its column; never fails.

Words are parted by spaces; "…" keeps spaces together, in it \\" and \\\\ stand for " and \\. A quote that is never
closed runs to the end of the line. A path with dots after set or no is taken apart at its first and last dot, so that
"set dns.servers" is "set dns servers". `quoted` is the other way round: a text as one word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"?|\S+')
_PLAIN: Final = re.compile(r"[^\s\"\\|?!#][^\s\"\\?]*")


@dataclass(frozen=True, slots=True)
class Word:
    """`at` is the column of its first character; `quoted` = it stands in quotes, so it is never a command word."""

    text: str
    at: int
    quoted: bool = False


def split(line: str) -> list[Word]:
    """The words of `line`."""
    words: list[Word] = []
    for found in _WORD.finditer(line):
        text = found.group()
        if found.group(1) is not None:
            words.append(Word(re.sub(r"\\(.)", r"\1", found.group(1)), found.start(), True))
        elif text.startswith("|") and len(text) > 1 and len(words) == 1:  # show |compare
            words += [Word("|", found.start()), Word(text[1:], found.start() + 1)]
        else:
            words += _dotted(text, found.start()) if _is_path(words, text) else [Word(text, found.start())]
    return words


def _is_path(before: list[Word], text: str) -> bool:
    return len(before) == 1 and before[0].text.lower() in ("set", "no") and "." in text.strip(".")


def _dotted(text: str, at: int) -> list[Word]:
    first, _, rest = text.partition(".")
    middle, _, last = rest.rpartition(".")
    places = [(first, at), (middle, at + len(first) + 1), (last, at + len(text) - len(last))]
    return [Word(part, place) for part, place in places if part]


def quoted(text: str) -> str:
    """`text` as one word that `split` gives back."""
    if _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
