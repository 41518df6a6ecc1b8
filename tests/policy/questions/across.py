"""What goes across records: search, pairs, the feed, the board, what is owed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from projections.pipeline_board import CARD
from tests.policy import rules
from tests.policy.company import Person
from tests.policy.questions.case import FORBIDDEN, Case, Expect, denied, fields, reads, row_for, seen
from tests.policy.questions.customers import comparing, pairs
from tests.policy.questions.sums import ageing_of, ordered, total
from tests.policy.questions.whole import today
from tests.policy.world import Answer, World, by


def across(world: World, random: Random) -> Iterator[Case]:
    pairs_path, ageing_path = "/v1/duplicates", "/v1/receivables/ageing"
    yield Case(pairs_path, pairs_path, all_pairs, {"min_score": "0.1", "limit": "500"})
    yield Case("/v1/events", "/v1/events", events, {"limit": "1000"})
    yield Case("/v1/events", "/v1/events", events, pages=random.choice((7, 23, 61)))
    for moment in ({}, random.choice(world.moments)):
        asked = {"q": random.choice(("王", "Li", "example", "M", "139")), "limit": "500"} | moment
        yield Case("/v1/customers/search", "/v1/customers/search", found_by(asked), asked)
        yield Case(ageing_path, ageing_path, ageing_at(moment), moment)
        yield Case("/v1/pipeline", "/v1/pipeline", board_at(moment), {"limit": "500"} | moment)


def found_by(asked: dict[str, str]) -> Expect:
    async def search(world: World, person: Person) -> Answer:
        if no := denied(world, person, "customer"):
            return no
        if rules.restricted(world.company, person, "customer") & rules.SEARCHED:
            return FORBIDDEN
        _, raw = await world.raw("/v1/customers/search", asked)
        rows = [row for row in raw["items"] if seen(world, person, "customer", row["id"])]
        return 200, {"items": [row_for(world, person, "customer", row) for row in rows]}

    return search


async def all_pairs(world: World, person: Person) -> Answer:
    if no := comparing(world, person):
        return no
    _, raw = await world.raw("/v1/duplicates", {"min_score": "0.1", "limit": "500"})
    return 200, {"items": pairs(world, person, raw["items"])}


async def events(world: World, person: Person) -> Answer:
    if not reads(person):
        return FORBIDDEN
    told = []
    for event in await world.events():
        if seen(world, person, event["stream"], event["stream_id"]):
            hidden, masked = fields(world, person, event["stream"])
            told.append(event | {"data": rules.event_told(event["type"], event["data"], hidden, masked)})
    return 200, {"events": told}


def ageing_at(moment: dict[str, str]) -> Expect:
    async def ageing(world: World, person: Person) -> Answer:
        if no := denied(world, person, "order"):
            return no
        owed = await world.rows("/v1/receivables", **moment)
        rows = [row for row in owed if seen(world, person, "order", row["id"])]
        return 200, {"currencies": ageing_of(rows, today(moment))}

    return ageing


def board_at(moment: dict[str, str]) -> Expect:
    async def board(world: World, person: Person) -> Answer:
        if no := denied(world, person, "opportunity"):
            return no
        hidden, masked = fields(world, person, "opportunity")
        rows = [
            row
            for row in await world.rows("/v1/opportunities", **moment)
            if row["stage_type"] == "open" and seen(world, person, "opportunity", row["id"])
        ]
        nulled = {row["id"]: rules.row_worked_with(row, hidden | masked) for row in rows}
        rows.sort(key=lambda row: (-Decimal(nulled[row["id"]]["amount"] or "-1"), row["id"]))
        stages = {}
        for (stage,), some in by(rows, "stage").items():
            values = [nulled[row["id"]] for row in some]
            worth = [
                {
                    "currency": currency,
                    "count": len(group),
                    "amount": total(group, "amount"),
                    "weighted_amount": total(group, "weighted_amount"),
                }
                for (currency,), group in ordered(by(values, "currency"))
            ]
            cards = [{name: row[name] for name in CARD} for row in some]
            stages[stage] = {
                "count": len(some),
                "worth": worth,
                "opportunities": [rules.row_told(card, hidden, masked) for card in cards],
            }
        return 200, stages

    return board
