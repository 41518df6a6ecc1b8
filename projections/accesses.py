"""Who was shown what, for auditors: the access log, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from eventlog.envelope import Caller

LOOKED_THROUGH = 100_000
"""Accesses that one page looks through at the most. What is shown to whom is written far more often than it is looked
for, so nothing but the time has an index; whoever looks for little in much goes on page by page."""

SLACK = timedelta(seconds=1)
"""So far the moment within an id and the one beside it may lie apart."""


@dataclass(frozen=True)
class Wanted:
    """Which accesses are looked for."""

    actor: str | None = None
    object: UUID | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Found:
    """Some accesses; `following` goes on after them, None at the end."""

    accesses: Sequence[dict[str, Any]]
    following: UUID | None


async def accesses(
    connection: AsyncConnection[Any], caller: Caller, wanted: Wanted, *, after: UUID | None, limit: int
) -> Found:
    """A page of the tenant's. It may hold few or none, and yet not be the last."""
    within = [sql.SQL("tenant = {}").format(sql.Literal(caller.tenant))]
    if after is not None:
        within.append(sql.SQL("id < {}").format(sql.Literal(after)))
    if wanted.until is not None:
        within.append(sql.SQL("id < {}").format(sql.Literal(id_at(wanted.until + SLACK))))
    if wanted.since is not None:
        within.append(sql.SQL("id > {}").format(sql.Literal(id_at(wanted.since - SLACK))))
    looked_through = sql.SQL(" FROM log.accesses WHERE {} ORDER BY id DESC").format(sql.SQL(" AND ").join(within))
    conditions = [
        sql.SQL(condition).format(sql.Literal(value))
        for condition, value in (
            ("actor = {}", wanted.actor),
            ("{} = ANY (objects)", wanted.object),
            ("outcome = {}", wanted.outcome),
            ("at >= {}", wanted.since),
            ("at <= {}", wanted.until),
        )
        if value is not None
    ]
    page = sql.SQL("SELECT * FROM (SELECT *{} LIMIT {}) looked_through WHERE {} LIMIT {}").format(
        looked_through,
        sql.Literal(LOOKED_THROUGH),
        sql.SQL(" AND ").join([sql.SQL("true"), *conditions]),
        sql.Literal(limit),
    )
    cursor = connection.cursor(row_factory=dict_row)
    found = await (await cursor.execute(page)).fetchall()
    if len(found) == limit:
        return Found(found, found[-1]["id"])
    end = sql.SQL("SELECT id{} OFFSET {} LIMIT 1").format(looked_through, sql.Literal(LOOKED_THROUGH - 1))
    last = await (await cursor.execute(end)).fetchone()
    return Found(found, last["id"] if last else None)


def id_at(moment: datetime) -> UUID:
    """The smallest id of an access at this moment."""
    since_1970 = max(moment - datetime(1970, 1, 1, tzinfo=UTC), timedelta())
    return UUID(int=(since_1970 // timedelta(milliseconds=1)) << 80)
