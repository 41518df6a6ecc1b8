"""The clerk's task of saved queries: asks each when it is due, and keeps what it was answered."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import duckdb
from cronsim import CronSim
from psycopg import AsyncConnection
from pyarrow import parquet

from domain.roles import ACTIONS
from eventlog.callers import user_calling
from eventlog.envelope import Caller
from eventlog.errors import LogUnavailable
from eventlog.log import Log
from projections.analytics.lake import Lake, LakeAbsent, reflected
from projections.analytics.sandbox.asking import Found, Room, ask, code
from projections.as_of import settled
from projections.asking import BadQuery
from projections.cut import Cut
from projections.freshness import LakehouseAway, TooMuch
from projections.query_runs import Run, clear_away, keep
from workers.clerk import Desk, Job
from workers.lifetime import Surroundings
from workers.watchdog import at_work

MOST_ROWS = 100_000
MOST_BYTES = 16_000_000
"""Of an answer that is kept, as Parquet."""

TIDY_S = 60.0
"""How often the answers of deleted queries are deleted."""
BEHIND_S = 1.0
"""How long a run waits at a time for a lakehouse that is behind."""

LATE = timedelta(seconds=6)
"""So long after its time a query is asked: by then the log has all that was recorded before, as no append takes longer
than five seconds."""

SCHEDULED = """
SELECT q.tenant, q.id, q.version, q.cron, q.zone, greatest(q.scheduled_at, r.due_at), q.owner, q.sql, q.keep
  FROM read.saved_queries q
  LEFT JOIN LATERAL (SELECT due_at FROM query_runs.run r WHERE r.tenant = q.tenant AND r.query = q.id
                      ORDER BY due_at DESC LIMIT 1) r ON true
 WHERE q.cron IS NOT NULL
"""


@dataclass(frozen=True)
class Scheduled:
    """A saved query with its times, and since when it has not been asked."""

    tenant: str
    id: UUID
    version: int
    cron: str
    zone: str
    since: datetime
    owner: str
    sql: str
    keep: int

    def due(self, now: datetime) -> datetime | None:
        """The last of its times that has come since it was last asked; earlier ones were missed."""
        if first_after(self.cron, self.zone, self.since) > now:
            return None
        return next(CronSim(self.cron, now.astimezone(ZoneInfo(self.zone)), reverse=True)).astimezone(UTC)


@lru_cache(maxsize=10_000)
def first_after(cron: str, zone: str, moment: datetime) -> datetime:
    return next(CronSim(cron, moment.astimezone(ZoneInfo(zone)))).astimezone(UTC)


Clock = Callable[[AsyncConnection[Any]], Awaitable[datetime]]


async def settled_by_now(connection: AsyncConnection[Any]) -> datetime:
    """The moment up to which nothing more will be recorded, by the log's own clock."""
    row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment - LATE


class Asking:
    """Asks saved queries at their times. A run counts what was recorded when it was due, neither less nor more, however
    late it comes to be asked; so it is answered the same however often it is begun, and it is kept once."""

    name = "saved queries"

    def __init__(self, clock: Clock = settled_by_now) -> None:
        self._clock = clock
        self._tidy_at = 0.0

    async def waiting(self, connection: AsyncConnection[Any], around: Surroundings) -> Sequence[Job]:
        if time.monotonic() >= self._tidy_at:
            await clear_away(connection)
            self._tidy_at = time.monotonic() + TIDY_S
        rows = await (await connection.execute(SCHEDULED)).fetchall()
        now = await self._clock(connection)
        due = [(at, one) for one in (Scheduled(*row) for row in rows) if (at := one.due(now))]
        return [Job(one.tenant, one.id) for _, one in sorted(due, key=lambda pair: pair[0])]

    async def carry_out(self, job: Job, desk: Desk) -> None:
        async with desk.log.connection() as connection:
            cursor = await connection.execute(f"{SCHEDULED} AND q.tenant = %s AND q.id = %s", [job.tenant, job.id])
            row = await cursor.fetchone()
            query = Scheduled(*row) if row else None
            if query is None or (due := query.due(await self._clock(connection))) is None:
                return
            cut = await settled(connection, Cut(known_at=due))
        assert isinstance(cut.known_at, int)
        if await self._reached(desk, cut.known_at):
            await self._run(desk, query, due, cut.known_at)
        else:
            await asyncio.sleep(BEHIND_S)  # it is asked again, and each time opens the lakehouse

    async def _reached(self, desk: Desk, position: int) -> bool:
        try:
            with await asyncio.to_thread(
                Lake.open, desk.around.database_url, desk.around.lake_path, read_only=True
            ) as lake:
                checkpoints = lake.checkpoints()
        except (LakeAbsent, duckdb.Error) as error:
            raise LogUnavailable(f"the lakehouse cannot be asked: {type(error).__name__}") from error
        async with desk.log.connection() as connection:
            return await reflected(connection, checkpoints) >= position

    async def _run(self, desk: Desk, query: Scheduled, due: datetime, position: int) -> None:
        run = Run(due, "failed", None, query.version, position, code(), datetime.now(UTC), None, None, None)
        answer = None
        caller = await owner_of(desk.log, query)
        if caller is None:
            run = replace(run, why="Its owner may read no more.")
        else:
            try:
                found = await self._asked(desk, query, caller, due, position)
                answer = await asyncio.to_thread(as_parquet, found)
            except (BadQuery, TooMuch) as error:
                run = replace(run, why=str(error))
            except LakehouseAway as error:
                raise LogUnavailable(str(error)) from error
            else:
                run = replace(
                    run,
                    state="finished",
                    rows=found.rows.num_rows,
                    truncated=found.truncated,
                    sha256=sha256(answer).hexdigest(),
                )
        async with desk.log.connection() as connection:
            await keep(connection, query.tenant, query.id, replace(run, ended_at=datetime.now(UTC)), answer, query.keep)

    async def _asked(self, desk: Desk, query: Scheduled, caller: Caller, due: datetime, position: int) -> Found:
        around = desk.around
        room = Room(around.database_url, around.lake_path, around.analytics_memory, around.analytics_timeout_s)
        asking = asyncio.ensure_future(ask(room, caller, query.sql, Cut(known_at=position), MOST_ROWS, now=due))
        try:
            while not (await asyncio.wait({asking}, timeout=1))[0]:
                at_work()
            return asking.result()
        finally:
            asking.cancel()
            await asyncio.wait({asking})


async def owner_of(log: Log, query: Scheduled) -> Caller | None:
    """The owner with what it may do now; None when it may not read any more. (An operator's key is no user, and may do
    what it may.)"""
    try:
        id = UUID(query.owner)
    except ValueError:
        return Caller(query.tenant, query.owner, frozenset({"read"}))
    caller = await user_calling(log, query.tenant, id, ACTIONS)
    return caller if caller and "read" in caller.scopes else None


def as_parquet(found: Found) -> bytes:
    """Raises TooMuch."""
    sink = io.BytesIO()
    parquet.write_table(found.rows, sink, compression="zstd")
    if sink.tell() > MOST_BYTES:
        raise TooMuch(f"The answer is larger than {MOST_BYTES // 1_000_000} MB; ask for fewer rows or columns.")
    return sink.getvalue()


SAVED_QUERIES = Asking()
