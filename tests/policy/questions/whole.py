"""One customer from all sides, put together from the lists that somebody sees of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from projections.customer_360 import PARTS
from tests.policy import rules
from tests.policy.company import Person
from tests.policy.questions.case import event_seen, fields, happened, row_for, seen
from tests.policy.questions.sums import ageing_of, ordered, total
from tests.policy.world import World, by


async def sides(world: World, person: Person, id: UUID, moment: dict[str, str]) -> dict[str, Any]:
    family = await family_of(world, id, moment)

    async def of(path: str, kind: str) -> list[dict[str, Any]]:
        rows = await world.rows(path, **moment)
        mine = [row for row in rows if row["customer_id"] in family and seen(world, person, kind, row["id"])]
        hidden, masked = fields(world, person, kind)
        return [rules.row_worked_with(row, hidden | masked) for row in mine]

    _, card = await world.raw(f"/v1/customers/{id}", moment)
    opportunities, orders = await of("/v1/opportunities", "opportunity"), await of("/v1/orders", "order")
    tickets, owed = await of("/v1/tickets", "ticket"), await of("/v1/receivables", "order")
    open_ones = [row for row in opportunities if row["stage_type"] == "open"]
    closed = [row for row in opportunities if row["stage_type"] != "open"]
    parts: dict[str, Any] = {"card": row_for(world, person, "customer", card)}
    for name, rows in (
        ("open_opportunities", open_ones),
        ("closed_opportunities", closed),
        ("orders", orders),
        ("tickets", tickets),
    ):
        resource, columns, _, most = PARTS[name]
        hidden, masked = fields(world, person, resource.stream)
        whole = {row["id"]: row for row in await world.rows(f"/v1/{resource.name}", **moment)}
        parts[name] = [
            rules.row_told({column: whole[row["id"]][column] for column in columns}, hidden, masked)
            for row in rows[:most]
        ]
    parts |= totals(opportunities, orders, tickets)
    parts["receivables"] = ageing_of(owed, today(moment))
    latest = await world.rows(f"/v1/customers/{id}/timeline", **moment)
    parts["timeline"] = [happened(world, person, row) for row in latest if event_seen(world, person, row)][:10]
    return parts


def totals(
    opportunities: list[dict[str, Any]], orders: list[dict[str, Any]], tickets: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "opportunity_totals": [
            {
                "outcome": outcome,
                "currency": currency,
                "count": len(rows),
                "amount": total(rows, "amount"),
                "weighted_amount": total(rows, "weighted_amount") if outcome == "open" else None,
            }
            for (outcome, currency), rows in ordered(by(opportunities, "stage_type", "currency"))
        ],
        "order_totals": [
            {
                "currency": currency,
                "count": len(rows),
                "total": total([row for row in rows if row["state"] != "cancelled"], "total"),
                **{name: total(rows, name) for name in ("paid", "refunded", "outstanding", "owed_back")},
                "last_at": max(row["created_at"] for row in rows),
            }
            for (currency,), rows in ordered(by(orders, "currency"))
        ],
        "ticket_totals": [
            {"state": state, "count": len(rows), "average_score": None}
            for (state,), rows in ordered(by(tickets, "state"))
        ],
    }


async def family_of(world: World, id: UUID, moment: dict[str, str]) -> set[str]:
    """The customer, and all that were merged into it by then."""
    gone = await world.rows("/v1/customers", **{"merged_into.null": "false"}, **moment)
    family = {str(id)}
    while more := {row["id"] for row in gone if row["merged_into"] in family} - family:
        family |= more
    return family


def today(moment: dict[str, str]) -> date:
    return date.fromisoformat(moment["as_of"][:10]) if "as_of" in moment else datetime.now(UTC).date()
