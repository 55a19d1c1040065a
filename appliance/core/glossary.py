"""The words of mail in plain language, for people in an office: what `explain WORD` says.

`explain` takes a word or one of its other names in any case and gives one paragraph, "" for a word that is not here;
`near` gives words that look or sound like it. Pure; the texts stand in glossary_words.py.
"""

from __future__ import annotations

import difflib
from typing import Final

from appliance.core.glossary_words import ALSO, WORDS

NEAR_MAX: Final = 6
_BY_KEY: Final = {name.lower(): name for name in WORDS}


def explain(word: str) -> str:
    """NAME: what it is."""
    key = " ".join(word.lower().replace("_", " ").split())
    for each in (key, key.replace("-", " "), key.removesuffix("s"), key.removesuffix("es")):
        name = _BY_KEY.get(ALSO.get(each, each))
        if name is not None:
            return f"{name}: {WORDS[name]}"
    return ""


def near(word: str) -> list[str]:
    """Words to try instead; all words when nothing is like it."""
    key = word.lower().strip()
    inside = [name for name in WORDS if key and key in name.lower()]
    alike = [_BY_KEY[each] for each in difflib.get_close_matches(key, _BY_KEY, NEAR_MAX, 0.6)]
    return (inside + [name for name in alike if name not in inside])[:NEAR_MAX] or words()


def words() -> list[str]:
    """All words, sorted."""
    return sorted(WORDS, key=str.lower)
