"""What saved queries were answered at their times, one run a query and time, kept beside the read models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import class_row, tuple_row

from eventlog.row_security import guarded

RUNS_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS query_runs AUTHORIZATION kronika_app;
SET LOCAL ROLE kronika_app;
GRANT USAGE ON SCHEMA query_runs TO kronika_reader;

-- The key is what lets one run, and no second, be kept for each time that a query is due.
CREATE TABLE IF NOT EXISTS query_runs.run (
    tenant    text        NOT NULL,
    query     uuid        NOT NULL,
    due_at    timestamptz NOT NULL,
    state     text        NOT NULL,
    why       text,
    version   integer     NOT NULL,
    reflects  bigint      NOT NULL,
    code      text        NOT NULL,
    ended_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    rows      integer,
    truncated boolean,
    sha256    text,
    answer    bytea,
    PRIMARY KEY (tenant, query, due_at)
);
"""

MIGRATION_LOCK = 0x6B726F6E_00000007

RUNS = (
    "SELECT due_at, state, why, version, reflects, code, ended_at, rows, truncated, sha256 FROM query_runs.run"
    " WHERE tenant = %s AND query = %s ORDER BY due_at DESC LIMIT %s"
)
ANSWER = (
    "SELECT due_at, state, why, version, reflects, code, ended_at, rows, truncated, sha256, answer FROM query_runs.run"
    " WHERE tenant = %s AND query = %s AND state = 'finished' AND due_at = coalesce(%s, due_at)"
    " ORDER BY due_at DESC LIMIT 1"
)

KEEP = """
INSERT INTO query_runs.run (
    tenant, query, due_at, state, why, version, reflects, code, ended_at, rows, truncated, sha256, answer)
VALUES (%(tenant)s, %(query)s, %(due_at)s, %(state)s, %(why)s, %(version)s, %(reflects)s, %(code)s, %(ended_at)s,
        %(rows)s, %(truncated)s, %(sha256)s, %(answer)b)
ON CONFLICT DO NOTHING
"""

BEYOND = """
DELETE FROM query_runs.run r WHERE tenant = %(tenant)s AND query = %(query)s AND due_at <= (
    SELECT due_at FROM query_runs.run WHERE tenant = %(tenant)s AND query = %(query)s
     ORDER BY due_at DESC OFFSET %(keep)s LIMIT 1)
"""

OVER = """
DELETE FROM query_runs.run r USING read.saved_queries q WHERE q.tenant = r.tenant AND q.id = r.query
   AND q.state = 'deleted'
"""


@dataclass(frozen=True)
class Run:
    """One run: when it was due, of which version of the query, and what came of it."""

    due_at: datetime
    state: str
    """finished or failed"""
    why: str | None
    version: int
    reflects: int
    """Events up to this position were counted: all that was recorded when it was due"""
    code: str
    ended_at: datetime
    rows: int | None
    truncated: bool | None
    sha256: str | None
    """Of the answer, a Parquet file"""


def prepare(url: str) -> None:
    """Make what is missing, as the database's owner."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(RUNS_SCHEMA)
        for statement in guarded(sql.Identifier("query_runs", "run")):
            connection.execute(statement)


async def keep(
    connection: AsyncConnection[Any], tenant: str, query: UUID, run: Run, answer: bytes | None, most: int
) -> bool:
    """Keep a run, and let go of those beyond the `most` that are kept. False when there was one for this time."""
    async with connection.transaction():
        cursor = await connection.execute(KEEP, {"tenant": tenant, "query": query, "answer": answer, **vars(run)})
        await connection.execute(BEYOND, {"tenant": tenant, "query": query, "keep": most})
    return cursor.rowcount == 1


async def runs_of(connection: AsyncConnection[Any], tenant: str, query: UUID, limit: int) -> list[Run]:
    """The latest first."""
    cursor = connection.cursor(row_factory=class_row(Run))
    await cursor.execute(
        RUNS,
        [tenant, query, limit],
    )
    return await cursor.fetchall()


async def answer_of(
    connection: AsyncConnection[Any], tenant: str, query: UUID, due_at: datetime | None
) -> tuple[Run, bytes] | None:
    """The run that was due at this moment and what it was answered, else the latest that was answered at all."""
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    await cursor.execute(
        ANSWER,
        [tenant, query, due_at],
    )
    row = await cursor.fetchone()
    return (Run(*row[:-1]), bytes(row[-1])) if row else None


async def clear_away(connection: AsyncConnection[Any]) -> int:
    """Delete what deleted queries were answered. Answers how many runs."""
    return (await connection.execute(OVER)).rowcount
