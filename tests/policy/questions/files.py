"""Files: what exports hold, row for row and to the byte of their digest; what came of imports."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import orjson

from projections import RESOURCES
from tests.policy import rules
from tests.policy.company import Person
from tests.policy.jobs import EXPORTED
from tests.policy.questions.across import events
from tests.policy.questions.case import HIDDEN, Case, Expect, denied, fields, without_passing
from tests.policy.questions.lists import of_list
from tests.policy.tables import READ, as_cells
from tests.policy.world import Answer, Asked, World

FILE = "/v1/exports/{id}/file"
RESULTS = "/v1/imports/{id}/results/"


def of_files(world: World) -> Iterator[Case]:
    for asked in world.exports:
        if asked.id:
            yield Case(FILE, FILE.replace("{id}", str(asked.id)), file_of(asked))
    nothing = uuid4()
    yield Case(FILE, FILE.replace("{id}", str(nothing)), none_of("export"))
    for name in ("done", "failed", "not-processed", "kept"):
        route = f"{RESULTS}{name}.csv"
        yield Case(route, route.replace("{id}", str(nothing)), none_of("import"))
        for asked in world.imports[::3]:
            if asked.id:
                yield Case(route, route.replace("{id}", str(asked.id)), rows_of(name, asked))
    for name in ("scores", "calibration.svg", "calibration.html"):
        route = f"/v1/scoring-runs/{{id}}/{name}"
        yield Case(route, route.replace("{id}", str(nothing)), none_of("scoring_run"))


def none_of(kind: str) -> Expect:
    async def none(world: World, person: Person) -> Answer:
        return denied(world, person, kind) or HIDDEN

    return none


def taken_on(world: World, asked: Asked) -> int:
    """What is answered to who asks for an export (rules 13, 16 and 20)."""
    person = asked.person
    if not person.active:
        return 401
    may = {"read", "write"} <= set(person.scopes) and rules.sees_any(world.company, person, "export", "write")
    kind = EXPORTED.get(asked.wanted["resource"])
    if kind is None:
        return 202 if may else 403
    hidden, _ = fields(world, person, kind)
    return 403 if not may or denied(world, person, kind) or hidden & set(asked.wanted.get("fields", ())) else 202


def brought(world: World, asked: Asked) -> int:
    """What is answered to who brings a file."""
    person = asked.person
    if not person.active:
        return 401
    may = {"read", "write"} <= set(person.scopes) and rules.sees_any(world.company, person, "import", "write")
    return 202 if may else 403


def file_of(asked: Asked) -> Expect:
    """It was made for whoever asked for it, whoever fetches it."""

    async def file(world: World, person: Person) -> Answer:
        if no := denied(world, person, "export", asked.id):
            return no
        return 200, await contents(world, asked)

    return file


async def contents(world: World, asked: Asked) -> Any:
    wanted = asked.wanted
    if wanted["resource"] == "events":
        _, export = await world.raw(f"/v1/exports/{asked.id}")
        told = (await events(world, asked.person))[1]["events"]
        return [event for event in told if place(event["position"]) <= place(export["shows"])]
    params = {name: value for name, value in wanted.items() if name in ("as_of", "known_at")} | wanted.get(
        "filters", {}
    )
    if "fields" in wanted:
        params["fields"] = ",".join(wanted["fields"])
    resource = next(one for one in RESOURCES if one.name == wanted["resource"])
    told = await of_list(resource, params).expect(world, asked.person)
    assert told
    assert told[0] == 200
    rows = told[1]["items"]
    return [as_cells(row) for row in rows] if wanted["format"] in READ else rows


def place(position: str) -> tuple[int, ...]:
    """Where a position lies among others."""
    return tuple(map(int, position.split(".")))


def told_by(answer: httpx.Response) -> Any:
    """The rows of a file; its digest is that of its bytes, and the one that is on record."""
    digest = sha256(answer.content)
    assert answer.headers["digest"] == f"sha-256={b64encode(digest.digest()).decode()}"
    assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
    name = answer.headers["content-disposition"].rpartition(".")[2].strip('"')
    if name in READ:
        return [as_cells(row) for row in without_passing(READ[name](answer.content))]
    return without_passing([orjson.loads(line) for line in answer.content.splitlines()])


def rows_of(name: str, asked: Asked) -> Expect:
    async def rows(world: World, person: Person) -> Answer:
        if no := denied(world, person, "import", asked.id):
            return no
        may = rules.sees_any(world.company, asked.person, "customer", "write")
        has = name == "done" if may else name == "failed"
        status, raw = await world.raw(f"/v1/imports/{asked.id}/results/{name}.csv")
        assert (asked.wanted["id"] in raw) == has, f"{name}: {raw}"
        return status, raw

    return rows
