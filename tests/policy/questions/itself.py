"""What somebody is told of itself, and of what others may and did see."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.policy import rules
from tests.policy.company import RECORDS, Person, Thing
from tests.policy.questions.case import HIDDEN, Case, Expect, denied
from tests.policy.world import Answer, World

EXPLAIN = "/v1/access/explain"


async def me(world: World, person: Person) -> Answer:
    return 200, None


async def auditing(world: World, person: Person) -> Answer:
    return denied(world, person, "access") or (200, None)


def of_itself(world: World, random: Random) -> Iterator[Case]:
    records = [thing for thing in world.company.things.values() if thing.kind in RECORDS]
    yield Case("/v1/me", "/v1/me", me)
    yield Case("/v1/access/log", "/v1/access/log", auditing)
    for thing in (None, *random.sample(records, 3)):
        about = random.choice(world.company.people)
        asked = {"actor": str(about.id)} | ({"object": str(thing.id)} if thing else {})
        yield Case(EXPLAIN, EXPLAIN, explained(about, thing), asked)


def explained(about: Person, thing: Thing | None) -> Expect:
    """Of a record: whether that user is shown it, and what it may do with it, whatever its keys allow."""

    async def verdict(world: World, person: Person) -> Answer:
        if no := denied(world, person, "user", about.id):
            return no
        if thing is None:
            return 200, {}
        if not rules.sees(world.company, person, thing):
            return HIDDEN
        actions = [a for a in ("read", "write") if about.active and rules.sees(world.company, about, thing, a)]
        return 200, {"visible": "read" in actions, "actions": actions}

    return verdict
