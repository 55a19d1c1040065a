"""Every enhanced status code that the box says is registered (RFC 3463, RFC 5248 and what was registered since)."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2] / "appliance"
LAST = {0: 0, 1: 10, 2: 4, 3: 6, 4: 7, 5: 6, 6: 10, 7: 30}  # the highest detail of each subject
CODE = re.compile(r"(?<![\d.])[245]\.(\d)\.(\d{1,3})(?![\d.])")


def texts(path: Path) -> set[str]:
    """String constants that are no docstrings."""
    tree = ast.parse(path.read_text())
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose)
    return {node.value for node in constants if isinstance(node.value, str)}


def test_every_code_that_is_said_is_registered() -> None:
    said = {
        (path.name, found[0])
        for room in ("intake", "spool", "delivery", "core", "control")
        for path in (ROOT / room).glob("*.py")
        for text in texts(path)
        for found in CODE.finditer(text)
        if path.name != "verdict.py" and path.name != "cures.py"  # what others say
    }
    assert len(said) > 60
    assert not {(name, code) for name, code in said if int(code.split(".")[2]) > LAST.get(int(code[2]), -1)}
