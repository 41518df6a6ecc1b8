"""Saved queries: each with its owner, what it asks, and at which times."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from domain.saved_query import SavedQuery
from eventlog.envelope import Caller, Recorded
from projections.projection import Row, Table, on
from projections.stream_rows import ROW_KEY, STREAM_COLUMNS, StreamRows


class SavedQueries(StreamRows):
    """Each query that was ever saved; `scheduled_at` is when its present times were learned of."""

    aggregate = SavedQuery
    table = Table(
        "saved_queries",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "state": "text",
            "owner": "text",
            "name": "text",
            "sql": "text",
            "shared": "boolean",
            "cron": "text",
            "zone": "text",
            "keep": "integer",
            "scheduled_at": "timestamptz",
        },
        indexes=("(tenant, owner)", "(tenant) WHERE shared", "(id) WHERE cron IS NOT NULL"),
    )

    @on(SavedQuery.Scheduled)
    def scheduled(self, row: Row, event: SavedQuery.Scheduled, recorded: Recorded) -> None:
        row["scheduled_at"] = recorded.recorded_at


SAVED_QUERY_ROWS = SavedQueries()

SHOWN = (
    "SELECT id, version, position, owner, name, sql, shared, cron, zone, keep, created_at, updated_at"
    " FROM read.saved_queries WHERE tenant = %(tenant)s AND state = 'saved' AND (shared OR owner = %(actor)s)"
)
"""What a caller is shown: its own, and those of its tenant that are shared."""


async def queries_for(
    connection: AsyncConnection[Any], caller: Caller, after: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """By their ids, after one of them."""
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        f"{SHOWN} AND id > %(after)s ORDER BY id LIMIT %(limit)s",  # text of our own
        {"tenant": caller.tenant, "actor": caller.actor, "after": after or UUID(int=0), "limit": limit},
    )
    return await cursor.fetchall()


async def query_for(connection: AsyncConnection[Any], caller: Caller, id: UUID) -> dict[str, Any] | None:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(f"{SHOWN} AND id = %(id)s", {"tenant": caller.tenant, "actor": caller.actor, "id": id})
    return await cursor.fetchone()
