"""What every read model promises: it says what the domain says, and the same events give the same bytes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from itertools import groupby
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection, sql
from pydantic_core import to_jsonable_python

from domain import AGGREGATES
from domain.customer import Customer
from domain.opportunity import Opportunity
from domain.order import Order
from domain.ticket import Ticket
from eventlog.codec import event_types, kind_of
from eventlog.connections import APP_ROLE
from eventlog.envelope import Recorded, partition_of
from projections import TABLES
from projections.customer_card import CUSTOMER_CARD
from projections.host import Host
from projections.opportunities import OPPORTUNITY_ROWS
from projections.orders import ORDER_ROWS
from projections.rebuild import digest
from projections.slot import Slot
from projections.tickets import TICKET_ROWS
from tests.domain.anything import BEGINNING, events_of, happenings

NAMES = {known.event_class: name for name, known in event_types().items()}
SLOTS = [Slot(projection) for projection in TABLES]
STREAMS = {aggregate: [UUID(int=100 * n + m) for m in range(3)] for n, aggregate in enumerate(AGGREGATES, 1)}


def as_recorded(happened, minutes, streams):
    """These happenings as the log would hold them: each in one of three streams of its kind."""
    versions = {}
    found = []
    for position, ((event_class, values), minute, number) in enumerate(zip(happened, minutes, streams, strict=True), 1):
        aggregate = next(a for a in AGGREGATES if event_class in events_of(a))
        stream_id = STREAMS[aggregate][number]
        version = versions[stream_id] = versions.get(stream_id, 0) + 1
        at = BEGINNING + timedelta(minutes=minute)
        event = event_class(originator_id=stream_id, originator_version=version, timestamp=at, **values)
        found.append(
            Recorded(
                position, "acme", kind_of(aggregate), stream_id, version, partition_of(stream_id, 4), stream_id,
                UUID(int=position), NAMES[event_class], 1, BEGINNING + timedelta(days=1, seconds=position), at, "li",
                None, None, UUID(int=position), None, "c", None, event,
            )
        )  # fmt: skip
    return found


@st.composite
def logs(draw, kinds=AGGREGATES, within=1000):
    happened = draw(happenings([event for kind in kinds for event in events_of(kind)], min_size=1, max_size=30))
    size = len(happened)
    minutes = draw(st.lists(st.integers(0, within), min_size=size, max_size=size))
    streams = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    return as_recorded(happened, minutes, streams)


async def folded(connection, log, cuts):
    """The digest of every table, and what is parked, after taking the log in, in batches cut like this."""
    for slot in SLOTS:
        await connection.execute(sql.SQL("DELETE FROM {}").format(slot.table))
    await connection.execute("DELETE FROM read.parked")
    await connection.execute("UPDATE read.checkpoints SET position = 0")
    host = Host(connection, SLOTS)
    await host.claim(range(4))
    for _, batch in groupby(log, key=lambda recorded: sum(recorded.position > cut for cut in cuts)):
        await host.apply(list(batch))
    parked = await connection.execute("SELECT slot, position, key FROM read.parked ORDER BY 1, 2")
    return {slot.name: await digest(connection, slot) for slot in SLOTS}, await parked.fetchall()


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(log=logs(), cuts=st.sets(st.integers(1, 30)))
def test_the_same_events_give_the_same_bytes_in_batches_of_any_size(database_url, log, cuts):
    async def check():
        async with await AsyncConnection.connect(database_url, autocommit=True, options=APP_ROLE) as connection:
            one_by_one = await folded(connection, log, range(31))
            assert await folded(connection, log, cuts) == one_by_one

    asyncio.run(check())


# An order keeps quantities by line, its row their sums.
ALIKE = {
    Customer: (
        CUSTOMER_CARD,
        ["active", "name", "emails", "tags", "consents", "contacts", "owner", "merged_into", "absorbed"],
    ),
    Opportunity: (OPPORTUNITY_ROWS, ["customer_id", "stage", "amount", "forecast_category", "lost_reason", "owner"]),
    Order: (
        ORDER_ROWS,
        [
            "state",
            "total",
            "billed",
            "paid",
            "refunded",
            "due",
            "outstanding",
            "owed_back",
            "label",
            "delivered_percent",
        ],
    ),
    Ticket: (TICKET_ROWS, ["state", "cycle", "outcomes", "priority", "level", "team", "satisfaction", "merged_into"]),
}
BLANK: tuple[object, ...] = ("", "normal", "open", "draft", Decimal(0), 1, {}, (), [], True)
"""What an aggregate says before an event has said anything; its row says nothing then."""


def plain(value):
    return value if isinstance(value, Decimal) else to_jsonable_python(value)


@pytest.mark.parametrize("kind", ALIKE, ids=kind_of)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_row_says_what_the_aggregate_knows(kind, data):
    projection, names = ALIKE[kind]
    log = [recorded for recorded in data.draw(logs([kind])) if recorded.stream_id == STREAMS[kind][0]]
    aggregate, row = kind(STREAMS[kind][0]), None
    for recorded in log:
        recorded.event.apply(aggregate)
        row = row or projection.new_row(recorded)
        projection.handlers[type(recorded.event)](projection, row, recorded.event, recorded)
    if row is not None:
        for name in (*names, "retracted"):
            known, shown = getattr(aggregate, name), row[name]
            assert plain(known) == plain(shown) or (known in BLANK and not shown), name
        assert (row["version"], row["position"]) == (log[-1].version, log[-1].position)
        assert (row["created_at"], row["updated_at"]) == (log[0].occurred_at, log[-1].occurred_at)
