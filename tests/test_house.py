"""The house rules that a machine can check: who may import whom, and one door for each outside package."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "appliance"
ROOMS = ("intake", "spool", "delivery", "control", "steward", "panel", "console", "page")
DOORS = {
    "aiosmtpd": "intake",
    "cryptography": "crypto",
    "scramp": "accounts",
    "dns": "delivery",
    "gpiozero": "panel",
    "gpiod": "panel",
    "flask": "page",
    "waitress": "page",
    "serial": "console",
}
MODULES = sorted(ROOT.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_meet_only_in_ports_and_the_core_is_pure(path: Path) -> None:
    home = place(path)
    for name in imports(path):
        top, *rest = name.split(".")
        if home == "core":
            assert name.startswith("appliance.core") or top in sys.stdlib_module_names, name
            assert top not in {"socket", "asyncio", "threading", "subprocess"}, name
        if top == "appliance" and home in ROOMS and rest and rest[0] in ROOMS:
            assert rest[0] == home, f"{home} imports {name}"


@pytest.mark.parametrize("package", DOORS)
def test_an_outside_package_has_one_door(package: str) -> None:
    users = {path for path in MODULES if any(name.split(".")[0] == package for name in imports(path))}
    assert {place(path) for path in users} <= {DOORS[package]}
    assert len(users) <= 1, f"{package} enters through {users}"


def test_every_module_opens_with_its_contract() -> None:
    bare = [path for path in MODULES if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))]
    assert not bare
