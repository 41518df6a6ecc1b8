"""A YAML text as plain values, and where in the text each of them stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

Path = tuple[str | int, ...]
"""Where a value is: ("steps", 0, "commands", 2, "with", "name")."""

MOST_TEXT = 1024 * 1024
MOST_VALUES = 100_000
"""Anchors that repeat anchors can blow a small text up to any size."""


class TextError(Exception):
    """All faults of a text, each with its name, line and column; `faults` is the list, the message all of them."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass
class Marked:
    """`value` is what the text says; `name` is the text's own, as its author knows it."""

    name: str
    value: Any = None
    marks: dict[Path, tuple[int, int]] = field(default_factory=lambda: {(): (1, 1)})

    @classmethod
    def read(cls, text: str, name: str) -> Marked:
        """Raises TextError when it is no YAML."""
        if len(text) > MOST_TEXT:
            raise TextError([f"{name}: is longer than {MOST_TEXT:,} characters"])
        marked = cls(name)
        try:
            marked.value = marked.plain(YAML(typ="rt").load(text), ())
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            at = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
            raise TextError([f"{name}:{at}: {error.problem or error.context}"]) from None
        except RecursionError:
            raise TextError([f"{name}: is nested too deeply"]) from None
        except (YAMLError, ValueError) as error:
            raise TextError([f"{name}: {error}"]) from None
        return marked

    def plain(self, node: Any, path: Path) -> Any:
        if len(self.marks) > MOST_VALUES or len(path) > 100:
            raise ValueError(f"has more than {MOST_VALUES:,} values, or is nested too deeply")
        if isinstance(node, CommentedMap):
            for key in node:
                self.marks[(*path, str(key))] = place(node.lc.data, key) or self.at(path)
            return {str(key): self.plain(value, (*path, str(key))) for key, value in node.items()}
        if isinstance(node, CommentedSeq):
            for index in range(len(node)):
                self.marks[(*path, index)] = place(node.lc.data, index) or self.at(path)
            return [self.plain(value, (*path, index)) for index, value in enumerate(node)]
        return scalar(node)

    def at(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of the value or of the innermost one around it that the text has."""
        while path not in self.marks:
            path = path[:-1]
        return self.marks[path]

    def told(self, path: Path, message: str) -> str:
        line, column = self.at(path)
        return f"{self.name}:{line}:{column}: {message}"


def place(data: dict[Any, list[int]] | None, key: Any) -> tuple[int, int] | None:
    found = (data or {}).get(key)
    return (found[0] + 1, found[1] + 1) if found else None


def scalar(node: Any) -> Any:
    """Numbers and true or false as such; everything else as text, days included."""
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    if node is None:
        return None
    if type(node).__name__ == "ScalarBoolean":
        return bool(node)
    return node.isoformat() if isinstance(node, date) else str(node)
