"""Questions about everything that has a list: the list, some of its things, and some that never were."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from uuid import uuid4

from projections import RESOURCES
from projections.timeline import TIMELINE
from tests.policy.questions.case import PASSING, Case
from tests.policy.questions.lists import of_lists
from tests.policy.questions.records import OF_ITS_STREAM, of_one, of_stream
from tests.policy.world import World


def of_resources(world: World, random: Random) -> Iterator[Case]:
    kinds = set()
    for resource in RESOURCES:
        if resource is TIMELINE:
            continue
        yield from of_lists(world, resource, random)
        if resource.key != ("id",):
            continue
        columns = [name for name in resource.sortable if name not in PASSING]
        ids = [thing.id for thing in world.company.of(resource.stream)] or [uuid4()]
        for id in (*random.sample(ids, min(len(ids), 4)), uuid4()):
            yield of_one(resource, id, {})
            yield of_one(resource, id, {"fields": f"id,{random.choice(columns)}"})
            yield of_one(resource, id, random.choice(world.moments))
            if resource.stream in kinds:
                continue
            for name in OF_ITS_STREAM:
                yield of_stream(resource, id, name, {})
            moment = random.choice(world.moments)
            yield of_stream(resource, id, "history", moment)
            yield of_stream(resource, id, "history", {}, pages=random.randint(1, 2))
            yield of_stream(resource, id, "blame", moment)
            sides = {"from": random.choice(world.points), "to": random.choice(world.points)}
            yield of_stream(resource, id, "diff", sides)
        kinds.add(resource.stream)
