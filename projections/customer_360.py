"""A customer from all sides, as of one position: card, opportunities, orders, receivables, tickets, latest events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, sql

from eventlog.envelope import Caller
from projections.as_of import family_of, rows, seen, sources
from projections.asking import Ask, Filter
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut
from projections.opportunities import OPPORTUNITIES
from projections.orders import ORDERS
from projections.query import Plan, one, shown_rows, shown_to, started
from projections.receivables import ageing_statement
from projections.resource import Resource
from projections.tickets import TICKETS
from projections.timeline import TIMELINE, concerning

SOURCES = (CUSTOMERS, OPPORTUNITIES, ORDERS, TICKETS, TIMELINE)
"""What it rests on, besides receivables: "at least position p" asks these."""

PARTS: dict[str, tuple[Resource, tuple[str, ...], str, int]] = {
    "open_opportunities": (
        OPPORTUNITIES,
        ("id", "title", "stage", "amount", "currency", "weighted_amount", "expected_close", "owner"),
        "t.stage_type = 'open'",
        10,
    ),
    "closed_opportunities": (
        OPPORTUNITIES,
        ("id", "title", "stage_type", "amount", "currency", "closed_on", "lost_reason", "owner"),
        "t.stage_type <> 'open'",
        5,
    ),
    "orders": (ORDERS, ("id", "number", "label", "total", "outstanding", "currency", "created_at"), "true", 5),
    "tickets": (TICKETS, ("id", "number", "kind", "priority", "state", "subject", "owner", "created_at"), "true", 5),
}
"""The latest of each: what is shown of them, and how many."""

SUMS = {
    "opportunity_totals": (
        OPPORTUNITIES,
        "t.stage_type AS outcome, t.currency, count(*) AS count, sum(t.amount) AS amount,"
        " sum(t.weighted_amount) FILTER (WHERE t.stage_type = 'open') AS weighted_amount",
        "t.stage_type, t.currency",
    ),
    "order_totals": (
        ORDERS,
        "t.currency, count(*) AS count, sum(t.total) FILTER (WHERE t.state <> 'cancelled') AS total,"
        " sum(t.paid) AS paid, sum(t.refunded) AS refunded, sum(t.outstanding) AS outstanding,"
        " sum(t.owed_back) AS owed_back, max(t.created_at) AS last_at",
        "t.currency",
    ),
    "ticket_totals": (
        TICKETS,
        "t.state, count(*) AS count, round(avg(t.last_score), 2) AS average_score",
        "t.state",
    ),
}


@dataclass(frozen=True)
class Customer360:
    """`position` is the one that all parts reflect, seen in one snapshot."""

    position: int
    parts: dict[str, Any]
    customers: list[UUID]
    """It, and those merged into it"""


async def customer_360(
    connection: AsyncConnection[Any],
    caller: Caller,
    customer_id: UUID,
    now: datetime | None = None,
    cut: Cut = NOW,
) -> Customer360 | None:
    """The customer from all sides, as of the settled cut; None when the caller sees no such customer. Two round trips;
    over a connection in a snapshot all parts are of one moment."""
    now = now or cut.as_of or datetime.now(UTC)
    async with connection.pipeline():
        position = await started(
            connection, sql.SQL(REFLECTED).format([seen(resource, cut).projection.name for resource in SOURCES])
        )
        customers = await family_of(connection, caller, customer_id, cut)
        plans = plans_of(caller, customer_id, customers, now, cut)
        pages = {name: await started(connection, plan.page()) for name, plan in plans.items()}
        sums = {name: await started(connection, sums_of(caller, customers, cut, *what)) for name, what in SUMS.items()}
        sums["receivables"] = await started(connection, ageing_statement(caller, now, customers, cut))
    found = {name: plans[name].answer(await cursor.fetchall()).rows for name, cursor in pages.items()}
    if not found["card"]:
        return None
    totals = {name: await cursor.fetchall() for name, cursor in sums.items()}
    return Customer360((await one(position))["position"], {**found, **totals, "card": found["card"][0]}, customers)


def plans_of(caller: Caller, customer_id: UUID, customers: list[UUID], now: datetime, cut: Cut) -> dict[str, Plan]:
    """What is shown row by row of a customer, and of `customers`, it and those merged into it."""
    about, itself = Filter("customer_id", "in", tuple(customers)), Filter("id", "eq", customer_id)
    lists = {
        name: Plan(
            caller,
            seen(resource, cut),
            Ask((about,), fields=told_of(caller, resource, fields), limit=limit, now=now),
            [narrowed(shown_rows(caller, seen(resource, cut), source), only) for source in sources(resource, cut)],
            decided=True,
        )
        for name, (resource, fields, only, limit) in PARTS.items()
    }
    return {
        "card": Plan(caller, seen(CUSTOMERS, cut), Ask((itself,), limit=1, now=now), sources(CUSTOMERS, cut)),
        **lists,
        "timeline": Plan(caller, TIMELINE, Ask(limit=10, now=now), concerning(caller, customers, cut)),
    }


def told_of(caller: Caller, resource: Resource, fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in caller.sight(resource.stream).hidden)


def narrowed(source: sql.Composable, only: str) -> sql.Composed:
    return sql.SQL("(SELECT * FROM {} t WHERE {})").format(source, sql.SQL(only))


def sums_of(caller: Caller, customers: list[UUID], cut: Cut, resource: Resource, sums: str, by: str) -> sql.Composed:
    return sql.SQL("SELECT {} FROM {} t WHERE {} AND t.customer_id = ANY ({}) GROUP BY {by} ORDER BY {by}").format(
        sql.SQL(sums),
        shown_rows(caller, seen(resource, cut), rows(resource, cut)),
        shown_to(caller, resource),
        sql.Literal(customers),
        by=sql.SQL(by),
    )


REFLECTED = "SELECT coalesce(min(read.reflected(slot)), 0) AS position FROM unnest({}::text[]) AS slot"
