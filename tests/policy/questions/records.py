"""Single things and what their streams tell: histories, blame, differences."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.reads import route_name
from projections.resource import Resource
from tests.policy import rules
from tests.policy.company import Person
from tests.policy.questions.case import FORBIDDEN, HIDDEN, Case, denied, fields, reads, row_for, seen
from tests.policy.world import Answer, World

OF_ITS_STREAM = ("history", "blame", "diff")


def of_one(resource: Resource, id: UUID, params: dict[str, str]) -> Case:
    route = f"/v1/{route_name(resource)}/{{id}}"

    async def expect(world: World, person: Person) -> Answer:
        kind = resource.stream
        if not reads(person) or not rules.sees_any(world.company, person, kind):
            return FORBIDDEN
        hidden, _ = fields(world, person, kind)
        if "fields" in params and set(params["fields"].split(",")) & hidden:
            return FORBIDDEN
        if not seen(world, person, kind, id):
            return HIDDEN
        status, raw = await world.raw(route.replace("{id}", str(id)), params)
        return (status, row_for(world, person, kind, raw)) if status == 200 else (status, None)

    return Case(route, route.replace("{id}", str(id)), expect, params)


def of_stream(resource: Resource, id: UUID, name: str, params: dict[str, str], pages: int | None = None) -> Case:
    route, kind = f"/v1/{route_name(resource)}/{{id}}/{name}", resource.stream

    async def expect(world: World, person: Person) -> Answer:
        if no := denied(world, person, kind, id):
            return no
        status, raw = await world.raw(route.replace("{id}", str(id)), params)
        if status != 200:
            return status, None
        hidden, masked = fields(world, person, kind)
        if name == "history":
            return 200, {"entries": [entry_for(world, person, kind, entry) for entry in raw["entries"]]}
        told = []
        for one in raw["fields"]:
            if root(one) in hidden:
                continue
            values = ("value",) if name == "blame" else ("old", "new")
            changed = {value: rules.mask(one[value]) for value in values} if root(one) in masked else {}
            if name == "blame":
                changed["set_by"] = entry_for(world, person, kind, one["set_by"])
            else:
                changed["events"] = [entry_for(world, person, kind, event) for event in one["events"]]
            told.append(one | changed)
        if name == "diff":  # between what is not told and what is not told there is no difference
            told = [one for one in told if root(one) not in masked or one["old"] != one["new"]]
        return 200, {"fields": told}

    return Case(route, route.replace("{id}", str(id)), expect, params, pages=pages)


def entry_for(world: World, person: Person, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
    hidden, masked = fields(world, person, kind)
    changes = {
        name: [
            one | ({side: rules.mask(one[side]) for side in ("old", "new")} if root(one) in masked else {})
            for one in entry[name]
            if root(one) not in hidden
        ]
        for name in ("changes", "past_changes")
    }
    said = rules.event_told(entry["type"], entry["fields"], hidden, masked)
    return entry | {"fields": said} | changes


def root(changed: dict[str, Any]) -> str:
    return str(changed["field"]).partition(".")[0]
