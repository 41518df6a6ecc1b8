"""What everybody of a made-up company asks for as a file or brings as one, and the clerk who carries it out."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

import httpx

from commands.importing.running import carry_out
from tests.policy import rules
from tests.policy.company import Person, Thing
from tests.policy.tables import READ
from tests.policy.world import Asked, Place, World, read
from workers.clerk import Desk, Job
from workers.exports.task import Exporting
from workers.lifetime import Surroundings

MAPPING = """\
kronika: import/1
source: shop
files: {customers: customers.csv}
steps:
  - name: customers
    rows: customers
    key: "{id}"
    occurred_at: {date: "{since}"}
    commands:
      - command: register-customer
        with:
          customer_id: {id: customer, key: "{id}"}
          kind: person
          name: "{name}"
          emails: ["{email}"]
"""
EXPORTED = {"customers": "customer", "opportunities": "opportunity", "orders": "order", "tickets": "ticket"}
"""Lists, and of which kind they are."""


async def ask_for_files(place: Place, world: World, random: Random) -> None:
    around = Surroundings(str(place.house.settings.database_url), {}, place.store, place.house.settings.lake_path)
    desk = Desk(place.house.log, around)
    for person in world.company.people:
        world.imports.append(await bring(world, person))
    for asked in world.imports:
        if asked.id:
            await carry_out(place.house.log, world.tenant, asked.id)
            await found_in(world, asked)
    await place.project()
    for person in world.company.people:
        for wanted in ({"resource": "customers", "format": "jsonl"}, any_export(world, random)):
            world.exports.append(await ask(world, person, wanted))
    await place.project()
    for asked in world.exports:
        if asked.id:
            await Exporting().carry_out(Job(world.tenant, asked.id), desk)


def any_export(world: World, random: Random) -> dict[str, Any]:
    """Any list or the events, some of it, as of some moment."""
    if random.random() < 0.25:
        return {"resource": "events", "format": "jsonl"}
    name = random.choice(list(EXPORTED))
    wanted: dict[str, Any] = {"resource": name, "format": random.choice(("jsonl", *READ))}
    if random.random() < 0.5:
        wanted |= random.choice(world.moments)
    if random.random() < 0.3:
        wanted["filters"] = {random.choice(("owner.null", "team.null")): random.choice(("true", "false"))}
    if random.random() < 0.3:
        asked_for = {"customers": ["tier", "name"], "opportunities": ["amount"], "orders": ["number"]}
        wanted["fields"] = ["id", *asked_for.get(name, ["subject"])]
    return wanted


async def ask(world: World, person: Person, wanted: dict[str, Any]) -> Asked:
    answer = await world.clients[person.id].post("/v1/exports", json=wanted)
    return taken_on(world, person, "export", wanted, answer)


async def bring(world: World, person: Person) -> Asked:
    """A file with one customer of whom nobody knew."""
    mark = f"M{person.id.hex[:10]}"
    row = {"id": mark, "name": f"Li {mark}", "email": f"{mark.lower()}@example.com", "since": "2025-02-01"}
    delivered = f"{','.join(row)}\n{','.join(row.values())}\n"
    files = [("files", ("customers.csv", delivered))]
    answer = await world.clients[person.id].post("/v1/imports", data={"mapping": MAPPING}, files=files)
    return taken_on(world, person, "import", row, answer)


def taken_on(world: World, person: Person, kind: str, wanted: dict[str, Any], answer: httpx.Response) -> Asked:
    """The job, which is its author's own, if it was taken on."""
    status, told = read(answer)
    if status != 202:
        return Asked(None, person, wanted, status)
    id = UUID(told["id"])
    world.company.things[id] = Thing(kind, id, kind, str(person.id), None)
    return Asked(id, person, wanted, status)


async def found_in(world: World, asked: Asked) -> None:
    """The customer that was imported, if its importer may have any; it is its own unless all are (rules 18 and 20)."""
    scope = rules.scope_of(world.company, asked.person, "customer", "write")
    _, told = read(await world.operator.get(f"/v1/imports/{asked.id}/results/done.csv"))
    _, history = read(await world.operator.get("/v1/events", params={"limit": "1000"}))
    mark = asked.wanted["id"]
    made = [UUID(event["stream_id"]) for event in history["events"] if mark in str(event["data"].get("name"))]
    assert bool(made) == (scope is not None) == (mark in told), f"imported by {asked.person}: {told}"
    for id in made:
        owner = None if scope == "all" else asked.person.handle or str(asked.person.id)
        world.company.things[id] = Thing("customer", id, mark, owner, None)
