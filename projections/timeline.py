"""The timeline: everything that happened with a customer, across all its streams, in one order."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection, sql

from domain import AGGREGATES
from domain.aggregate import Event, field_names
from eventlog.envelope import Caller, Recorded
from projections.as_of import asked_then, family_of, happened, rows
from projections.asking import Ask
from projections.cut import NOW, Cut
from projections.opportunities import OPPORTUNITIES
from projections.projection import Projection, Row, Table
from projections.query import Page, scope, select
from projections.resource import Resource
from projections.stream_rows import events_of

EXISTENCE: LiteralString = (
    "'customer.retracted', 'customer.reinstated', 'opportunity.retracted', 'opportunity.reinstated',"
    " 'order.retracted', 'order.reinstated', 'ticket.retracted', 'ticket.reinstated'"
)
"""The events that say whether there ever was such a thing."""


class Timeline(Projection):
    """One row an event, found by the stream and by the customer that the stream was about when it began."""

    version = 2  # where an imported event was taken from; what was retracted
    per_event = True
    stream_column = "stream_id"
    table = Table(
        "timeline",
        key=("tenant", "position"),
        columns={
            "tenant": "text",
            "position": "bigint",
            "occurred_at": "timestamptz NOT NULL",
            "recorded_at": "timestamptz NOT NULL",
            "subject_id": "uuid NOT NULL",
            "stream_type": "text NOT NULL",
            "stream_id": "uuid NOT NULL",
            "version": "integer NOT NULL",
            "event_id": "uuid NOT NULL",
            "type": "text NOT NULL",
            "actor": "text NOT NULL",
            "on_behalf_of": "text",
            "reason": "text",
            "source": "jsonb",
            "fields": "jsonb",
        },
        indexes=(
            "(tenant, subject_id, occurred_at, position)",
            "(tenant, stream_id, occurred_at, position)",
            f"(tenant, stream_id, position) WHERE type IN ({EXISTENCE})",
        ),
    )

    def key(self, recorded: Recorded) -> tuple[Any, ...]:
        return recorded.tenant, recorded.position

    def new_row(self, recorded: Recorded) -> Row:
        """What its envelope says."""
        return dict(zip(ENVELOPE, of_envelope(recorded), strict=True))

    def happened(self, row: Row, event: Event, recorded: Recorded) -> None:
        said = vars(event)
        row["source"] = self.plain("source", recorded.source)
        row["fields"] = self.plain("fields", {name: said[name] for name in field_names(type(event))})


ENVELOPE = [column for column in Timeline.table.columns if column not in {"source", "fields"}]
of_envelope = attrgetter(*ENVELOPE)
Timeline.handlers = {event_class: Timeline.happened for aggregate in AGGREGATES for event_class in events_of(aggregate)}

TIMELINE_ROWS = Timeline()
TIMELINE = Resource(
    "timeline",
    TIMELINE_ROWS,
    stream="customer",
    key=("position",),
    sort="-occurred_at",
    hidden=("subject_id",),
    of_events=True,
)


async def timeline(
    connection: AsyncConnection[Any], caller: Caller, customer_id: UUID, ask: Ask, cut: Cut = NOW
) -> Page:
    """The events of all streams that concern the customer and stand, latest first unless asked otherwise."""
    customers = await family_of(connection, caller, customer_id, cut)
    sources = concerning(caller, customers, cut)
    return await select(connection, caller, TIMELINE, asked_then(ask, cut), sources=sources, about=customers)


def concerning(
    caller: Caller, customers: Iterable[UUID], cut: Cut = NOW, *, retracted: bool = False
) -> list[sql.Composed]:
    """The events of streams that were about one of these customers from the beginning and still are, and of those that
    were linked to one later. All events of an opportunity belong to the customer that it is linked to, as of the cut.
    Each customer is a source of its own: a page goes along its index, however long its life. Streams that were
    `retracted` are left out unless asked for."""
    opportunities, kept = rows(OPPORTUNITIES, cut), within(caller, cut)
    if not retracted:
        kept += sql.SQL(" AND ") + not_retracted(cut)
    return [
        part.format(customer=sql.Literal(customer), scope=scope(caller), opportunities=opportunities, kept=kept)
        for customer in customers
        for part in (FROM_THE_BEGINNING, LATE)
    ]


def within(caller: Caller, cut: Cut) -> sql.Composed:
    """What the cut leaves of the events: those that it keeps of the streams whose first event it keeps."""
    if not cut:
        return sql.SQL("true").format()
    return sql.SQL(
        "{} AND (e.version = 1 OR EXISTS (SELECT FROM read.timeline t WHERE {} AND t.stream_id = e.stream_id"
        " AND t.version = 1 AND {}))"
    ).format(happened(cut, row="e"), scope(caller), happened(cut, row="t"))


def not_retracted(cut: Cut) -> sql.Composed:
    """The condition that the thing an event `e` is about was not retracted by then."""
    known = happened(cut, row="r") if cut else sql.SQL("true")
    return sql.SQL(
        "(SELECT r.type LIKE '%.retracted' FROM read.timeline r WHERE r.tenant = e.tenant"
        " AND r.stream_id = e.stream_id AND r.type IN ({}) AND {} ORDER BY r.position DESC LIMIT 1) IS NOT TRUE"
    ).format(sql.SQL(EXISTENCE), known)


FROM_THE_BEGINNING = sql.SQL("""
(SELECT e.* FROM read.timeline e WHERE e.subject_id = {customer} AND e.stream_id <> ALL (ARRAY(
    SELECT t.id FROM {opportunities} t
     WHERE {scope} AND t.subject_id = {customer} AND t.customer_id <> t.subject_id)) AND {kept})
""")

LATE = sql.SQL("""
(SELECT e.* FROM read.timeline e WHERE e.stream_id = ANY (ARRAY(
    SELECT t.id FROM {opportunities} t
     WHERE {scope} AND t.customer_id = {customer} AND t.customer_id <> t.subject_id)) AND {kept})
""")
