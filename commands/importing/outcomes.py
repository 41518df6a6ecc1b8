"""What became of each unit of an import, and how far it is: written many at a time, beside the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg import sql

from commands.importing.patience import patiently
from commands.importing.problems import Place
from eventlog.log import Log

MOST = 500
"""Outcomes that are written together."""

SOON_S = 0.2
"""How long an outcome waits for others, unless somebody waits for it."""

Kind = Literal["validation", "not found", "duplicate", "conflict", "refused", "no access", "fault", "warning"]


class Outcome(Struct, frozen=True):
    """What became of one unit. `commands` are the ids of those that are recorded, `events` how many events they
    recorded now, `known` how many of them an earlier import had recorded."""

    unit: int
    step: str
    key: str
    lines: tuple[Place, ...]
    status: Literal["done", "failed"]
    kind: Kind | None = None
    message: str | None = None
    warnings: int = 0
    commands: Sequence[str] = ()
    events: int = 0
    known: int = 0


class Progress(NamedTuple):
    """How far an import is: `units` of about `of_units` are processed, in which `step` of its mapping."""

    step: str
    units: int
    of_units: int | None
    failed: int
    warnings: int


class Totals(NamedTuple):
    """What came of all units together."""

    done: int
    failed: int
    warnings: int
    commands: int
    events: int
    known: int


WRITE = """
WITH kept AS (
    INSERT INTO imports.outcome
    SELECT %(tenant)s, %(job)s, %(dry_run)s, o.unit, o.step, o.key, o.lines, o.status, o.kind, o.message, o.warnings,
           ARRAY(SELECT json_array_elements_text(o.commands)), o.events, o.known
      FROM json_to_recordset(%(outcomes)s::json) AS o(
           unit integer, step text, key text, lines json, status text, kind text, message text, warnings integer,
           commands json, events integer, known integer)
    ON CONFLICT DO NOTHING RETURNING status, warnings
), more AS (
    SELECT count(*) AS units, count(*) FILTER (WHERE status = 'failed') AS failed,
           coalesce(sum(warnings), 0) AS warnings FROM kept
)
INSERT INTO imports.progress AS p (tenant, job, dry_run, step, units, of_units, failed, warnings)
SELECT %(tenant)s, %(job)s, %(dry_run)s, %(step)s, units, %(of_units)s, failed, warnings FROM more
ON CONFLICT (tenant, job, dry_run) DO UPDATE
   SET step = excluded.step, units = p.units + excluded.units, of_units = excluded.of_units,
       failed = p.failed + excluded.failed, warnings = p.warnings + excluded.warnings, at = clock_timestamp()
RETURNING step, units, of_units, failed, warnings
"""

# What is said of an event of a move that its source dated too early; nothing of any other.
CLAMPED = """
CASE WHEN e.source ->> 'stated_at' IS NOT NULL
     THEN format('%%s was stated at %%s, before the last move of its kind; it counts from %%s',
                 e.type, e.source ->> 'stated_at', to_json(e.occurred_at) #>> '{}') END
"""

# Of an outcome, the events that stand for it, and how many moves were dated too early, and what is said of these. A dry
# run has them among its warnings.
STANDING = f"""
LATERAL (
       SELECT array_agg(e.event_id::text ORDER BY e.position) AS ids, count({CLAMPED}) AS clamps,
              string_agg({CLAMPED}, '; ' ORDER BY e.position) AS clamped
         FROM log.commands c
         JOIN log.events e ON e.position > c.position - c.events AND e.position <= c.position
        WHERE NOT o.dry_run AND c.tenant = o.tenant AND c.command_id = ANY (o.commands)) e
"""  # noqa: S608  # our own words

TOTALS = f"""
SELECT count(*) FILTER (WHERE o.status = 'done'), count(*) FILTER (WHERE o.status = 'failed'),
       coalesce(sum(o.warnings + e.clamps), 0), coalesce(sum(cardinality(o.commands)), 0),
       coalesce(sum(o.events), 0), coalesce(sum(o.known), 0)
  FROM imports.outcome o CROSS JOIN {STANDING}
 WHERE o.tenant = %s AND o.job = %s AND o.dry_run = %s
"""  # noqa: S608  # our own words


class Ledger:
    """The outcomes of one run of an import, as they are written."""

    def __init__(
        self,
        log: Log,
        tenant: str,
        job: UUID,
        *,
        dry_run: bool,
        of_units: int | None = None,
        tell: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._log, self._place = log, {"tenant": tenant, "job": job, "dry_run": dry_run}
        self._of_units, self._tell = of_units, tell
        self._waiting: list[Outcome] = []
        self._next: asyncio.Future[None] | None = None
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begun(self) -> frozenset[int]:
        """The units whose outcome is known from before. A dry run begins from the beginning: what it has decided is
        nowhere but in memory."""
        async with self._log.connection() as connection:
            if self._place["dry_run"]:
                for table in ("outcome", "progress"):
                    await connection.execute(
                        sql.SQL("DELETE FROM {} WHERE tenant = %(tenant)s AND job = %(job)s AND dry_run").format(
                            sql.Identifier("imports", table)
                        ),
                        self._place,
                    )
                return frozenset()
            cursor = await connection.execute(
                "SELECT unit FROM imports.outcome"
                " WHERE tenant = %(tenant)s AND job = %(job)s AND dry_run = %(dry_run)s",
                self._place,
            )
            return frozenset(row[0] for row in await cursor.fetchall())

    async def failed(self, most: int) -> list[tuple[int, str, list[Place]]]:
        """Of the first units that failed before: number, key and lines."""
        async with self._log.connection() as connection:
            cursor = await connection.execute(
                "SELECT unit, key, lines FROM imports.outcome WHERE tenant = %(tenant)s AND job = %(job)s"
                " AND dry_run = %(dry_run)s AND status = 'failed' ORDER BY unit LIMIT %(most)s",
                self._place | {"most": most},
            )
            return await cursor.fetchall()

    async def totals(self) -> Totals:
        await self.settled()
        async with self._log.connection() as connection:
            cursor = await connection.execute(TOTALS, list(self._place.values()))
            row = await cursor.fetchone()
        assert row is not None
        return Totals(*map(int, row))

    def put(self, outcome: Outcome) -> None:
        """Have the outcome written soon."""
        self._waiting.append(outcome)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="outcomes")
        if len(self._waiting) >= MOST:
            self._hurry.set()

    async def settled(self) -> None:
        """Return once all that was put so far is written."""
        if self._waiting:
            self._hurry.set()
            self._next = self._next or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._next)
        elif self._task:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(SOON_S):
                    await self._hurry.wait()
            self._hurry.clear()
            batch, written = self._waiting, self._next
            self._waiting, self._next = [], None
            await patiently(self._write, batch)
            if written:
                written.set_result(None)
        self._task = None

    async def _write(self, batch: list[Outcome]) -> None:
        given = self._place | {
            "outcomes": msgspec.json.encode(batch).decode(),
            "step": batch[-1].step,
            "of_units": self._of_units,
        }
        async with self._log.connection() as connection:
            cursor = await connection.execute(WRITE, given)
            row = await cursor.fetchone()
        assert row is not None
        self._tell(Progress(*row))
