"""The mapping file of an import: read, and found to make sense, or all of its faults told with their lines."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from commands.importing.language import forms
from commands.importing.language.document import Check, File, Join, Language, Step, Wish
from commands.importing.language.scope import Files, NoFiles, Scope
from commands.importing.language.steps import Walk, shortened
from commands.importing.language.wrongs import wrongs
from eventlog.marked import Marked, Path, TextError

__all__ = ["File", "Mapping", "MappingError", "load_mapping", "schema"]

NO_FILES = NoFiles()


class MappingError(TextError):
    """A mapping file cannot be used; each of its faults is told with its line."""


@dataclass(frozen=True)
class Mapping:
    """A mapping whose every word is known. `check` finds whether the files have the columns that it names."""

    language: Language
    marked: Marked

    @property
    def name(self) -> str:
        return self.marked.name

    @property
    def source(self) -> str:
        return self.language.source

    @property
    def trust(self) -> int:
        return self.language.trust

    @property
    def files(self) -> dict[str, File]:
        return self.language.files

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.language.steps

    def line_of(self, *path: str | int) -> int:
        return self.marked.at(path)[0]

    def check(self, headers: Map[str, tuple[str, ...]]) -> None:
        """Raises MappingError when it names a column that a file has not."""
        self.walks(headers)

    def walks(self, headers: Map[str, tuple[str, ...]] | None, files: Files = NO_FILES) -> list[Walk]:
        """The steps, ready to walk; `headers` are the columns by file, None as long as they are not known."""
        scope = Scope(self.language, headers, files)
        scope.at("time_zone").zone(self.language.time_zone)
        if self.language.phone_region is not None:
            scope.at("phone_region").region(self.language.phone_region)
        names = [step.name for step in self.steps]
        for place, name in enumerate(names):
            if name in names[:place]:
                scope.at("steps", place, "name").fault(f"another step is called {name!r}, too")
        walks = [Walk.of(step, scope.at("steps", place)) for place, step in enumerate(self.steps)]
        if scope.faults:
            told = dict.fromkeys(scope.faults)
            raise MappingError([self.marked.told(*fault) for fault in sorted(told, key=lambda f: self.marked.at(f[0]))])
        return walks


def load_mapping(text: str, name: str) -> Mapping:
    """The mapping that a YAML text says; `name` is what its author calls it. Raises MappingError."""
    try:
        marked = Marked.read(text, name)
    except TextError as error:
        raise MappingError(error.faults) from None
    try:
        language = Language.model_validate(marked.value)
    except ValidationError as error:
        raise MappingError(sorted({told(marked, wrong) for wrong in wrongs(error)}, key=by_line)) from None
    mapping = Mapping(language, marked)
    mapping.walks(None)
    return mapping


def schema() -> dict[str, Any]:
    """JSON schema of mapping files, for editors."""
    return Language.model_json_schema(by_alias=True)


def told(marked: Marked, wrong: ErrorDetails) -> str:
    """A fault in words, at the innermost place that the text has."""
    path: Path = ()
    for part in wrong["loc"]:
        if (*path, part) in marked.marks:
            path = (*path, part)
    last = wrong["loc"][-1] if wrong["loc"] else ""
    message = wrong["msg"].removeprefix("Value error, ")
    match wrong["type"]:
        case "extra_forbidden":
            close = get_close_matches(str(last), sorted(WORDS), 1)
            message = f"unknown key {last!r}" + (
                f"; did you mean {close[0]}?" if close and close[0] != last else " here"
            )
        case "missing":
            message = f"{called((*path, last)) if isinstance(last, int) else repr(last)} is missing"
        case "value_error":
            pass
        case "string_pattern_mismatch":
            message = f"{wrong['input']!r} is no name; one has up to 40 letters, digits, blanks, _ and -"
        case kind if kind in EXPECTED:
            message = f"{called(path)} {EXPECTED[kind].format(**wrong.get('ctx', {}))}, not {found_in(wrong)}"
        case _:
            message = f"{called(path)}: {message}"
    return marked.told(path, message)


KEYS = "has keys and values"
WHOLE, FLAG, LIST = "is a whole number", "is true or false", "is a list, as [a, b]"
EXPECTED = {
    "model_type": KEYS,
    "model_attributes_type": KEYS,
    "dict_type": KEYS,
    "tuple_type": LIST,
    "too_short": "has {min_length} or more entries",
    "too_long": "has {max_length} entries",
    "string_type": "is a text",
    "string_too_short": "is one sign",
    "string_too_long": "is one sign",
    "literal_error": "is {expected}",
    "int_type": WHOLE,
    "int_parsing": WHOLE,
    "int_from_float": WHOLE,
    "finite_number": WHOLE,
    "greater_than_equal": "is at least {ge}",
    "less_than_equal": "is at most {le}",
    "bool_type": FLAG,
    "bool_parsing": FLAG,
}
"""What should stand at a place of the text, by the type of the fault."""


def called(path: Path) -> str:
    """A place of the text, as its author would name it."""
    if not path:
        return "a mapping"
    *around, last = path
    return f"entry {last + 1} of {called(tuple(around))}" if isinstance(last, int) else last


def found_in(wrong: ErrorDetails) -> str:
    """What stands there instead."""
    if "actual_length" in (context := wrong.get("ctx", {})):
        return str(context["actual_length"])
    match wrong["input"]:
        case None:
            return "nothing"
        case list():
            return "a list"
        case dict():
            return "keys and values"
        case bool() | int() | float() as number if wrong["type"] == "string_type":
            return f"{number}; put it in quotes"
        case other:
            return shortened(other)


def by_line(fault: str) -> tuple[list[int], str]:
    return [int(part) for part in fault.split(":")[1:3] if part.isdecimal()], fault


def words(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


CONSTRUCTS: list[type[BaseModel]] = [Language, File, Join, Check, Wish, Step, forms.Id, forms.Condition, forms.After]
WORDS = {word for model in [*CONSTRUCTS, *forms.FORMS.values()] for word in words(model)}
"""Every key that the language knows."""
