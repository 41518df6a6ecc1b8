"""What is wanted of the rows: units of commands, each with its ids, its places in the files and its problems."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from commands.command import Command
from commands.importing.mapping import Mapping
from commands.importing.problems import Place, Problem
from commands.importing.staging import Staged


@dataclass(frozen=True, slots=True)
class Wanted:
    """One command, validated; `id` is the same whenever the same rows say the same. `at` is "customers.csv:12"."""

    command: str
    body: dict[str, Any]
    id: str
    at: str
    trust: int
    asked: Command = field(compare=False, repr=False)
    """`body`, as the command's model took it"""


@dataclass(frozen=True, slots=True)
class Unit:
    """What becomes of rows that belong together: commands to be asked in order, the next only after the one before.

    `lines` are all rows that it was made of: its own first, then those joined to them. With a problem that is no
    warning, nothing is wanted.
    """

    number: int
    step: str
    key: str
    lines: tuple[Place, ...]
    wanted: tuple[Wanted, ...]
    problems: tuple[Problem, ...]


def units(mapping: Mapping, staged: Staged, only: Collection[Place] | None = None) -> Iterator[Unit]:
    """Everything that the mapping makes of the rows, step by step, in the order of the files; with `only`, the units
    made of at least one of those lines (numbered as among all)."""
    raise NotImplementedError
