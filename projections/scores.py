"""The scores that runs have made, one row a run and customer (or opportunity), kept beside the read models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, LiteralString
from uuid import UUID

import orjson
import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from eventlog.envelope import Caller
from eventlog.row_security import guarded
from projections.sight import among

SCORES_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS scores AUTHORIZATION kronika_app;
SET LOCAL ROLE kronika_app;
GRANT USAGE ON SCHEMA scores TO kronika_reader;

-- Scores belong to their run once that is finished and names their results; those that a process died over, none names.
CREATE TABLE IF NOT EXISTS scores.score (
    tenant  text    NOT NULL,
    run     uuid    NOT NULL,
    results uuid    NOT NULL,
    subject uuid    NOT NULL,
    numbers jsonb   NOT NULL,
    reasons jsonb   NOT NULL,
    at_risk boolean NOT NULL,
    PRIMARY KEY (tenant, run, results, subject)
);
CREATE INDEX IF NOT EXISTS score_subject ON scores.score (tenant, subject);
"""

MIGRATION_LOCK = 0x6B726F6E_00000006

OVER = """
DELETE FROM scores.score s USING read.scoring_runs r WHERE r.tenant = s.tenant AND r.id = s.run
   AND (r.state = 'failed' OR r.state = 'finished' AND r.results <> s.results)
"""

OF_RUNS: LiteralString = """
SELECT s.run AS run_id, r.model, r.as_of, s.subject, s.numbers, s.reasons, s.at_risk,
       coalesce(r.told_in, r.currency) AS currency, r.updated_recorded_at AS scored_at, r.code, r.sha256,
       r.reflects AS position
  FROM scores.score s JOIN read.scoring_runs r ON r.tenant = s.tenant AND r.id = s.run AND r.results = s.results
 WHERE s.tenant = {} AND r.state = 'finished'
"""


@dataclass(frozen=True)
class Score:
    """What a model says of one customer or opportunity; `reasons` are what speaks most for and against."""

    subject: UUID
    numbers: dict[str, float | None]
    reasons: Sequence[dict[str, Any]] = ()
    at_risk: bool = False

    def line(self) -> bytes:
        told = {"subject": str(self.subject), "numbers": self.numbers, "reasons": self.reasons, "at_risk": self.at_risk}
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def digest(scores: Iterable[Score]) -> str:
    """Of the scores in the order given."""
    whole = sha256()
    for score in scores:
        whole.update(score.line())
    return whole.hexdigest()


def prepare(url: str) -> None:
    """Make what is missing, as the database's owner."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        connection.execute(SCORES_SCHEMA)
        for statement in guarded(sql.Identifier("scores", "score")):
            connection.execute(statement)


async def keep(
    connection: AsyncConnection[Any], tenant: str, run: UUID, results: UUID, scores: Iterable[Score]
) -> None:
    columns = "tenant, run, results, subject, numbers, reasons, at_risk"
    async with connection.cursor() as cursor, cursor.copy(f"COPY scores.score ({columns}) FROM STDIN") as rows:
        for score in scores:
            await rows.write_row(
                (tenant, run, results, score.subject, Jsonb(score.numbers), Jsonb(score.reasons), score.at_risk)
            )


async def clear_away(connection: AsyncConnection[Any]) -> int:
    """Delete what failed and interrupted runs have left. Answers how many rows."""
    return (await connection.execute(OVER)).rowcount


async def about(connection: AsyncConnection[Any], tenant: str, persons: Iterable[UUID]) -> set[UUID]:
    """What scores of these persons may be about: they themselves, and their opportunities."""
    named = set(persons)
    cursor = await connection.execute(
        "SELECT id FROM read.opportunities WHERE tenant = %s AND subject_id = ANY (%s)", [tenant, list(named)]
    )
    return named | {id for (id,) in await cursor.fetchall()}


async def forget(connection: AsyncConnection[Any], tenant: str, persons: Iterable[UUID]) -> int:
    """Delete every score of these persons. Answers how many rows."""
    subjects = await about(connection, tenant, persons)
    cursor = await connection.execute(
        "DELETE FROM scores.score WHERE tenant = %s AND subject = ANY (%s)", [tenant, list(subjects)]
    )
    return cursor.rowcount


async def at_risk(connection: AsyncConnection[Any], tenant: str, model: str, day: date) -> set[UUID]:
    """Who was at risk as of this day, or the last before it that this model has scored."""
    cursor = await connection.execute(
        "SELECT s.subject FROM scores.score s JOIN (SELECT id, results FROM read.scoring_runs WHERE tenant = %(tenant)s"
        " AND model = %(model)s AND as_of <= %(day)s AND state = 'finished'"
        " ORDER BY as_of DESC, position DESC LIMIT 1) r"
        " ON s.run = r.id AND s.results = r.results WHERE s.tenant = %(tenant)s AND s.at_risk",
        {"tenant": tenant, "model": model, "day": day},
    )
    return {subject for (subject,) in await cursor.fetchall()}


async def given_up(connection: AsyncConnection[Any], tenant: str, customers: Iterable[UUID]) -> set[UUID]:
    """Who of these customers is deactivated or merged into another by now: nobody can keep them."""
    cursor = await connection.execute(
        "SELECT id FROM read.customers WHERE tenant = %s AND id = ANY (%s) AND (NOT active OR merged_into IS NOT NULL)",
        [tenant, list(customers)],
    )
    return {customer for (customer,) in await cursor.fetchall()}


async def scores_of(
    connection: AsyncConnection[Any], caller: Caller, subject: UUID, limit: int
) -> list[dict[str, Any]]:
    """What was said of a customer or opportunity, by the runs that stand; the latest first."""
    cursor = connection.cursor(row_factory=dict_row)
    asked = sql.SQL(OF_RUNS + " AND s.subject = {} ORDER BY r.position DESC LIMIT {}")
    await cursor.execute(asked.format(caller.tenant, subject, limit))
    return await cursor.fetchall()


async def scores_in(
    connection: AsyncConnection[Any], caller: Caller, run: UUID, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """What a run said of those whom the caller is shown, by their ids, after one of them."""
    cursor = connection.cursor(row_factory=dict_row)
    subject = sql.Identifier("s", "subject")
    shown = sql.SQL("({} OR {})").format(*(among(caller, kind, subject) for kind in ("customer", "opportunity")))
    asked = sql.SQL(OF_RUNS + " AND s.run = {} AND s.subject > {} AND {} ORDER BY s.subject LIMIT {}")
    await cursor.execute(asked.format(caller.tenant, run, after or UUID(int=0), shown, limit))
    return await cursor.fetchall()
