"""Holds what the system answers against what the rules say it is to answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random
from uuid import uuid4

from fastapi import FastAPI

from tests.policy import rules
from tests.policy.company import RECORDS, Person
from tests.policy.expected import Case, cases, denied, told, without_passing
from tests.policy.world import World, read


def routes_of(app: FastAPI) -> list[str]:
    """Every route that reads."""
    return [path for path, item in app.openapi()["paths"].items() if "get" in item and path.startswith("/v1/")]


async def compared(world: World, app: FastAPI, seed: int, most: int | None = None) -> tuple[int, list[str]]:
    """How many answers were compared, and what was wrong with any."""
    random = Random(seed)
    asked = [(person, case) for person in world.company.people for case in cases(world, routes_of(app), random)]
    if most is not None:
        asked = random.sample(asked, min(most, len(asked)))
    wrong = [fault for person, case in asked if (fault := await fault_of(world, person, case))]
    for person, status in world.refused:
        if status != (401 if not person.active else 403) or may_export(world, person):
            wrong.append(f"an export was refused with {status} to {person}")
    wrong += [f"an export was taken on from {p}" for p in world.exports.values() if not may_export(world, p)]
    return len(asked) + len(world.refused) + len(world.exports), wrong


def may_export(world: World, person: Person) -> bool:
    if not person.active or not {"read", "write"} <= set(person.scopes):
        return False
    return rules.scope_of(world.company, person, "export", "write") is not None and not denied(
        world, person, "customer"
    )


async def fault_of(world: World, person: Person, case: Case) -> str | None:
    """What is wrong with an answer; None where nothing is."""
    client = world.clients[person.id]
    if case.body is not None:
        answer = await client.post(case.path, json=case.body)
    else:
        answer = await client.get(case.path, params=case.params)
    status, body = read(answer)
    asked = f"{case.path} {case.params or ''} by {', '.join(person.roles)} {person.id}"
    if leaked := marks_in(answer.text, world, person, case):
        return f"{asked}: told of {leaked}"
    expected, value = await case.expect(world, person) if person.active else (401, None)
    if status == 503 and body["type"] == "/problems/lakehouse-away":
        status = 200  # would be answered, if there was one
    if status != expected:
        return f"{asked}: answered {status}, expected {expected}: {answer.text[:300]}"
    if status == 404 and "{id}" in case.route.split("/"):
        unknown = str(uuid4())
        there_is_none = await world.operator.get(case.path.replace(named(case), unknown))
        words = there_is_none.json()["detail"].replace(unknown, named(case))
        if body["detail"] != words:
            return f"{asked}: {body['detail']!r} is not what is said of what is not there: {words!r}"
    if status == expected == 200 and value is not None and case.body is None:
        found, wanted = told(case, status, body), without_passing(value)
        if found != wanted:
            return f"{asked}: {difference(found, wanted)}"
    return None


def named(case: Case) -> str:
    """The id in a path."""
    at = case.route.split("/").index("{id}")
    return case.path.split("/")[at]


def marks_in(text: str, world: World, person: Person, case: Case) -> list[str]:
    """Of what somebody does not see, what an answer tells all the same. The file of an export was made for another."""
    if case.route.endswith("/file"):
        return []
    return [
        thing.mark
        for thing in world.company.things.values()
        if thing.kind in RECORDS and thing.mark in text and thing.mark not in json.dumps(case.params)
        and not (person.active and rules.sees(world.company, person, thing))
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
    return set(routes) - {case.route for case in asked}
