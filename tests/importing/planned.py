"""What tests of the importer share: a mapping and its files in, values or units of commands out."""

from __future__ import annotations

from collections.abc import Mapping as Map
from pathlib import Path
from textwrap import dedent
from typing import Any

from pydantic import TypeAdapter

from commands.importing.language import forms
from commands.importing.language.document import Language
from commands.importing.language.mapping import Mapping, load_mapping
from commands.importing.language.meaning import bare, value
from commands.importing.language.rows import Row, Unfinished
from commands.importing.language.scope import Scope
from commands.importing.planning import Unit, units
from commands.importing.staging import Staged
from eventlog.marked import Marked

LANGUAGE = Language.model_validate(
    {
        "kronika": "import/1",
        "source": "shop",
        "time_zone": "Europe/Berlin",
        "phone_region": "DE",
        "files": {"rows": "rows.csv"},
        "steps": [{"name": "nothing", "commands": [{"command": "register-customer"}]}],
    }
)


def made(given: str, **cells: str) -> Any:
    """What a value of a mapping is for a row with these cells."""
    return told(given, **cells)[0]


def told(given: str, **cells: str) -> tuple[Any, list[str]]:
    """The same, and what is warned of."""
    form = TypeAdapter(forms.Value).validate_python(Marked.read(given, "value.yaml").value)
    scope = Scope(LANGUAGE, {"rows": tuple(cells)}).of("rows")
    meaning = value(form, scope)
    assert scope.faults == []
    unit = Unfinished()
    unit.rows = [Row("rows", 2, tuple(cells.values()), unit, 1, {})]
    found = bare(meaning(unit.rows[0]))
    return found, [problem.message for problem in unit.problems]


def mapping_of(text: str, name: str = "shop.yaml") -> Mapping:
    return load_mapping(dedent(text).lstrip("\n"), name)


def written(directory: Path, files: Map[str, str | bytes]) -> Path:
    """The directory, with these files in it."""
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return directory


def planned(directory: Path, mapping: str, files: Map[str, str | bytes]) -> list[Unit]:
    """The units that the mapping makes of these files."""
    read = mapping_of(mapping)
    with Staged(read, written(directory, files)) as staged:
        return list(units(read, staged))


def bodies(found: list[Unit]) -> list[tuple[str, dict[str, Any]]]:
    return [(wanted.command, wanted.body) for unit in found for wanted in unit.wanted]


def problems(found: list[Unit]) -> list[tuple[str, int, str, str]]:
    """Everything that is wrong, without warnings."""
    return [(p.file, p.line, p.kind, p.message) for unit in found for p in unit.problems if not p.warning]


def warnings(found: list[Unit]) -> list[tuple[int, str]]:
    return [(p.line, p.message) for unit in found for p in unit.problems if p.warning]
