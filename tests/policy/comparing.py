"""Holds what the system answers against what the rules say it is to answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

import httpx
from fastapi import FastAPI

from tests.policy import rules
from tests.policy.company import RECORDS, Person
from tests.policy.questions import questions
from tests.policy.questions.case import DECIDED, NOTHING_YET, REFUSED, Case, without_passing
from tests.policy.questions.commands import NEVER
from tests.policy.questions.files import brought, taken_on
from tests.policy.questions.told import told
from tests.policy.unknown import asked_for_nothing
from tests.policy.walking import walked
from tests.policy.world import Place, World

SELDOM = 0.03
"""Of what costs much, so much is asked."""


@dataclass
class Compared:
    """How many answers were compared, of which routes, and what was wrong with any."""

    count: int = 0
    routes: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def routes_of(app: FastAPI) -> list[str]:
    """Every route by which something is read or changed."""
    return [path for path in app.openapi()["paths"] if path.startswith("/v1/")]


async def compared(place: Place, world: World, seed: int, most: int | None = None) -> Compared:
    random = Random(seed)
    cases = await questions(world, routes_of(place.app), random)
    asked = [(person, case) for person in world.company.people for case in cases]
    asked = [(person, case) for person, case in asked if not case.costly or random.random() < SELDOM]
    if most is not None:
        asked = random.sample(asked, min(most, len(asked)))
    found, before = Compared(), await recorded(place, world)
    assert all(before)
    let_in: dict[str, tuple[Person, Case]] = {}
    for person, case in asked:
        expected = await case.expect(world, person) if person.active else (401, None)
        if expected is None:
            if case.method == "POST":
                let_in[case.route] = person, case
            continue
        found.count += 1
        found.routes.add(case.route)
        if fault := await fault_of(world, person, case, *expected):
            found.wrong.append(
                f"{case.method} {case.path} {case.params or ''} {case.body or ''} "
                f"by {', '.join(person.roles)} {person.id} ({', '.join(person.scopes)}): {fault}"
            )
    if await recorded(place, world) != before:
        found.wrong.append("something was recorded, though nobody was to be given what was asked for")
    for person, case in let_in.values():  # last of all, as it changes what there is
        found.count += 1
        answer = await ask(world.clients[person.id], case, {})
        if answer.status_code not in (200, 201, 409):
            found.wrong.append(f"{case.method} {case.path} {case.body} by {person}: answered {answer.text}")
    for one in world.exports:
        if one.status != taken_on(world, one):
            found.wrong.append(f"an export was answered {one.status}: {one}")
    for one in world.imports:
        if one.status != brought(world, one):
            found.wrong.append(f"an import was answered {one.status}: {one}")
    found.count += len(world.exports) + len(world.imports)
    return found


async def recorded(place: Place, world: World) -> tuple[int, ...]:
    """How much the log has of a company: events, and commands."""
    async with place.house.log.connection() as connection:
        cursor = await connection.execute(
            "SELECT (SELECT count(*) FROM log.events WHERE tenant = %(tenant)s),"
            " (SELECT count(*) FROM log.commands WHERE tenant = %(tenant)s)",
            {"tenant": world.tenant},
        )
        row = await cursor.fetchone()
    assert row is not None
    return tuple(row)


async def fault_of(world: World, person: Person, case: Case, expected: int, value: object) -> str | None:
    """What is wrong with an answer; None where nothing is."""
    client = world.clients[person.id]
    answer = await ask(client, case, {"if-match": str(NEVER)} if value == DECIDED else {})
    if leaked := marks_in(answer.text, world, person, case):
        return f"told of {leaked}"
    status, found = told(world, case, answer)
    if value == REFUSED and found == DECIDED:
        return None
    if status != expected:
        return f"answered {answer.status_code}, expected {expected}: {answer.text[:300]}"
    if case.pages and status == 200:
        found = await walked(client, case, answer)
    if status == 404:
        return await asked_for_nothing(client, case, answer) if value != NOTHING_YET else None
    if value not in (None, REFUSED) and found != without_passing(value):
        return difference(found, without_passing(value))
    return None


async def ask(client: httpx.AsyncClient, case: Case, headers: dict[str, str]) -> httpx.Response:
    paging = {"limit": str(case.pages)} if case.pages else {}
    params = case.params | paging
    return await client.request(case.method, case.path, params=params, json=case.body, headers=headers)


def marks_in(text: str, world: World, person: Person, case: Case) -> list[str]:
    """Of what somebody does not see, what an answer tells all the same. Files were made for another; what went up in
    another customer is told of that one, too."""
    if case.route.endswith(("/file", ".csv")):
        return []
    asked = json.dumps((case.params, case.body))
    return [
        thing.mark
        for thing in world.company.things.values()
        if thing.kind in RECORDS and thing.mark in text and thing.mark not in asked
        and not (person.active and any(rules.sees(world.company, person, one)
                                       for one in world.company.taken_over_by(thing)))
    ]  # fmt: skip


def difference(found: object, wanted: object, at: str = "") -> str:
    """The first place at which two answers differ."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in (*wanted, *(name for name in found if name not in wanted)):
            if name not in found or name not in wanted:
                return f"{at}.{name} is {'lacking' if name not in found else 'told'}"
            if found[name] != wanted[name]:
                return difference(found[name], wanted[name], f"{at}.{name}")
    if isinstance(found, list) and isinstance(wanted, list):
        if len(found) != len(wanted):
            return f"{at} has {len(found)}, expected {len(wanted)}: {str(found)[:400]} | {str(wanted)[:400]}"
        for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
            if one != other:
                return difference(one, other, f"{at}[{number}]")
    return f"{at} is {str(found)[:200]}, expected {str(wanted)[:200]}"


def left_out(routes: Iterable[str], asked: Iterable[Case]) -> set[str]:
    """Routes to which no rule is known."""
    return set(routes) - {case.route for case in asked} - {"/v1/exports", "/v1/imports"}
