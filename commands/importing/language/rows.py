"""A row while it is made something of: its cells, what is joined to it, and its place in its unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from commands.importing.problems import Kind, Place, Problem

Cells = tuple[str, ...]

MOST_TOGETHER = 10_000
"""Rows that are one unit, or are joined to one row: they are in memory together."""


class Fault(Exception):
    """Why a value cannot be made of a row."""

    def __init__(self, message: str, kind: Kind = "validation", place: Place | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.place = place


@dataclass(frozen=True, slots=True)
class Joined:
    """A row of another file."""

    file: str
    line: int
    cells: Cells

    @property
    def place(self) -> Place:
        return self.file, self.line


Joining = Callable[["Row"], list[Joined]]


@dataclass(slots=True)
class Unfinished:
    """What rows of one unit share: its rows in order, where else it was looked, and what was found noteworthy."""

    rows: list[Row] = field(default_factory=list)
    touched: dict[Place, None] = field(default_factory=dict)
    problems: dict[Problem, None] = field(default_factory=dict)


class Row:
    """One row of a unit; within `each`, with one of the joined rows in the place of all."""

    __slots__ = ("_joined", "_joins", "cells", "file", "line", "number", "place", "unit")

    def __init__(
        self, file: str, line: int, cells: Cells, unit: Unfinished, number: int, joins: dict[str, Joining]
    ) -> None:
        self.file = file
        self.line = line
        self.cells = cells
        self.unit = unit
        self.number = number
        self.place: Place = (file, line)
        """What is at work: the row, or within `each` the joined one"""
        self._joins = joins
        self._joined: dict[str, list[Joined]] = {}

    def joined(self, name: str) -> list[Joined]:
        """The rows of this join, looked up when first asked for."""
        found = self._joined.get(name)
        if found is None:
            found = self._joined[name] = self._joins[name](self)
            for one in found:
                self.unit.touched[one.place] = None
        return found

    def narrowed(self, name: str, joined: Joined) -> Row:
        """The same row, seen with one of its joined rows alone."""
        other = object.__new__(Row)
        other.file, other.line, other.cells, other.unit = self.file, self.line, self.cells, self.unit
        other.number, other._joins = self.number, self._joins
        other._joined = {**self._joined, name: [joined]}
        other.place = joined.place
        return other

    @property
    def before(self) -> Row | None:
        """The row before it in its unit."""
        return self.unit.rows[self.number - 2] if self.number > 1 else None

    def warn(self, message: str, place: Place | None = None) -> None:
        file, line = place or self.place
        self.unit.problems[Problem(file, line, "validation", message, warning=True)] = None


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A value in its normal form, and what the source said where that is something else."""

    value: Any
    given: str | None = None
