"""What is wrong with a row, or worth a look: told with the file and the line where it begins, never passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["validation", "not found", "duplicate"]

Place = tuple[str, int]
"""A row: the file's name in the mapping, and the line on which the row begins."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing comes of a row; or, as a warning, what is noteworthy about what comes of it.

    `line` is 0 where the problem concerns a whole file.
    """

    file: str
    line: int
    kind: Kind
    message: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class Unreadable(Exception):
    """Files that cannot be read to their end, or not at all: one problem a file."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
