"""One question, and what every expectation rests on: what there is to be seen, less what rules keep from somebody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.policy import rules
from tests.policy.company import RECORDS, Person
from tests.policy.world import Answer, World

Expect = Callable[[World, Person], Awaitable[Answer | None]]
"""What somebody is to be answered; None: not to be asked"""

FORBIDDEN, HIDDEN = (403, None), (404, None)
PASSING = {"age_days", "days_in_stage", "days_overdue", "expires_at"}
"""Columns that say how long something has been so."""
REFUSED = "refused"
"""Of a command about what is seen: that it was, by the policy or before that by the business."""
DECIDED = "decided"
"""Of a command: that it was taken to the business, which says yes or no by rules of its own."""

NOTHING_YET = "nothing yet"
"""Of what is there, and has not what is asked for."""


@dataclass(frozen=True)
class Case:
    """One question, and what is expected of its answer; `route` is as the API's document names it."""

    route: str
    path: str
    expect: Expect
    params: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: Any = None
    pages: int | None = None
    """Of so many rows each; else all is asked for at once"""
    costly: bool = False
    """Asked seldom"""


def reads(person: Person) -> bool:
    return "read" in person.scopes


def seen(world: World, person: Person, kind: str, id: Any) -> bool:
    if kind not in (*RECORDS, "import", "export", "scoring_run", "user", "api_key"):
        return rules.sees_any(world.company, person, kind)
    thing = rules.record_of(world.company, kind, UUID(str(id)))
    return thing is not None and rules.sees(world.company, person, thing)


def fields(world: World, person: Person, kind: str) -> tuple[set[str], set[str]]:
    return rules.told(world.company, person, kind)


def row_for(world: World, person: Person, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    hidden, masked = fields(world, person, kind)
    told = rules.row_told(row, hidden, masked)
    return {name: value for name, value in told.items() if name not in PASSING}


def denied(world: World, person: Person, kind: str, id: Any = None) -> Answer | None:
    """Why somebody is not shown this, if so."""
    if not reads(person) or not rules.sees_any(world.company, person, kind):
        return FORBIDDEN
    if id is not None and not seen(world, person, kind, id):
        return HIDDEN
    return None


def event_seen(world: World, person: Person, row: dict[str, Any]) -> bool:
    return seen(world, person, row["stream_type"], row["stream_id"])


def happened(world: World, person: Person, row: dict[str, Any]) -> dict[str, Any]:
    hidden, masked = fields(world, person, row["stream_type"])
    return row | {"fields": rules.event_told(row["type"], row["fields"], hidden, masked)}


def without_passing(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_passing(part) for name, part in value.items() if name not in PASSING}
    return [without_passing(part) for part in value] if isinstance(value, list) else value
