"""The rooms of the house: which may know which. Arrows of import point inward."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SET_UP = {"deploy.settings", "deploy.serving"}
"""What every process needs before it does anything else."""

MAY_KNOW = {
    "domain": set(),
    "eventlog": {"domain"},
    "commands": {"eventlog", "domain"},
    "projections": {"eventlog", "domain"},
    "api": {"commands", "projections", "eventlog", "domain", *SET_UP},
    "workers": {"commands", "projections", "eventlog", "domain", *SET_UP},
    "deploy": {"api", "workers", "commands", "projections", "eventlog", "domain"},
}


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("room", MAY_KNOW)
def test_a_room_knows_only_the_rooms_further_in(room):
    for path in (ROOT / room).rglob("*.py"):
        for module in imports(path):
            other = module.split(".")[0]
            if other in MAY_KNOW and other != room:
                assert other in MAY_KNOW[room] or module in MAY_KNOW[room], f"{path.relative_to(ROOT)} imports {module}"


def test_the_domain_knows_nobody_but_the_standard_library_pydantic_and_the_event_model():
    allowed = set(sys.stdlib_module_names) | {"domain", "pydantic", "eventsourcing"}
    for path in (ROOT / "domain").rglob("*.py"):
        for module in imports(path):
            assert module.split(".")[0] in allowed, f"{path.name} imports {module}"
            if module.startswith("eventsourcing"):
                assert module == "eventsourcing.domain"


def test_every_file_says_in_its_first_sentence_what_it_is():
    for room in MAY_KNOW:
        for path in (ROOT / room).rglob("*.py"):
            says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            assert says, f"{path.relative_to(ROOT)} does not say what it is"
