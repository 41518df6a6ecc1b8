"""Lists: filtered, sorted, counted, with some of their fields, page by page, as of a moment."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from api.reads import route_name
from projections.resource import Resource
from tests.policy.company import Person
from tests.policy.questions.case import FORBIDDEN, PASSING, Case, denied, fields, row_for, seen
from tests.policy.world import Answer, World

NO_COLUMNS = {"limit", "total", "fields", "sort", "as_of", "known_at"}


def key_column(resource: Resource) -> str:
    return "opportunity_id" if resource.name == "stage_durations" else resource.key[0]


def of_list(resource: Resource, params: dict[str, str], pages: int | None = None) -> Case:
    path, kind = f"/v1/{route_name(resource)}", resource.stream

    async def expect(world: World, person: Person) -> Answer:
        if no := denied(world, person, kind):
            return no
        hidden, masked = fields(world, person, kind)
        asked = {name.partition(".")[0] for name in params if name not in NO_COLUMNS}
        asked |= {params["sort"].removeprefix("-")} if "sort" in params else set()
        wanted = set(params["fields"].split(",")) if "fields" in params else set()
        if asked & (hidden | masked) or wanted & hidden:
            return FORBIDDEN
        status, raw = await world.raw(path, params | {"limit": "500"})
        if status != 200:
            return status, None
        whole = await world.rows(path, **{n: v for n, v in params.items() if n not in ("fields", "total", "limit")})
        rows = [
            row_for(world, person, kind, row)
            for row, its in zip(raw["items"], whole, strict=True)
            if seen(world, person, kind, its[key_column(resource)])
        ]
        return 200, {"items": rows} | ({"total": len(rows)} if "total" in params else {})

    return Case(path, path, expect, params, pages=pages)


def of_lists(world: World, resource: Resource, random: Random) -> Iterator[Case]:
    columns = [name for name in resource.sortable if name not in PASSING]
    sort = random.choice(("", "-")) + random.choice(columns)
    yield of_list(resource, {})
    yield of_list(resource, {"total": "exact", "limit": "500"})
    yield of_list(resource, {"sort": sort})
    yield of_list(resource, {f"{random.choice(columns)}.null": random.choice(("true", "false"))})
    named = [*resource.key, *random.sample(columns, 2)]
    yield of_list(resource, {"fields": ",".join(dict.fromkeys(named))})
    yield of_list(resource, {"sort": sort, "total": "exact"}, pages=random.randint(1, 3))
    for moment in random.sample(world.moments, 2):
        yield of_list(resource, moment | {"total": "exact", "limit": "500"})
        yield of_list(resource, moment | {"sort": sort}, pages=random.randint(2, 4))
    if "owner" in resource.columns:
        owners = [thing.owner for thing in world.company.of(resource.stream) if thing.owner] or ["nobody"]
        whose = {"owner": random.choice(owners), "total": "exact"}
        yield of_list(resource, whose)
        yield of_list(resource, whose | random.choice(world.moments))
    if resource.stream == "customer":
        marks = [thing.mark for thing in world.company.of("customer")]
        yield of_list(resource, {"name": f"Li {random.choice(marks)}", "total": "exact"})
        yield of_list(resource, {"merged_into.null": "false", "total": "exact"} | random.choice(world.moments))
    if "customer_id" in resource.columns:
        about = random.choice(world.company.of("customer"))
        yield of_list(resource, {"customer_id": str(about.id), "total": "exact"})
        survivor = random.choice(world.company.merges)[0]
        yield of_list(resource, {"customer_id": str(survivor.id), "total": "exact"} | random.choice(world.moments))
