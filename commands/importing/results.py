"""What came of an import, row by row, as a CSV file: what was done, what failed, what was not processed."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from commands.importing.outcomes import STANDING
from commands.importing.planning import units
from commands.importing.problems import Place
from commands.importing.sources import FILE, Sources, harmless, sources
from commands.importing.staging import LINE
from domain.data_import import Import
from eventlog.log import Log

Which = Literal["done", "failed", "not-processed"]
WHICH: tuple[Which, ...] = ("done", "failed", "not-processed")

OWN = (LINE, FILE, "kronika_kind", "kronika_message", "kronika_events")
"""The columns before those of the source."""

PAGE = 500
NOWHERE: Place = ("", 0)
"""Where a unit stands that no row has part in."""

OUTCOMES = f"""
SELECT o.unit, o.lines, o.kind, o.message, e.ids, e.clamped
  FROM (SELECT * FROM imports.outcome
         WHERE tenant = %s AND job = %s AND dry_run = %s AND status = %s AND unit > %s ORDER BY unit LIMIT %s) o
 CROSS JOIN {STANDING}
 ORDER BY o.unit
"""  # noqa: S608  # our own words


class Told(NamedTuple):
    """What is told of one unit."""

    unit: int
    lines: Sequence[Place]
    kind: str | None = None
    message: str | None = None
    events: Sequence[str] | None = None
    clamped: str | None = None


async def results(log: Log, tenant: str, data_import: Import, which: Which) -> AsyncIterator[bytes]:
    """The file, piece by piece, the header first: a row for each row of the source that belongs to such a unit. With
    its rows corrected it can be sent as a correction. Raises what `sources` raises, before the first piece."""
    async with sources(log, tenant, data_import) as found:
        table = Table(found)
        yield table.header()
        if which == "not-processed":
            async for page in not_processed(log, tenant, data_import, found):
                yield table.rows(page)
        else:
            async for page in outcomes(log, tenant, data_import, which):
                yield table.rows(page)


async def outcomes(log: Log, tenant: str, data_import: Import, status: str) -> AsyncIterator[list[Told]]:
    after = -1
    while True:
        async with log.connection() as connection:
            place = [tenant, data_import.id, data_import.dry_run, status, after, PAGE]
            cursor = await connection.execute(OUTCOMES, place)
            page = [Told(*row) for row in await cursor.fetchall()]
        if not page:
            return
        yield page
        after = page[-1].unit


async def not_processed(log: Log, tenant: str, data_import: Import, found: Sources) -> AsyncIterator[list[Told]]:
    recorded = await processed(log, tenant, data_import)
    page: list[Told] = []
    for unit in units(found.mapping, found.staged, found.only):
        if unit.number not in recorded:
            page.append(Told(unit.number, unit.lines))
        if len(page) == PAGE:
            yield page
            page = []
    yield page


async def processed(log: Log, tenant: str, data_import: Import) -> frozenset[int]:
    """The units whose outcome is known."""
    async with log.connection() as connection:
        cursor = await connection.execute(
            "SELECT unit FROM imports.outcome WHERE tenant = %s AND job = %s AND dry_run = %s",
            [tenant, data_import.id, data_import.dry_run],
        )
        return frozenset(row[0] for row in await cursor.fetchall())


class Table:
    """Rows of all files of an import in one table: the columns of the first, then what others have besides."""

    def __init__(self, found: Sources) -> None:
        self._staged = found.staged
        self._columns = {name: found.staged.columns(name) for name in found.mapping.files}
        self._all = tuple(dict.fromkeys(column for columns in self._columns.values() for column in columns))

    def header(self) -> bytes:
        return written([(*OWN, *map(harmless, self._all))])

    def rows(self, page: Iterable[Told]) -> bytes:
        return written(row for told in page for row in self._rows(told))

    def _rows(self, told: Told) -> Iterable[Sequence[str]]:
        kind = told.kind or ("warning" if told.clamped else "")
        message = "; ".join(part for part in (told.message, told.clamped) if part)
        events = " ".join(told.events or ())
        for file, line in told.lines or [NOWHERE]:
            read = self._staged.row(file, line) if file in self._columns else None
            cells = dict(zip(self._columns.get(file, ()), read or (), strict=False))
            own = (str(line), file, kind, message, events)
            yield [harmless(cell) for cell in (*own, *(cells.get(column, "") for column in self._all))]


def written(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
