"""A made-up company as it stands in the system: recorded, projected, each user with a key of its own."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
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
from tests.policy.company import Company, Person, Thing, made_up, stages_of
from workers.clerk import Desk, Job
from workers.exports.task import Exporting
from workers.lifetime import Surroundings

Answer = tuple[int, Any]
"""A status, and the JSON or the text of an answer."""


@dataclass
class World:
    """The company, and how to ask as anybody; `operator` sees everything."""

    company: Company
    operator: httpx.AsyncClient
    clients: dict[UUID, httpx.AsyncClient]
    exports: dict[UUID, Person] = field(default_factory=dict)
    """What was exported (all customers), by whom"""
    refused: list[tuple[Person, int]] = field(default_factory=list)
    """To whom an export was refused, and with which status"""
    _raw: dict[str, Answer] = field(default_factory=dict)

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


def read(answer: httpx.Response) -> Answer:
    kind = answer.headers.get("content-type", "")
    return answer.status_code, json.loads(answer.content) if "json" in kind and "x-nd" not in kind else answer.text


@dataclass
class Place:
    """Where worlds are made: an API and what it stands on."""

    app: FastAPI
    house: Kronika
    store: FileKeyStore
    project: Callable[[], Awaitable[None]]


@asynccontextmanager
async def world(place: Place, seed: int) -> AsyncIterator[World]:
    """A company of this seed, in a tenant of its own."""
    random = Random(seed)
    company, tenant = made_up(random), f"t{seed}-{uuid4().hex[:8]}"
    url = str(place.house.settings.database_url)
    async with AsyncExitStack() as stack:
        token = keys.create(url, place.store, tenant, "operator", keys.SCOPES)
        operator = await stack.enter_async_context(client_of(place.app, token))
        for commands in stages_of(company, random):
            for answer in (await operator.post("/v1/commands", json=commands)).json() if commands else ():
                assert answer["status"] < 300, answer
            if commands and commands[0]["command"] == "register-customer":
                await issue_keys(operator, company)
        clients = {p.id: await stack.enter_async_context(client_of(place.app, p.token)) for p in company.people}
        found = World(company, operator, clients)
        await place.project()
        await export(place, found, tenant)
        await place.project()
        yield found


async def issue_keys(operator: httpx.AsyncClient, company: Company) -> None:
    for person in company.people:
        wanted = {"user_id": str(person.id), "label": "key", "scopes": list(person.scopes)}
        issued = (await operator.post("/v1/api-keys", json=wanted)).json()
        person.token = issued["token"]
        key = UUID(issued["id"])
        company.things[key] = Thing("api_key", key, "key", str(person.id), None)
        company.things[person.id] = Thing("user", person.id, f"N{person.id.hex[:8]}", str(person.id), None)


async def export(place: Place, world: World, tenant: str) -> None:
    """Everybody asks for all customers as a file; those who may get one."""
    around = Surroundings(str(place.house.settings.database_url), {}, place.store, place.house.settings.lake_path)
    for person in world.company.people:
        wanted = {"resource": "customers", "format": "jsonl"}
        status, told = read(await world.clients[person.id].post("/v1/exports", json=wanted))
        if status != 202:
            world.refused.append((person, status))
            continue
        id = UUID(told["id"])
        world.exports[id] = person
        world.company.things[id] = Thing("export", id, "export", str(person.id), None)
    await place.project()
    for id in world.exports:
        await Exporting().carry_out(Job(tenant, id), Desk(place.house.log, around))


def by(rows: list[dict[str, Any]], *columns: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The rows in groups."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[column] for column in columns)].append(row)
    return groups
