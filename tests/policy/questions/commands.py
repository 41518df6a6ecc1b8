"""Every command to everybody, alone and in a batch, and what else changes something."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID, uuid4

from commands.command import Registration, registered
from domain.pipeline import DEFAULT_PIPELINE_ID
from tests.api.samples import sample
from tests.policy import rules
from tests.policy.commanding import CHANGES_BOTH, KINDS, NAMES, acts_at_all, changeable, refused, shown
from tests.policy.company import RECORDS, TARGET_ID, Person
from tests.policy.questions.case import DECIDED, FORBIDDEN, HIDDEN, REFUSED, Case, Expect
from tests.policy.world import Answer, World

NEVER = 999_999_999
"""A version that no stream has: who may ask hears that it does not, and nothing is recorded."""


def of_commands(world: World, random: Random) -> Iterator[Case]:
    for registration in registered():
        route = f"/v1/commands/{registration.name}"
        bodies = [any_body(world, registration, random, strange=strange) for strange in (False, False, True)]
        for body in bodies:
            yield Case(route, route, answered(registration.name, body), method="POST", body=body)
        if registration.name in CHANGES_BOTH:
            continue
        body = random.choice(bodies)
        item = {"command": registration.name, "body": body, "if_match": NEVER}
        yield Case("/v1/commands", "/v1/commands", in_a_batch(registration.name, body), method="POST", body=[item])


def any_body(world: World, registration: Registration, random: Random, *, strange: bool) -> dict[str, Any]:
    """What the command takes, about some of the records; about one that never was, where it is `strange`."""
    ids = {name: random.choice(ids_of(world, kind)) for name, kind in NAMES.items()}
    if KINDS[registration.name] == "any":
        thing = random.choice([thing for thing in world.company.things.values() if thing.kind in RECORDS])
        party = random.choice(("user", "team"))
        ids |= {"id": thing.id, "whom_id": random.choice(ids_of(world, party))}
    whole = random.random() < 0.5 and registration.name != "invoice-order"  # which takes an amount or parts
    body = sample(registration, ids, all_fields=whole)
    if KINDS[registration.name] == "any":
        body |= {"stream": thing.kind} | ({"whom": party} if "whom" in body else {})
    made = next((name for name in body if name.endswith("_id")), None)
    if registration.creates and made and NAMES.get(made) == KINDS[registration.name]:
        body[made] = str(uuid4())
    named = [name for name in (*NAMES, "id", "whom_id") if body.get(name)]
    if strange and named:
        body[random.choice(named)] = str(uuid4())
    return body


def ids_of(world: World, kind: str) -> list[Any]:
    if kind == "team":
        return [team.id for team in world.company.teams]
    if kind == "pipeline":
        return [DEFAULT_PIPELINE_ID]
    if kind == "target":
        return [TARGET_ID]
    if kind == "saved_query":
        return [one.id for one in world.company.queries]
    return [thing.id for thing in world.company.of(kind)] or [uuid4()]


def answered(command: str, body: dict[str, Any]) -> Expect:
    async def expect(world: World, person: Person) -> Answer:
        status = refused(world, person, command, body)
        if status == 403 and command in CHANGES_BOTH:
            return 403, REFUSED
        return (200, DECIDED) if status is None else (status, None)

    return expect


def in_a_batch(command: str, body: dict[str, Any]) -> Expect:
    async def expect(world: World, person: Person) -> Answer:
        if not acts_at_all(world.company, person, "write"):
            return FORBIDDEN
        return 200, [refused(world, person, command, body) or DECIDED]

    return expect


# -- what is no command of its own


async def of_other_changes(world: World, random: Random) -> list[Case]:
    """Who may issue or rotate a key, or undo an event."""
    person, key = random.choice(world.company.people), random.choice(world.company.of("api_key"))
    wanted = {"user_id": str(person.id), "label": "x", "scopes": ["read"]}
    nobody = wanted | {"user_id": str(uuid4())}
    rotation = "/v1/api-keys/{id}/rotation"
    happened = [event for event in await world.events() if event["stream"] in RECORDS]
    found = [
        Case("/v1/api-keys", "/v1/api-keys", kept_from("user", person.id), method="POST", body=wanted),
        Case("/v1/api-keys", "/v1/api-keys", kept_from("user", uuid4()), method="POST", body=nobody),
        Case(rotation, rotation.replace("{id}", str(key.id)), kept_from("api_key", key.id), method="POST", body={}),
        Case(rotation, rotation.replace("{id}", str(uuid4())), kept_from("api_key", uuid4()), method="POST", body={}),
        Case("/v1/undo", "/v1/undo", no_such_event, method="POST", body={"event_ids": [str(uuid4())]}),
    ]
    for event in random.sample(happened, 6):
        undo = {"event_ids": [event["id"]]}
        found.append(Case("/v1/undo", "/v1/undo", kept_from_undoing(event), method="POST", body=undo))
    return found


def kept_from(kind: str, id: Any) -> Expect:
    async def expect(world: World, person: Person) -> Answer | None:
        scope = rules.scope_of(world.company, person, "api_key", "administer")
        if "administer" not in person.scopes or scope is None:
            return FORBIDDEN
        return None if shown(world.company, person, kind, id) else HIDDEN

    return expect


async def no_such_event(world: World, person: Person) -> Answer:
    return HIDDEN if acts_at_all(world.company, person, "write") else FORBIDDEN


def kept_from_undoing(event: dict[str, Any]) -> Expect:
    async def expect(world: World, person: Person) -> Answer | None:
        if not acts_at_all(world.company, person, "write"):
            return FORBIDDEN
        kind, thing = event["stream"], world.company.things[UUID(event["stream_id"])]
        if not rules.sees(world.company, person, thing):
            return HIDDEN
        return None if changeable(world.company, person, kind, thing.id, "write") else FORBIDDEN

    return expect
