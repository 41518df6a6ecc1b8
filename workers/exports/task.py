"""The clerk's task of exports: reads all of an answer in one snapshot and keeps it as a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection, DataError

from commands.command import Command
from commands.dispatch import Asked, dispatch
from commands.exports import FailExport, FinishExport
from domain.export import Export
from domain.policy import Forbidden
from domain.refusals import Refusal
from eventlog.callers import acting
from eventlog.envelope import Caller, Context
from eventlog.positions import Epochs
from projections.as_of import settled
from projections.asking import BadQuery
from projections.cut import Cut
from projections.export_files import clear_away, forget, keep
from projections.exportable import Exportable, exportable
from workers.clerk import Desk, Job
from workers.exports.formats import Csv, JsonLines, Unfit, Writer
from workers.exports.parts import Parts
from workers.exports.sheet import Sheet
from workers.exports.table import Table
from workers.lifetime import Surroundings, connected
from workers.watchdog import at_work

FORMATS: dict[str, type[Writer]] = {"csv": Csv, "jsonl": JsonLines, "xlsx": Sheet, "parquet": Table}

TIDY_S = 60.0
"""How often what has expired is deleted."""
LOOK_S = 1.0
"""How often an export under way looks whether it is still wanted."""

WAITING = "SELECT tenant, id FROM read.exports WHERE state = 'asked' ORDER BY created_recorded_at"


class NotWanted(Exception):
    """It was cancelled."""


@dataclass(frozen=True)
class Request:
    """What was asked for, by whom, and at which position of the log."""

    export: Export
    caller: Caller
    position: int
    cut: Cut


class Exporting:
    """Carries out exports. Each is begun from nothing, into a file of its own: that of a process that was killed is
    named by no event, and deleted later."""

    name = "exports"

    def __init__(self) -> None:
        self._tidy_at = 0.0

    async def waiting(self, connection: AsyncConnection[Any], around: Surroundings) -> Sequence[Job]:
        if time.monotonic() >= self._tidy_at:
            await clear_away(connection)
            self._tidy_at = time.monotonic() + TIDY_S
        cursor = await connection.execute(WAITING)
        return [Job(*row) for row in await cursor.fetchall()]

    async def carry_out(self, job: Job, desk: Desk) -> None:
        asked = await request_of(job, desk)
        if asked is None:
            return
        export, file = asked.export, uuid4()
        try:
            question = exportable(
                export.resource,
                [(one.name, one.value) for one in export.filters or ()],
                export.sorted_by,
                export.columns,
                export.modified_on or datetime.now(UTC),
                asked.cut,
                asked.caller,
            )
            done = await Writing(desk, asked, question, file).write()
        except (Unfit, BadQuery, Forbidden) as error:
            await told(desk, asked, FailExport(export_id=export.id, why=str(error)))
        except DataError:
            await told(desk, asked, FailExport(export_id=export.id, why="a value that is asked for is out of range"))
        except NotWanted:
            pass
        else:
            if done is None or await told(desk, asked, done):
                return
        async with desk.log.connection() as connection:
            await forget(connection, job.tenant, export.id, file)


async def request_of(job: Job, desk: Desk) -> Request | None:
    """None when there is nothing left to do."""
    export, _ = await desk.log.load(Export, job.tenant, job.id, datetime.now(UTC))
    if export.state != "asked":
        return None
    async with desk.log.connection() as connection:
        cursor = await connection.execute(
            "SELECT actor, position FROM log.events WHERE tenant = %s AND stream_id = %s AND version = 1",
            [job.tenant, job.id],
        )
        row = await cursor.fetchone()
        assert row is not None
        actor, position = row
        known_at = export.known_at if export.known_position is None else export.known_position
        cut = await settled(connection, Cut(export.as_of, known_at))
    if isinstance(cut.known_at, int):  # a day is not over yet: begun again, the same is to come of it
        cut = replace(cut, known_at=min(cut.known_at, position))
    caller = await acting(desk.log, job.tenant, actor, frozenset({"read"}))
    return Request(export, caller, position, cut)


async def told(desk: Desk, asked: Request, command: Command) -> bool:
    """Say what came of it; False when it has come to its end meanwhile."""
    clerk = Caller(asked.caller.tenant, "clerk")
    context = Context(clerk.tenant, clerk.actor, uuid4().hex, uuid4())
    try:
        await dispatch(desk.log, Asked(command, clerk, context))
    except Refusal:
        return False
    return True


class Writing:
    """One file being written."""

    def __init__(self, desk: Desk, asked: Request, question: Exportable, file: UUID) -> None:
        self.desk, self.asked, self.question, self.file = desk, asked, question, file
        self._parts = Parts()
        self._number = 0
        self._look_at = time.monotonic() + LOOK_S

    async def write(self) -> FinishExport | None:
        """What to say when all is written; None when what is read does not reflect yet what was recorded before the
        export was asked for: to be called again."""
        export, question = self.asked.export, self.question
        title, moment = export.resource, export.modified_on or datetime.now(UTC)
        writer = FORMATS[export.format](question.columns, title, moment, self._parts)
        rows = parked = 0
        try:
            async with snapshot(self.desk) as connection:
                reflects = await question.reflects(connection)
                if reflects < self.asked.position:
                    writer.abandon()
                    return None
                epochs = await Epochs.read(connection)
                async for page in question.pages(connection, self.desk.log.codec, self.asked.caller, epochs.token):
                    await asyncio.to_thread(writer.write, page.rows)
                    rows, parked = rows + len(page.rows), parked + page.parked
                    await self._keep()
                    await self._come_round()
            await asyncio.to_thread(writer.close)
        except BaseException:
            writer.abandon()
            raise
        await self._keep(rest=True)
        return FinishExport(
            export_id=export.id,
            file=self.file,
            rows=rows,
            parked=parked,
            bytes=self._parts.bytes,
            sha256=self._parts.sha256,
            reflects=reflects,
            expires_at=datetime.now(UTC) + timedelta(days=self.desk.around.export_days),
        )

    async def _keep(self, *, rest: bool = False) -> None:
        if parts := self._parts.take(rest=rest):
            async with self.desk.log.connection() as connection:
                for part in parts:
                    await keep(
                        connection, self.asked.caller.tenant, self.asked.export.id, self.file, self._number, part
                    )
                    self._number += 1
                    at_work()

    async def _come_round(self) -> None:
        at_work()
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        async with self.desk.log.connection() as connection:
            cursor = await connection.execute(
                "SELECT FROM log.events WHERE tenant = %s AND stream_id = %s AND version > 1",
                [self.asked.caller.tenant, self.asked.export.id],
            )
            if await cursor.fetchone() is not None:
                raise NotWanted


@asynccontextmanager
async def snapshot(desk: Desk) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection over which everything is read as of one moment."""
    async with connected(desk.around.database_url) as connection, connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # It holds no lock that anybody waits for, and between two pages parts are kept, which may take a while.
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '60s'")
        yield connection


EXPORTS = Exporting()
