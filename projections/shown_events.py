"""The events of a tenant in order, as far as somebody is shown the records that they are of."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection, sql

from eventlog import feed
from eventlog.codec import Codec, event_types
from eventlog.envelope import Caller, Recorded
from projections.asking import BadQuery
from projections.sight import BELONGING, YES, events_seen

DECIDING = sorted(belonging.table for belonging in BELONGING.values())
"""The read models that say whose each record is: as far as these have come, it is known what is shown."""

WINDOW = 50_000
"""Positions that are looked through at a time for somebody who does not see everything, or asks for some types alone:
well within a statement's time, however little of them is shown."""


async def events_shown(
    connection: AsyncConnection[Any],
    codec: Codec,
    caller: Caller,
    *,
    after: int,
    up_to: int,
    types: list[str] | None = None,
    limit: int,
) -> tuple[list[Recorded], int]:
    """The next events after a position and up to another, at most `limit` of them, and the position up to which these
    are all: the `after` of the next. They may be none, and yet not the last."""
    seen = events_seen(caller, "e")
    up_to = max(after, up_to if seen == YES and types is None else min(after + WINDOW, up_to))
    if seen == YES:
        found = await feed.page(
            connection, codec, after=after, up_to=up_to, limit=limit, tenant=caller.tenant, types=types
        )
        return found, found[-1].position if len(found) == limit else up_to
    cursor = await connection.execute(
        sql.SQL(
            "SELECT e.position FROM log.events e WHERE e.tenant = {} AND e.position > {} AND e.position <= {}"
            " AND {} AND {} ORDER BY e.position LIMIT {}"
        ).format(
            caller.tenant,
            after,
            up_to,
            sql.SQL("true") if types is None else sql.SQL("e.type = ANY ({})").format(types),
            seen,
            limit,
        )
    )
    positions = [position for (position,) in await cursor.fetchall()]
    found = await feed.at(connection, codec, positions) if positions else []
    return found, positions[-1] if len(positions) == limit else up_to


def types_of(kinds: str) -> list[str]:
    """The event types that are named, with commas between: itself ("order.placed"), or those of a stream ("order").
    Raises BadQuery."""
    return [type for kind in kinds.split(",") for type in types_of_kind(kind.strip())]


def types_of_kind(kind: str) -> list[str]:
    types = event_types()
    if kind in types:
        return [kind]
    if of_stream := [known.name for known in types.values() if known.stream_type == kind]:
        return of_stream
    streams = sorted({known.stream_type for known in types.values()})
    raise BadQuery(f"there are no events of the kind {kind!r}; possible: {', '.join([*streams, *types])}.")
