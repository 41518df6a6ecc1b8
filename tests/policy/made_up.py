"""Makes up a company at random: its policy, teams, people and records, and which of these turn out to be one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from ruamel.yaml import YAML

from tests.policy.company import (
    ASKED_FOR,
    COMMON,
    ORGANISATION,
    RECORDS,
    ROLES,
    SCOPES,
    Company,
    Person,
    Query,
    Rules,
    Team,
    Thing,
)

DEFAULT = Path(__file__).parents[2] / "domain" / "policy.yaml"
RESTRICTABLE = {
    "customer": ("name", "emails", "phones", "tier", "region", "tags", "personal", "interactions"),
    "opportunity": ("amount", "title", "contact", "weighted_amount", "personal"),
    "order": ("number", "shipping_address", "personal"),
    "ticket": ("subject", "text", "priority", "personal"),
    "user": ("name", "email", "personal"),
}
HOW_MANY = {"customer": 9, "opportunity": 9, "order": 7, "ticket": 7}
MERGES = 3
"""Of how many customers it turns out that they were others."""


def default_rules() -> Rules:
    said = YAML(typ="safe").load(DEFAULT)
    return {role: spread(by_kinds) for role, by_kinds in said["roles"].items()}


def spread(by_kinds: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {kind.strip(): rule for kinds, rule in by_kinds.items() for kind in kinds.split(",")}


def made_up(random: Random) -> Company:
    """Any company. Of two, one has the policy that comes with Kronika, the other one of its own."""
    own = random.random() < 0.6
    rules = any_rules(random) if own else default_rules()
    policy = json.dumps({"kronika": "policy/1", "roles": rules}) if own else None
    teams = any_teams(random)
    people = any_people(random, teams)
    things = {thing.id: thing for thing in any_things(random, people, teams)}
    merges = list(merges_among(random, [thing for thing in things.values() if thing.kind == "customer"]))
    random.choice([thing for thing in things.values() if thing.kind == "ticket"]).retracted = True
    for person in people[:2]:  # what goes by the name before belongs to nobody from now on
        person.handle = person.handle and f"{person.handle}-now"
    owners = [None, *(person.id for person in people)]
    queries = [Query(an_id(random), owner, random.random() < 0.5) for owner in owners]
    return Company(rules, policy, people, teams, things, merges, queries, random.random() < 0.5)


def an_id(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


def any_rules(random: Random) -> Rules:
    rules: Rules = {role: {} for role in ROLES}
    for by_kind in rules.values():
        for kind in (*RECORDS, *ASKED_FOR, "user", "api_key"):
            read = random.choice((None, *SCOPES))
            if read is None:
                continue
            rule = by_kind[kind] = {"read": read}
            if kind in (*RECORDS, *ASKED_FOR) and random.random() < 0.6:
                rule["write"] = random.choice(SCOPES[: SCOPES.index(read) + 1])
            for how in ("hide", "mask"):
                if kind in RESTRICTABLE and random.random() < 0.4:
                    rule[how] = random.sample(RESTRICTABLE[kind], random.randint(1, 2))
        for kind in COMMON:
            if random.random() < 0.7:
                by_kind[kind] = {"read": "all"}
        if "pipeline" in by_kind and random.random() < 0.5:
            by_kind["pipeline"]["write"] = "all"
        for kind in ORGANISATION:
            if by_kind.get(kind, {}).get("read") == "all" and random.random() < 0.3:
                by_kind[kind]["administer"] = "all"
    rules["administrator"] = default_rules()["administrator"]
    return rules


def any_teams(random: Random) -> list[Team]:
    teams: list[Team] = []
    for number in range(5):
        within = random.choice([None, *(team.id for team in teams)])
        teams.append(Team(an_id(random), f"team {number}", within, dissolved=random.random() < 0.2))
    return teams


def any_people(random: Random, teams: list[Team]) -> list[Person]:
    people: list[Person] = []
    for number in range(10):
        roles = tuple(random.sample(ROLES, random.choice((1, 1, 1, 2))))
        member = tuple(team.id for team in random.sample(teams, random.choice((0, 1, 1, 2))))
        manager = random.choice([None, *(person.id for person in people)])
        handle = None if random.random() < 0.3 else f"handle-{number}-{random.randrange(10**6)}"
        people.append(Person(an_id(random), handle, roles, member, manager))
    people[0].roles = ("administrator",)
    people[0].scopes = people[1].scopes = ("read", "write", "administer")
    people[-1].active = False
    people[-2].scopes = ("write",)
    people[-3].scopes = ("read",)
    return people


def any_things(random: Random, people: list[Person], teams: list[Team]) -> Iterator[Thing]:
    owners = [None, "somebody", *(str(person.id) for person in people), *(p.handle for p in people if p.handle)]
    places = [None, "nowhere", *(team.name for team in teams), *(str(team.id) for team in teams)]
    customers: list[UUID] = []
    for kind in RECORDS:
        for _ in range(HOW_MANY[kind]):
            id = an_id(random)
            customer = random.choice(customers) if customers and kind != "customer" else None
            mark = f"M{random.getrandbits(40):010x}"
            thing = Thing(kind, id, mark, random.choice(owners), random.choice(places), customer)
            for _ in range(random.choice((0, 0, 1, 2))):
                party = random.choice([("user", random.choice(people).id), ("team", random.choice(teams).id)])
                thing.shared[party] = random.choice(("read", "write"))
            if kind == "customer":
                customers.append(id)
            yield thing


def merges_among(random: Random, customers: list[Thing]) -> Iterator[tuple[Thing, Thing]]:
    """Each goes up in one that has not gone up itself, but may later: then that takes over what it took over."""
    for merged in random.sample(customers, MERGES):
        survivor = random.choice([one for one in customers if one is not merged and not one.merged_into])
        merged.merged_into = survivor.id
        yield survivor, merged
