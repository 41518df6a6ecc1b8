"""A customer's whole life, step by step: after each event of each of its streams, what changed and how things stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, sql

from domain.customer import Customer
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller, Recorded
from projections.cut import NOW, Cut
from projections.history import KINDS, Entry, entries_of, flat, known_of
from projections.query import scope
from projections.timeline import concerning


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
    """The steps after a position, as far as the cut leaves them, of all streams that the timeline shows; None when the
    caller's tenant has no such customer, or the cut leaves nothing of it. States are folded from the log itself."""
    customers = await family_at(connection, codec, caller, customer_id, cut)
    streams = await feed.streams(connection, codec, caller.tenant, await about(connection, caller, customers, cut))
    own = cut.of(streams.get(customer_id, ()))
    if not own or own[0].stream_type != "customer":
        return None
    steps = [step for stream in streams.values() for step in steps_of(cut.of(stream)) if step.entry.position > after]
    steps.sort(key=lambda step: step.entry.position)
    more = len(steps) > limit
    return Replay(steps[:limit], steps[limit - 1].entry.position if more else None)


async def family_at(
    connection: AsyncConnection[Any], codec: Codec, caller: Caller, customer_id: UUID, cut: Cut
) -> list[UUID]:
    """The customer, and those that had been merged into it by then: from the log, which tells how it was."""
    found, latest = [customer_id], [customer_id]
    while latest:
        streams = await feed.streams(connection, codec, caller.tenant, latest)
        absorbed = {id for stream in streams.values() for id in absorbed_by(cut.of(stream))}
        latest = sorted(absorbed.difference(found))
        found += latest
    return found


def absorbed_by(events: list[Recorded]) -> set[UUID]:
    """Who is merged into the customer of these events at their end."""
    if not events or events[0].stream_type != "customer":
        return set()
    customer = Customer(events[0].stream_id)
    for recorded in events:
        if recorded.event is not None:
            recorded.event.apply(customer)
    return {UUID(id) for id in customer.absorbed}


async def about(connection: AsyncConnection[Any], caller: Caller, customers: list[UUID], cut: Cut = NOW) -> list[UUID]:
    """The streams that concern these customers as of the settled cut, their own among them."""
    parts = sql.SQL(" UNION ").join(
        sql.SQL("SELECT t.stream_id FROM {} t WHERE {}").format(source, scope(caller))
        for source in concerning(caller, customers, cut, retracted=True)
    )
    cursor = await connection.execute(parts)
    return [*customers, *(id for (id,) in await cursor.fetchall() if id not in customers)]


def steps_of(events: list[Recorded]) -> Iterator[Step]:
    if events and (aggregate_class := KINDS.get(events[0].stream_type)):
        aggregate = aggregate_class(events[0].stream_id)
        for entry in entries_of(aggregate, events):
            yield Step(events[0].stream_type, aggregate.id, entry, dict(flat(known_of(aggregate))))
