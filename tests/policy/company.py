"""What a made-up company is: who works there, in which teams and under whom, by which policy, with what on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain.target import target_id

ROLES = ("sales_representative", "manager", "director", "purchasing", "support", "auditor", "analyst", "service")
SCOPES = ("own", "team", "subtree", "all")
RECORDS = ("customer", "opportunity", "order", "ticket")
ASKED_FOR = ("import", "export", "scoring_run")
ORGANISATION = ("user", "team", "tenant", "api_key")
COMMON = ("pipeline", "target", "channel_cost", "team", "tenant", "analytics", "access", "saved_query")

TARGET = {"period": "2025-Q3", "amount": "5000", "currency": "EUR"}
"""What everybody together is to win."""
TARGET_ID = target_id(None, None, "2025-Q3", "EUR")

Rules = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Person:
    """A user. `scopes` is what its key allows."""

    id: UUID
    handle: str | None
    roles: tuple[str, ...]
    teams: tuple[UUID, ...]
    manager: UUID | None
    scopes: tuple[str, ...] = ("read", "write")
    active: bool = True
    token: str = ""


@dataclass
class Team:
    """A team; `within` is the one that it is a part of."""

    id: UUID
    name: str
    within: UUID | None
    dissolved: bool


@dataclass
class Thing:
    """One record, in whose words its owner and team stand; `mark` is in its texts and in nobody else's."""

    kind: str
    id: UUID
    mark: str
    owner: str | None
    team: str | None
    customer: UUID | None = None
    shared: dict[tuple[str, UUID], str] = field(default_factory=dict)
    merged_into: UUID | None = None
    retracted: bool = False


@dataclass
class Query:
    """A saved query; without an owner it is an operator's."""

    id: UUID
    owner: UUID | None
    shared: bool


@dataclass
class Company:
    """All of it, as it stands in the end."""

    rules: Rules
    policy: str | None
    people: list[Person]
    teams: list[Team]
    things: dict[UUID, Thing]
    merges: list[tuple[Thing, Thing]] = field(default_factory=list)
    """The survivor first, in the order in which it was found out"""
    queries: list[Query] = field(default_factory=list)
    sells_its_own_way: bool = False
    """Whether it has said what stages its sales go through"""

    def of(self, kind: str) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.kind == kind]

    def taken_over_by(self, thing: Thing) -> Iterator[Thing]:
        """It, and those in which it went up: what it said, these say."""
        yield thing
        if thing.merged_into:
            yield from self.taken_over_by(self.things[thing.merged_into])
