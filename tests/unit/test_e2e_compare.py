"""The comparison of expected files can fail: `*` is for what varies, everything else must be as written."""

import tomllib

from tests.e2e.box import merged, toml_text
from tests.e2e.compare import lines_match, matches


def test_a_star_stands_for_anything_and_the_rest_for_itself() -> None:
    assert matches("250 2.0.0 * as *", "250 2.0.0 queued as 7")
    assert not matches("250 2.0.0 *", "250 2.1.0 queued")
    assert not matches("a.b", "axb")


def test_a_star_alone_stands_for_any_number_of_lines() -> None:
    assert lines_match(["a", "*", "b"], ["a", "b"])
    assert lines_match(["a", "*", "b"], ["a", "x", "y", "b"])
    assert not lines_match(["a", "*", "b"], ["a", "x"])
    assert not lines_match(["a *", "b"], ["a 1", "x", "b"])


def test_settings_of_a_scenario_are_laid_over_the_base() -> None:
    base = tomllib.loads('[box]\nname = "x"\nsize = 1\n[[row]]\na = 1\n[[row]]\na = 2\n')
    over = tomllib.loads('[box]\nsize = 2\n[[row]]\nb = ["c", true]\n')
    assert tomllib.loads(toml_text(merged(base, over))) == {
        "box": {"name": "x", "size": 2},
        "row": [{"b": ["c", True]}],
    }
