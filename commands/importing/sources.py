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
from typing import TextIO

from commands.importing.files import fetch
from commands.importing.language.mapping import Mapping, load_mapping
from commands.importing.planning import rows_to_go
from commands.importing.problems import Problem, Unreadable
from commands.importing.staging import LINE, Corrected, Staged
from domain.data_import import Import
from eventlog.log import Log

FILE = "kronika_file"
"""The column of given back rows that names the file which they were read from, beside LINE."""

SEPARATORS = ",;\t"
"""What a spreadsheet may write between cells, by its country."""

HARMFUL = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would run, or that stands for one which did."""


@dataclass(frozen=True)
class Sources:
    """What an import reads. `only` are the rows that were given back, None when all are to be read."""

    mapping: Mapping
    staged: Staged
    only: Corrected | None

    @property
    def count(self) -> int:
        """About how many units it makes."""
        return rows_to_go(self.mapping, self.staged) if self.only is None else len(self.only.given)


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
                only = Corrected()
                for file in correction.files:
                    only |= corrected(staged, directory / file.name)
            yield Sources(mapping, staged, only)


async def line_of(log: Log, tenant: str, data_import: Import) -> list[Import]:
    """The import that was first, the one that corrects it, and so on up to this one; without corrections that could not
    be read."""
    line, before = [data_import], data_import
    while before.corrects:
        before, _ = await log.load(Import, tenant, before.corrects, datetime.now(UTC))
        if before.state != "failed" or not before.corrects:
            line.insert(0, before)
    return line


def corrected(staged: Staged, file: Path) -> Corrected:
    """Lay the rows of a corrected file of results over those that they came from. Raises Unreadable."""
    rows: dict[str, list[tuple[int, dict[str, str]]]] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as content:
            for number, row in enumerate(csv.DictReader(content, delimiter=separator_of(content)), 1):
                if row.get(FILE) or row.get(LINE) not in ("", "0"):  # what was told of no row has neither
                    cells = {harmful(name): harmful(cell) for name, cell in row.items() if isinstance(cell, str)}
                    rows.setdefault(cells.get(FILE) or "", []).append((number, cells))
    except UnicodeDecodeError as error:
        told = f"This is no text in UTF-8, save it as CSV in UTF-8: {error}"
        raise Unreadable([Problem(file.name, 0, "validation", told)]) from None
    except (ValueError, csv.Error) as error:
        raise Unreadable([Problem(file.name, 0, "validation", f"These are no corrected rows: {error}")]) from None
    if not rows:
        raise Unreadable([Problem(file.name, 0, "validation", "There is no row in it that could be corrected.")])
    found = Corrected()
    for name, of_file in rows.items():
        found |= staged.correct(name, of_file)
    return found


def separator_of(content: TextIO) -> str:
    """What stands between the cells: a spreadsheet takes what its country is used to. Raises ValueError."""
    header = content.readline()
    content.seek(0)
    for sign in SEPARATORS:
        if {LINE, FILE} <= set(next(csv.reader([header], delimiter=sign), [])):
            return sign
    raise ValueError(f"it has no columns {LINE} and {FILE}; send the file of results, its rows mended, as CSV in UTF-8")


def harmless(cell: str) -> str:
    """The cell, with a sign before what a spreadsheet would run."""
    return f"'{cell}" if HARMFUL.match(cell) else cell


def harmful(cell: str) -> str:
    """The cell that `harmless` made this of."""
    return cell[1:] if cell.startswith("'") and HARMFUL.match(cell) else cell
