"""A made-up company as it stands in the system: recorded, projected, each user with a key of its own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from api import keys
from api.kronika import Kronika
from eventlog.keys import FileKeyStore
from tests.api.conftest import client_of
from tests.following import Step
from tests.policy.company import Company, Person, Thing
from tests.policy.founding import stages_of
from tests.policy.made_up import made_up

Answer = tuple[int, Any]
"""A status, and the JSON or the text of an answer."""

DAYS = ("2025-03-31", "2025-09-30", "2026-01-31")
"""Days between those on which something happened."""


@dataclass(frozen=True)
class Asked:
    """An export or import that somebody asked for: with what, and whether it was taken on."""

    id: UUID | None
    person: Person
    wanted: dict[str, Any]
    status: int


@dataclass
class World:
    """The company, and how to ask as anybody; `operator` sees everything."""

    company: Company
    tenant: str
    operator: httpx.AsyncClient
    clients: dict[UUID, httpx.AsyncClient]
    positions: list[str] = field(default_factory=list)
    """Where the log stood while the company came to be"""
    exports: list[Asked] = field(default_factory=list)
    imports: list[Asked] = field(default_factory=list)
    lakehouse: bool = False
    """Whether there is one"""
    _raw: dict[str, Answer] = field(default_factory=dict)
    _events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def points(self) -> list[str]:
        """Days, and positions"""
        return [*DAYS, *self.positions]

    @property
    def moments(self) -> list[dict[str, str]]:
        """What can be asked of two clocks."""
        days, known = [{"as_of": day} for day in DAYS], [{"known_at": position} for position in self.positions]
        return [*days, *known, *(day | known for day, known in zip(days, reversed(known), strict=False))]

    async def raw(self, path: str, params: dict[str, str] | None = None) -> Answer:
        """What there is to be seen."""
        name = path + json.dumps(params, sort_keys=True)
        if name not in self._raw:
            self._raw[name] = read(await self.operator.get(path, params=params))
        return self._raw[name]

    async def rows(self, path: str, **params: str) -> list[dict[str, Any]]:
        """All rows of a list."""
        status, told = await self.raw(path, {"limit": "500", **params})
        assert status == 200, told
        found: list[dict[str, Any]] = told["items"]
        return found

    async def events(self) -> list[dict[str, Any]]:
        """Everything that happened."""
        after = "0.0"
        while not self._events or self._events[-1]["position"] == after:
            params = {"limit": "1000"} | ({"after": after} if self._events else {})
            _, told = await self.raw("/v1/events", params)
            if not told["events"]:
                break
            self._events += told["events"]
            after = told["next"]
        return self._events


def read(answer: httpx.Response) -> Answer:
    kind = answer.headers.get("content-type", "")
    return answer.status_code, json.loads(answer.content) if "json" in kind and "x-nd" not in kind else answer.text


@dataclass
class Place:
    """Where worlds are made: an API and what it stands on."""

    app: FastAPI
    house: Kronika
    store: FileKeyStore
    project: Step
    analyse: Step | None = None
    """Takes what is recorded into the lakehouse, if there is one"""


@asynccontextmanager
async def world(place: Place, seed: int) -> AsyncIterator[World]:
    """A company of this seed, in a tenant of its own."""
    from tests.policy.jobs import ask_for_files  # which asks as anybody of this world

    random = Random(seed)
    company, tenant = made_up(random), f"t{seed}-{uuid4().hex[:8]}"
    url = str(place.house.settings.database_url)
    async with AsyncExitStack() as stack:
        token = keys.create(url, place.store, tenant, "operator", keys.SCOPES)
        operator = await stack.enter_async_context(client_of(place.app, token))
        positions = []
        for commands in stages_of(company, random):
            answers = await operator.post("/v1/commands", json=commands)
            for answer in answers.json() if commands else ():
                assert answer["status"] < 300, answer
            positions += [answer["answer"]["position"] for answer in answers.json()[-1:]] if commands else []
            if commands and commands[0]["command"] == "register-customer":
                await issue_keys(operator, company)
        clients = {p.id: await stack.enter_async_context(client_of(place.app, p.token)) for p in company.people}
        found = World(company, tenant, operator, clients, positions[2:], lakehouse=place.analyse is not None)
        await retract(operator, company)
        await save_queries(found)
        await place.project()
        await ask_for_files(place, found, random)
        await place.project()
        await settle_owners(found)
        if place.analyse:
            await place.analyse()
        yield found


async def issue_keys(operator: httpx.AsyncClient, company: Company) -> None:
    for person in company.people:
        wanted = {"user_id": str(person.id), "label": "key", "scopes": list(person.scopes)}
        issued = (await operator.post("/v1/api-keys", json=wanted)).json()
        person.token = issued["token"]
        key = UUID(issued["id"])
        company.things[key] = Thing("api_key", key, "key", str(person.id), None)
        company.things[person.id] = Thing("user", person.id, f"N{person.id.hex[:8]}", str(person.id), None)


async def retract(operator: httpx.AsyncClient, company: Company) -> None:
    """What was entered in error is undone with all its events."""
    for thing in company.things.values():
        if thing.retracted:
            _, told = read(await operator.get(f"/v1/{thing.kind}s/{thing.id}/history"))
            versions = [entry["version"] for entry in told["entries"]]
            undo = {"stream": thing.kind, "id": str(thing.id), "versions": versions}
            status, told = read(await operator.post("/v1/commands/undo-events", json=undo))
            assert status == 200, told


async def save_queries(world: World) -> None:
    """Whoever may, keeps a query; of those who may not, there is none."""
    for query in list(world.company.queries):
        if query.owner is None:
            continue
        body = {"query_id": str(query.id), "name": "mine", "sql": "SELECT 1 AS one", "shared": query.shared}
        status, _ = read(await world.clients[query.owner].post("/v1/commands/save-query", json=body))
        if status != 201:
            world.company.queries.remove(query)


async def settle_owners(world: World) -> None:
    """Of customers that others went up in: whose they are now is what their cards say."""
    for thing, _ in world.company.merges:
        _, card = await world.raw(f"/v1/customers/{thing.id}")
        thing.owner, thing.team = card["owner"], card["team"]


def by(rows: list[dict[str, Any]], *columns: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The rows in groups."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in columns)].append(row)
    return groups
