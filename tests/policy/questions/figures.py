"""The lakehouse: views, queries, and queries that somebody keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any
from uuid import UUID, uuid4

from tests.policy import rules
from tests.policy.company import Person
from tests.policy.questions.case import FORBIDDEN, HIDDEN, NOTHING_YET, Case, Expect, denied, reads
from tests.policy.questions.sums import ordered, total
from tests.policy.world import Answer, World, by

QUERY = "/v1/analytics/query"
SCRIPT = "/v1/analytics/views.sql"
NO_SUCH_TABLE = (400, None)


def of_figures(world: World, routes: Iterable[str], random: Random) -> Iterator[Case]:
    """What is told at all is what the operator is told: of a tenant's figures nobody is told a part."""
    for route in routes:
        if not route.startswith("/v1/analytics/") or route.startswith(QUERY) or route == SCRIPT:
            continue
        # as of now figures never stand still; a lakehouse that is not there never reaches what was known
        moments = [one for one in world.moments if "as_of" in one and (world.lakehouse or "known_at" not in one)]
        moment = random.choice(moments)
        picture = "/chart." in route
        yield Case(route, route, view_told(route, moment, picture), moment, costly=picture)
    for route in ("/v1/analytics", SCRIPT):
        yield Case(route, route, what_there_is)
    yield from of_queries(world)
    yield from of_kept_queries(world)


def view_told(route: str, moment: dict[str, str], picture: bool) -> Expect:
    async def figures(world: World, person: Person) -> Answer:
        if not (reads(person) and rules.sees_figures(world.company, person, route.split("/")[3])):
            return FORBIDDEN
        if picture or not world.lakehouse:
            return 200, None
        return await world.raw(route, moment)

    return figures


async def what_there_is(world: World, person: Person) -> Answer:
    return denied(world, person, "analytics") or (200, None)


# -- analysts' own SQL


async def events_by_kind(world: World) -> list[dict[str, Any]]:
    gone = {str(thing.id) for thing in world.company.things.values() if thing.retracted}
    counted = Counter(event["stream"] for event in await world.events() if event["stream_id"] not in gone)
    return [{"stream_type": stream, "n": count} for stream, count in sorted(counted.items())]


async def worth_of_orders(world: World) -> list[dict[str, Any]]:
    groups = ordered(by(await world.rows("/v1/orders"), "currency"))
    return [{"currency": currency, "total": f"{total(rows, 'total')}00"} for (currency,), rows in groups]


def streams_of(kind: str) -> Any:
    async def count(world: World) -> list[dict[str, Any]]:
        return [{"n": len([thing for thing in world.company.of(kind) if not thing.retracted])}]

    return count


QUERIES = {
    "events": ("SELECT stream_type, count(*) AS n FROM events GROUP BY ALL ORDER BY ALL", events_by_kind),
    "order_steps": (
        "SELECT currency, sum(total) AS total FROM order_steps WHERE what = 'placed' GROUP BY ALL ORDER BY ALL",
        worth_of_orders,
    ),
    "customer_steps": ("SELECT count(DISTINCT stream_id) AS n FROM customer_steps", streams_of("customer")),
    "stage_moves": ("SELECT count(DISTINCT stream_id) AS n FROM stage_moves", streams_of("opportunity")),
    "ticket_steps": ("SELECT count(DISTINCT stream_id) AS n FROM ticket_steps", streams_of("ticket")),
}
"""By the fact that is asked, and what the lists have of the same."""


def of_queries(world: World) -> Iterator[Case]:
    for fact, (sql, counted) in QUERIES.items():

        async def answered(world: World, person: Person, fact: str = fact, counted: Any = counted) -> Answer:
            if no := denied(world, person, "analytics"):
                return no
            if not rules.sees_fact(world.company, person, fact):
                return NO_SUCH_TABLE
            return 200, await counted(world) if world.lakehouse else None

        yield Case(QUERY, QUERY, answered, method="POST", body={"sql": sql})

    async def not_running(world: World, person: Person) -> Answer:
        return denied(world, person, "analytics") or HIDDEN

    yield Case(f"{QUERY}/{{id}}", f"{QUERY}/{uuid4()}", not_running, method="DELETE")


# -- queries that somebody keeps


def of_kept_queries(world: World) -> Iterator[Case]:
    def mine(world: World, person: Person) -> list[UUID]:
        return [one.id for one in world.company.queries if one.shared or one.owner == person.id]

    async def listed(world: World, person: Person) -> Answer:
        ids = sorted(str(id) for id in mine(world, person))
        return denied(world, person, "saved_query") or (200, ids)

    yield Case("/v1/saved-queries", "/v1/saved-queries", listed)
    for id in (uuid4(), *(one.id for one in world.company.queries)):

        async def one(world: World, person: Person, id: UUID = id) -> Answer:
            if no := denied(world, person, "saved_query"):
                return no
            return (200, None) if id in mine(world, person) else HIDDEN

        async def answer(world: World, person: Person, id: UUID = id) -> Answer:
            if no := denied(world, person, "saved_query") or denied(world, person, "analytics"):
                return no
            return (404, NOTHING_YET) if id in mine(world, person) else HIDDEN

        for name in ("", "/runs"):
            yield Case(f"/v1/saved-queries/{{id}}{name}", f"/v1/saved-queries/{id}{name}", one)
        yield Case("/v1/saved-queries/{id}/answer", f"/v1/saved-queries/{id}/answer", answer)
