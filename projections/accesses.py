"""Who was shown what, for auditors: the access log, the latest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from eventlog.envelope import Caller

LOOKED_THROUGH = 100_000
"""Accesses that one page looks through at the most, of all that an index finds; who looks for little in much goes on
page by page."""

SLACK = timedelta(seconds=1)
"""So far the moment within an id and the one beside it may lie apart."""

NIL, LAST = UUID(int=0), UUID(int=2**128 - 1)


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
    above = NIL if wanted.since is None else id_at(wanted.since - SLACK)
    below = min(after or LAST, LAST if wanted.until is None else id_at(wanted.until + SLACK))
    within = [("tenant = {}", caller.tenant), ("id > {}", above), ("id < {}", below)]
    source: sql.Composable = sql.SQL("log.accesses")
    if wanted.object is not None:
        source = sql.SQL("log.accesses_of({}, {}, {}, {})").format(wanted.object, above, below, LOOKED_THROUGH)
    elif wanted.actor is not None:
        within.append(("actor = {}", wanted.actor))
    elif wanted.outcome is not None:
        within.append(("outcome = {}", wanted.outcome))
    looked_through = sql.SQL(" FROM {} WHERE {} ORDER BY id DESC").format(source, all_of(within))
    asked = [
        *(("actor = {}", wanted.actor), ("outcome = {}", wanted.outcome)),
        *(("at >= {}", wanted.since), ("at <= {}", wanted.until)),
    ]
    page = sql.SQL("SELECT * FROM (SELECT *{} LIMIT {}) looked_through WHERE {} LIMIT {}").format(
        looked_through, LOOKED_THROUGH, all_of(asked), limit
    )
    cursor = connection.cursor(row_factory=dict_row)
    found = await (await cursor.execute(page)).fetchall()
    if len(found) == limit:
        return Found(found, found[-1]["id"])
    end = sql.SQL("SELECT id{} OFFSET {} LIMIT 1").format(looked_through, LOOKED_THROUGH - 1)
    last = await (await cursor.execute(end)).fetchone()
    return Found(found, last["id"] if last else None)


def id_at(moment: datetime) -> UUID:
    """The smallest id of an access at this moment."""
    since_1970 = max(moment - datetime(1970, 1, 1, tzinfo=UTC), timedelta())
    return UUID(int=(since_1970 // timedelta(milliseconds=1)) << 80)


def all_of(conditions: Iterable[tuple[LiteralString, Any]]) -> sql.Composed:
    """That all of these hold for which there is a value."""
    given = [sql.SQL(condition).format(value) for condition, value in conditions if value is not None]
    return sql.SQL(" AND ").join([sql.SQL("true"), *given])
