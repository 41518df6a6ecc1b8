"""Finds events by their ids, by the commands that recorded them, and by the import that brought them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import class_row

from eventlog import feed
from eventlog.log import Log

WINDOW = 100_000
"""Positions that are looked through at a time for the events of an import: well within a statement's time."""


@dataclass(frozen=True)
class Named:
    """One event of the log by its id, and where it stands."""

    event_id: UUID
    type: str
    stream: str
    id: UUID
    version: int
    position: int


SELECT: LiteralString = (
    "SELECT event_id, type, stream_type AS stream, stream_id AS id, version, position FROM log.events WHERE "
)

RECORDED: LiteralString = (
    "position IN (SELECT generate_series(position - events + 1, position)"
    " FROM log.commands WHERE tenant = %s AND command_id = ANY(%s))"
)


async def by_ids(log: Log, tenant: str, event_ids: Sequence[UUID]) -> list[Named]:
    """These events, as far as there are such."""
    return await read(
        log,
        SELECT + "tenant = %s AND event_id = ANY(%s)",
        tenant,
        list(event_ids),
    )


async def of_stream(log: Log, tenant: str, id: UUID) -> list[Named]:
    """All events of a stream, by version."""
    return await read(log, SELECT + "tenant = %s AND stream_id = %s ORDER BY version", tenant, id)


async def of_commands(log: Log, tenant: str, command_ids: Sequence[str]) -> list[Named]:
    """All events that these commands have recorded, by position."""
    return await read(
        log,
        SELECT + RECORDED + " AND tenant = %s ORDER BY position",
        tenant,
        list(command_ids),
        tenant,
    )


async def of_job(log: Log, tenant: str, job: UUID, *, after: int = 0, up_to: int | None = None) -> list[Named]:
    """All events that an import has brought, by position. Reads the tenant's log between the two positions."""
    async with log.connection() as connection:
        head = await feed.head(connection)
    last = head if up_to is None else min(up_to, head)
    found: list[Named] = []
    for start in range(after, last, WINDOW):
        found += await read(
            log,
            SELECT + "tenant = %s AND position > %s AND position <= %s"
            " AND source IS NOT NULL AND source ->> 'job' = %s ORDER BY position",
            tenant,
            start,
            min(start + WINDOW, last),
            str(job),
        )
    return found


async def read(log: Log, query: LiteralString, *values: Any) -> list[Named]:
    async with log.connection() as connection:
        cursor = connection.cursor(row_factory=class_row(Named))
        await cursor.execute(query, values)
        return await cursor.fetchall()
