"""A customer's whole life, step by step: after each event of each of its streams, what changed and how things stand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, sql

from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller, Recorded
from projections.as_of import family_of, happened
from projections.changes import known_of
from projections.cut import NOW, Cut
from projections.history import KINDS, Entry, entries_from, flat, stream_shown, values_told
from projections.query import scope, shown_rows
from projections.timeline import TIMELINE, concerning


@dataclass(frozen=True)
class Step:
    """One event, of the stream `kind` `id`, and all that is known of that stream after it, field by field."""

    kind: str
    id: UUID
    entry: Entry
    state: dict[str, Any]


@dataclass(frozen=True)
class Replay:
    """Some steps in the order in which they were recorded; `next_position` is the `after` of the next page, None at the
    end."""

    steps: list[Step]
    next_position: int | None


async def replay(
    connection: AsyncConnection[Any],
    codec: Codec,
    caller: Caller,
    customer_id: UUID,
    *,
    after: int = 0,
    limit: int = 50,
    cut: Cut = NOW,
) -> Replay | None:
    """The steps after a position, as far as the cut, which is settled, leaves them, of all streams that the timeline
    shows; None when the caller's tenant has no such customer, or the cut leaves nothing of it.

    Read from the log itself. Of each stream that a page shows something of, what was before is folded, but not told.
    """
    if not await existed(connection, codec, caller, customer_id, cut):
        return None
    customers = await family_of(connection, caller, customer_id, cut)
    streams = await about(connection, caller, customers, cut)
    cursor = await connection.execute(
        # Each stream is read along its own index first: along that of the tenant's positions they might be far between.
        sql.SQL(
            "WITH life AS MATERIALIZED (SELECT e.stream_id, e.position, e.occurred_at FROM log.events e"
            " WHERE e.tenant = {} AND e.stream_id = ANY ({}))"
            " SELECT e.stream_id, e.position FROM life e WHERE e.position > {} AND {} ORDER BY e.position LIMIT {}"
        ).format(caller.tenant, streams, after, kept_by(cut), limit + 1)
    )
    shown = await cursor.fetchall()
    if not shown:
        return Replay([], None)
    last, more = shown[:limit][-1][1], len(shown) > limit
    touched = list({stream_id for stream_id, _ in shown[:limit]})
    told = await feed.streams(connection, codec, caller.tenant, touched, up_to=last)
    steps = [step for stream in told.values() for step in steps_of(cut.of(stream), after, caller)]
    steps.sort(key=lambda step: step.entry.position)
    return Replay(steps, last if more else None)


async def existed(connection: AsyncConnection[Any], codec: Codec, caller: Caller, customer_id: UUID, cut: Cut) -> bool:
    """Whether the caller is shown the customer, and the cut leaves the event by which it came to be."""
    if not caller.sight("customer").everything:
        return bool(cut.of(await stream_shown(connection, codec, caller, "customer", customer_id)))
    cursor = await connection.execute(
        sql.SQL(
            "SELECT FROM log.events e WHERE e.tenant = {} AND e.stream_id = {} AND e.version = 1"
            " AND e.stream_type = 'customer' AND {}"
        ).format(caller.tenant, customer_id, kept_by(cut))
    )
    return await cursor.fetchone() is not None


def kept_by(cut: Cut) -> sql.Composed:
    return happened(cut, row="e") if cut else sql.SQL("true").format()


async def about(connection: AsyncConnection[Any], caller: Caller, customers: list[UUID], cut: Cut = NOW) -> list[UUID]:
    """The streams that concern these customers as of the settled cut, their own among them, as far as the caller is
    shown them."""
    parts = sql.SQL(" UNION ").join(
        sql.SQL("SELECT t.stream_id FROM {} t WHERE {}").format(shown_rows(caller, TIMELINE, source), scope(caller))
        for source in concerning(caller, customers, cut, retracted=True)
    )
    cursor = await connection.execute(parts)
    found = [id for (id,) in await cursor.fetchall()]
    if caller.sight("customer").everything:
        return [*customers, *(id for id in found if id not in customers)]
    return list(dict.fromkeys([customers[0], *found]))


def steps_of(events: list[Recorded], after: int, caller: Caller) -> Iterator[Step]:
    """One for each event of a stream after a position."""
    if not events or (aggregate_class := KINDS.get(events[0].stream_type)) is None:
        return
    aggregate = aggregate_class(events[0].stream_id)
    sight = caller.sight(events[0].stream_type)
    begin = bisect_right(events, after, key=lambda recorded: recorded.position)
    for entry in entries_from(aggregate, events, begin, sight):
        state = values_told(dict(flat(known_of(aggregate))), sight)
        yield Step(events[0].stream_type, aggregate.id, entry, state)
