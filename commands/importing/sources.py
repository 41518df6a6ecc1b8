"""The rows of an import: its files as they were delivered, with the corrections that were made since laid over them."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from commands.importing.files import fetch
from commands.importing.language.mapping import Mapping, load_mapping
from commands.importing.planning import rows_to_go
from commands.importing.problems import Place, Problem, Unreadable
from commands.importing.staging import Staged
from domain.data_import import Import
from eventlog.log import Log

LINE, FILE = "kronika_line", "kronika_file"

HARMFUL = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would run, or that stands for one which did."""


@dataclass(frozen=True)
class Sources:
    """What an import reads. `only` are the rows that were corrected, None when all are to be read."""

    mapping: Mapping
    staged: Staged
    only: frozenset[Place] | None

    @property
    def count(self) -> int:
        """About how many units it makes."""
        return rows_to_go(self.mapping, self.staged) if self.only is None else len(self.only)


@asynccontextmanager
async def sources(log: Log, tenant: str, data_import: Import) -> AsyncIterator[Sources]:
    """The rows of an import, on this machine for as long as they are needed. Raises MappingError, Unreadable,
    DeliveryDamaged and LogUnavailable."""
    first, *corrections = await line_of(log, tenant, data_import)
    mapping = load_mapping(first.mapping_text, first.mapping)
    with TemporaryDirectory(prefix="kronika-import-") as place:
        directory = Path(place) / str(first.id)
        directory.mkdir()
        await fetch(log, tenant, first.files, directory)
        staged = await asyncio.to_thread(Staged, mapping, directory, Path(place))
        with staged:
            only = None
            for correction in corrections:
                directory = Path(place) / str(correction.id)
                directory.mkdir()
                await fetch(log, tenant, correction.files, directory)
                only = frozenset[Place]().union(
                    *(corrected(staged, directory / file.name) for file in correction.files)
                )
            yield Sources(mapping, staged, only)


async def line_of(log: Log, tenant: str, data_import: Import) -> list[Import]:
    """The import that was first, the one that corrects it, and so on up to this one."""
    line = [data_import]
    while line[0].corrects:
        before, _ = await log.load(Import, tenant, line[0].corrects, datetime.now(UTC))
        line.insert(0, before)
    return line


def corrected(staged: Staged, file: Path) -> frozenset[Place]:
    """Lay the rows of a corrected file of results over those that they came from. Raises Unreadable."""
    rows: dict[str, list[dict[str, str]]] = {}
    with file.open(encoding="utf-8-sig", newline="") as content:
        try:
            for row in csv.DictReader(content):
                rows.setdefault(row.get(FILE) or "", []).append(row)
        except (UnicodeDecodeError, csv.Error) as error:
            raise Unreadable([Problem(file.name, 0, "validation", f"This is no CSV in UTF-8: {error}")]) from None
    places: set[Place] = set()
    rows.pop("", None)  # what was told of no row
    for name, of_file in rows.items():
        own = {LINE, *staged.columns(name)}
        places |= staged.correct(name, [{c: harmful(v) for c, v in row.items() if c in own} for row in of_file])
    return frozenset(places)


def harmless(cell: str) -> str:
    """The cell, with a sign before what a spreadsheet would run."""
    return f"'{cell}" if HARMFUL.match(cell) else cell


def harmful(cell: str) -> str:
    """The cell that `harmless` made this of."""
    return cell[1:] if cell.startswith("'") and HARMFUL.match(cell) else cell
