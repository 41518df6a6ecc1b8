"""What one customer is asked about: its life, its look-alikes, its scores, and all of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any
from uuid import UUID

from tests.policy import rules
from tests.policy.company import Person
from tests.policy.questions.case import (
    FORBIDDEN,
    HIDDEN,
    Case,
    Expect,
    denied,
    event_seen,
    fields,
    happened,
    row_for,
    seen,
)
from tests.policy.questions.records import entry_for
from tests.policy.questions.whole import sides
from tests.policy.world import Answer, World


def of_customer(world: World, id: UUID, random: Random) -> Iterator[Case]:
    def case(name: str, expect: Expect, params: dict[str, str], pages: int | None = None) -> Case:
        return Case(f"/v1/customers/{{id}}/{name}", f"/v1/customers/{id}/{name}", expect, params, pages=pages)

    async def duplicates(world: World, person: Person) -> Answer:
        if no := comparing(world, person):
            return no
        if not seen(world, person, "customer", id):
            return HIDDEN
        status, raw = await world.raw(f"/v1/customers/{id}/duplicates", {"min_score": "0.1"})
        return status, {"items": pairs(world, person, raw["items"])} if status == 200 else None

    async def scores(world: World, person: Person) -> Answer:
        return denied(world, person, "customer", id) or await world.raw(f"/v1/customers/{id}/scores")

    yield case("duplicates", duplicates, {"min_score": "0.1"})
    yield case("scores", scores, {})
    for moment in ({}, random.choice(world.moments)):
        yield case("timeline", timeline_of(id, moment), {"limit": "500"} | moment)
        yield case("timeline", timeline_of(id, moment), moment, random.randint(1, 4))
        yield case("replay", replay_of(id, moment), {"limit": "500"} | moment)
        yield case("replay", replay_of(id, moment), moment, random.randint(2, 5))
        yield case("360", all_sides_of(id, moment), moment)


def timeline_of(id: UUID, moment: dict[str, str]) -> Expect:
    async def timeline(world: World, person: Person) -> Answer:
        if no := denied(world, person, "customer", id):
            return no
        path = f"/v1/customers/{id}/timeline"
        status, _ = await world.raw(path, {"limit": "500", **moment})
        if status != 200:
            return status, None
        rows = await world.rows(path, **moment)
        return 200, {"items": [happened(world, person, row) for row in rows if event_seen(world, person, row)]}

    return timeline


def replay_of(id: UUID, moment: dict[str, str]) -> Expect:
    async def replay(world: World, person: Person) -> Answer:
        if no := denied(world, person, "customer", id):
            return no
        status, raw = await world.raw(f"/v1/customers/{id}/replay", {"limit": "500", **moment})
        if status != 200:
            return status, None
        steps = []
        for step in raw["steps"]:
            kind = step["kind"]
            if not seen(world, person, kind, step["id"]):
                continue
            hidden, masked = fields(world, person, kind)
            state = {
                name: rules.mask(value) if name.partition(".")[0] in masked else value
                for name, value in step["state"].items()
                if name.partition(".")[0] not in hidden
            }
            steps.append(step | {"entry": entry_for(world, person, kind, step["entry"]), "state": state})
        return 200, {"steps": steps}

    return replay


def all_sides_of(id: UUID, moment: dict[str, str]) -> Expect:
    async def all_sides(world: World, person: Person) -> Answer:
        if no := denied(world, person, "customer", id):
            return no
        status, _ = await world.raw(f"/v1/customers/{id}/360", moment)
        return (200, await sides(world, person, id, moment)) if status == 200 else (status, None)

    return all_sides


def comparing(world: World, person: Person) -> Answer | None:
    no = denied(world, person, "customer")
    return no or (FORBIDDEN if rules.restricted(world.company, person, "customer") & rules.COMPARED else None)


def pairs(world: World, person: Person, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    shown = [pair for pair in found if all(seen(world, person, "customer", one["id"]) for one in pair["customers"])]
    return [
        pair | {"customers": [row_for(world, person, "customer", one) for one in pair["customers"]]} for pair in shown
    ]
