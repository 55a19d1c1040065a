import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_the_checklist_names_only_tests_that_exist() -> None:
    cited = set(re.findall(r"`(t(?:est_|-)[a-z0-9_-]+)` \|", (TESTS.parent / "docs" / "checklist.md").read_text()))
    sources = [*TESTS.rglob("test_*.py"), *TESTS.rglob("flush_order.py")]
    known = {name for path in sources for name in re.findall(r"def (test_\w+)", path.read_text())}
    known |= {path.name for path in (TESTS / "e2e").glob("t-*")}
    assert len(cited) > 100
    assert not cited - known
