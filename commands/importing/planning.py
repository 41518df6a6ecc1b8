"""What is wanted of the rows: units of commands, each with its ids, its places in the files and its problems."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

import orjson
from msgspec import Struct

from commands.command import Command
from commands.importing.language.mapping import Mapping
from commands.importing.language.rows import MOST_TOGETHER, Fault, Row, Unfinished
from commands.importing.language.steps import Walk, placed
from commands.importing.problems import Place, Problem
from commands.importing.staging import Corrected, Found, Keys, Staged

READING = "reading"
"""The step, so to speak, of rows that could not be taken."""


class Wanted(Struct, frozen=True):
    """One command, validated; `id` is the same whenever the same rows say the same. `at` is "customers.csv:12"."""

    command: str
    body: dict[str, Any]
    id: str
    at: str
    trust: int
    asked: Command
    """`body`, as the command's model took it"""


class Unit(Struct, frozen=True):
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


def units(mapping: Mapping, staged: Staged, only: Corrected | None = None) -> Generator[Unit]:
    """Everything that the mapping makes of the rows, step by step, in the order of the files; with `only`, the units
    that these rows concern (numbered as among all)."""
    for number, (step, key, lines, wanted, problems) in enumerate(everything(mapping, staged), 1):
        if only is None or only.concern(lines):
            yield Unit(number, step, key, lines, wanted, problems)


def rows_to_go(mapping: Mapping, staged: Staged) -> int:
    """How many rows all steps go through together: what progress is measured against."""
    return sum(staged.count(step.rows) for step in mapping.steps if step.rows)


Made = tuple[str, str, tuple[Place, ...], tuple[Wanted, ...], tuple[Problem, ...]]


def everything(mapping: Mapping, staged: Staged) -> Iterator[Made]:
    for file in mapping.files:
        for problem in staged.broken(file):
            yield READING, "", ((file, problem.line),), (), (problem,)
    headers = {file: staged.columns(file) for file in mapping.files}
    for place, walk in enumerate(mapping.walks(headers, staged)):
        yield from Walked(mapping, staged, walk, mapping.line_of("steps", place)).units()


class Walked:
    """One step on its walk."""

    def __init__(self, mapping: Mapping, staged: Staged, walk: Walk, line: int) -> None:
        self.mapping = mapping
        self.staged = staged
        self.walk = walk
        self.name = walk.step.name
        self.file = walk.step.rows or mapping.name
        self.line = line

    def units(self) -> Iterator[Made]:
        if self.walk.step.rows is None:
            yield self.unit([(self.line, ())])
            return
        with self.staged.keys() as keys:
            if self.walk.group:
                with self.staged.keys() as broken, self.staged.groups(self.file, self.grouped()) as groups:
                    self.note_broken(broken)
                    for group, together in groups:
                        yield self.unit(together, keys.earlier, broken.line_of(group))
            else:
                for found in self.staged.rows(self.file):
                    if self.is_meant(self.row(found)) is not False:
                        yield self.unit([found], keys.earlier)

    def grouped(self) -> Iterator[tuple[int, str, Any]]:
        """Every row with its group and its place in it. One that has none is a group of its own, told of later."""
        assert self.walk.group
        for found in self.staged.rows(self.file):
            row, alone = self.row(found), f"\0{found[0]}"
            meant = self.is_meant(row)
            if meant:
                try:
                    yield found[0], self.walk.group(row) or alone, self.walk.sorted_by(row)
                except Fault:
                    meant = None
            if meant is None:
                yield found[0], alone, None

    def note_broken(self, broken: Keys) -> None:
        """To which groups the rows belong that cannot be taken, where they say so much."""
        assert self.walk.group
        for found in self.staged.broken_rows(self.file):
            row = self.row(found)
            with suppress(Fault):
                if self.is_meant(row) is not False and (group := self.walk.group(row)):
                    broken.earlier(group, row.line)

    def row(self, found: Found) -> Row:
        return Row(self.file, *found, Unfinished(), 1, self.walk.joins)

    def is_meant(self, row: Row) -> bool | None:
        """Whether the row belongs to the step; None when that cannot be told."""
        try:
            return self.walk.where is None or self.walk.where(row)
        except Fault:
            return None

    def unit(
        self,
        found: list[Found],
        earlier: Callable[[str, int], int | None] | None = None,
        broken: int | None = None,
    ) -> Made:
        """`earlier` tells on which line a natural key was before; `broken` is the line of a row that belongs to it, but
        cannot be taken."""
        unit = Unfinished()
        unit.rows = [Row(self.file, *one, unit, place, self.walk.joins) for place, one in enumerate(found, 1)]
        first = unit.rows[0]
        if len(found) > MOST_TOGETHER:
            note(unit, Fault(f"more than {MOST_TOGETHER:,} rows have its {self.walk.step.group}", place=first.place))
            return self.name, "", (first.place,), (), tuple(unit.problems)
        key = ""
        wanted: list[Wanted] = []
        if broken is not None:
            note(unit, Fault(f"line {broken}, which belongs to it, cannot be taken", place=first.place))
        try:
            key = self.key_of(first, earlier)
        except Fault as fault:
            note(unit, placed(fault, first))
        else:
            for row in unit.rows:
                try:
                    wanted += self.wanted(row, key, len(wanted))
                except Fault as fault:
                    note(unit, placed(fault, row))
        problems = tuple(unit.problems)
        if not wanted and not problems:
            problems = (Problem(self.file, first.line, "validation", f"nothing is made of it in {self.name}", True),)
        own = tuple(row.place for row in unit.rows) if self.walk.step.rows else ()
        lines = tuple(dict.fromkeys((*own, *unit.touched)))
        failed = any(not problem.warning for problem in problems)
        return self.name, key, lines, () if failed else tuple(wanted), problems

    def key_of(self, row: Row, earlier: Callable[[str, int], int | None] | None) -> str:
        if self.walk.where is not None:
            self.walk.where(row)
        self.walk.sorted_by(row)
        key = self.walk.key(row)
        if not key or (self.walk.group and not self.walk.group(row)):
            raise Fault(f"has no key: {self.walk.step.natural_key} is empty")
        line = earlier(key, row.line) if earlier else None
        if line is not None:
            raise Fault(f"the key {key!r} is that of line {line}, too", "duplicate")
        return key

    def wanted(self, row: Row, key: str, number: int) -> Iterator[Wanted]:
        """The commands of one row, numbered after those of the rows before it."""
        for check in self.walk.checks:
            for fault in check.told(row):
                note(row.unit, fault)
        for asking in self.walk.asks:
            for made in asking.asked(row):
                if isinstance(made, Fault):
                    note(row.unit, made)
                    continue
                one, body, command = made
                number += 1
                file, line = one.place
                path = self.mapping.files[file].path if file in self.mapping.files else file
                id = self.id_of(key, number, asking.command, body)
                yield Wanted(asking.command, body, id, f"{path}:{line}", asking.trust, command)

    def id_of(self, key: str, number: int, command: str, body: dict[str, Any]) -> str:
        said = [self.mapping.source, self.name, key, number, command, body]
        return f"import:{sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()}"


def note(unit: Unfinished, fault: Fault) -> None:
    assert fault.place
    unit.problems[Problem(*fault.place, fault.kind, fault.message)] = None
