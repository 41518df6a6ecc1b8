"""A company made up at random: who works there, in which teams and under whom, by which policy, and what it has on
record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from ruamel.yaml import YAML

ROLES = ("sales_representative", "manager", "director", "purchasing", "support", "auditor", "analyst", "service")
SCOPES = ("own", "team", "subtree", "all")
RECORDS = ("customer", "opportunity", "order", "ticket")
DEFAULT = Path(__file__).parents[2] / "domain" / "policy.yaml"

RESTRICTABLE = {
    "customer": ("name", "emails", "phones", "tier", "region", "tags", "personal", "interactions"),
    "opportunity": ("amount", "title", "contact", "weighted_amount", "personal"),
    "order": ("number", "shipping_address", "personal"),
    "ticket": ("subject", "text", "priority", "personal"),
    "user": ("name", "email", "personal"),
}

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


@dataclass
class Company:
    """All of it, as it stands in the end."""

    rules: Rules
    policy: str | None
    people: list[Person]
    teams: list[Team]
    things: dict[UUID, Thing]

    def of(self, kind: str) -> list[Thing]:
        return [thing for thing in self.things.values() if thing.kind == kind]


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
    for person in people[:2]:  # what goes by the name before belongs to nobody from now on
        person.handle = person.handle and f"{person.handle}-now"
    return Company(rules, policy, people, teams, things)


def an_id(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


def any_rules(random: Random) -> Rules:
    rules: Rules = {role: {} for role in ROLES}
    for by_kind in rules.values():
        for kind in (*RECORDS, "import", "export", "scoring_run", "user", "api_key"):
            read = random.choice((None, *SCOPES))
            if read is None:
                continue
            rule = by_kind[kind] = {"read": read}
            if kind in (*RECORDS, "import", "export", "scoring_run") and random.random() < 0.6:
                rule["write"] = random.choice(SCOPES[: SCOPES.index(read) + 1])
            for how in ("hide", "mask"):
                if kind in RESTRICTABLE and random.random() < 0.4:
                    rule[how] = random.sample(RESTRICTABLE[kind], random.randint(1, 2))
        for kind in ("pipeline", "team", "tenant", "analytics", "access", "saved_query"):
            if random.random() < 0.7:
                by_kind[kind] = {"read": "all"}
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
    for number in range(9):
        roles = tuple(random.sample(ROLES, random.choice((1, 1, 1, 2))))
        member = tuple(team.id for team in random.sample(teams, random.choice((0, 1, 1, 2))))
        manager = random.choice([None, *(person.id for person in people)])
        handle = None if random.random() < 0.3 else f"handle-{number}-{random.randrange(10**6)}"
        people.append(Person(an_id(random), handle, roles, member, manager))
    people[-1].active = False
    people[-2].scopes = ("write",)
    return people


def any_things(random: Random, people: list[Person], teams: list[Team]) -> Iterator[Thing]:
    owners = [None, "somebody", *(str(person.id) for person in people), *(p.handle for p in people if p.handle)]
    places = [None, "nowhere", *(team.name for team in teams), *(str(team.id) for team in teams)]
    customers: list[UUID] = []
    for kind, many in zip(RECORDS, (9, 9, 7, 7), strict=True):
        for _ in range(many):
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


def stages_of(company: Company, random: Random) -> list[list[dict[str, Any]]]:
    """The commands by which it comes to be, in parts of which each rests on those before."""

    def command(called: str, /, **body: Any) -> dict[str, Any]:
        told = {key: str(value) if isinstance(value, UUID) else value for key, value in body.items()}
        return {"command": called, "body": {key: value for key, value in told.items() if value is not None}}

    people, teams, things = company.people, company.teams, list(company.things.values())
    first = [command("found-team", team_id=team.id, name=team.name) for team in teams]
    first += [command("register-user", user_id=p.id, name=f"N{p.id.hex[:8]}", email=f"{p.id.hex[:8]}@example.com")
              for p in people]  # fmt: skip
    second = [command("put-team-within", team_id=team.id, within_id=team.within) for team in teams if team.within]
    second += [command("assign-role", user_id=p.id, role=role) for p in people for role in p.roles]
    second += [command("give-handle", user_id=p.id, handle=p.handle.removesuffix("-now")) for p in people if p.handle]
    second += [command("set-manager", user_id=p.id, manager_id=p.manager) for p in people if p.manager]
    second += [command("add-to-team", user_id=p.id, team_id=team) for p in people for team in p.teams]
    records = [registered(command, thing, random) for thing in things if thing.kind == "customer"]
    others = [registered(command, thing, random) for thing in things if thing.kind != "customer"]
    later = [later_of(command, thing, random) for thing in things]
    shares = [
        command("share", stream=thing.kind, id=thing.id, access=access, whom=party, whom_id=id)
        for thing in things
        for (party, id), access in thing.shared.items()
    ]
    last = [command("give-handle", user_id=p.id, handle=p.handle) for p in people[:2] if p.handle]
    last += [command("dissolve-team", team_id=team.id) for team in teams if team.dissolved]
    last += [command("deactivate-user", user_id=p.id) for p in people if not p.active]
    last += [command("set-policy", policy=company.policy)] if company.policy else []
    return [first, second, records, others, [one for some in later for one in some], shares, last]


def registered(command: Any, thing: Thing, random: Random) -> dict[str, Any]:
    mark, whose = thing.mark, {"owner": thing.owner, "team": thing.team}
    match thing.kind:
        case "customer":
            twins = (
                {"name": f"王 {mark}", "birthday": "1990-01-01"} if random.random() < 0.3 else {"name": f"Li {mark}"}
            )
            made = command(
                "register-customer",
                customer_id=thing.id,
                kind="person",
                emails=[f"{mark.lower()}@example.com"],
                tier=random.choice(("gold", "silver", None)),
                region=random.choice(("north", "south")),
                tags=random.sample(("vip", "new", "late"), random.randint(0, 2)),
                **twins,
                **whose,
            )
            if random.random() < 0.5:
                made["body"]["phones"] = [f"+86139{random.randrange(10**8):08d}"]
        case "opportunity":
            amount = random.choice((None, f"{random.randrange(1, 10**5)}.50"))
            made = command(
                "open-opportunity",
                opportunity_id=thing.id,
                title=f"20 pumps {mark}",
                customer_id=thing.customer,
                contact=f"Ms {mark}",
                amount=amount,
                currency=amount and random.choice(("EUR", "CNY")),
                **whose,
            )
        case "order":
            line = {"sku": "pump", "quantity": random.randrange(1, 9), "unit_price": f"{random.randrange(1, 999)}.00"}
            made = command(
                "place-order",
                order_id=thing.id,
                customer_id=thing.customer,
                currency=random.choice(("EUR", "CNY")),
                lines=[line],
                number=f"O {mark}",
                **whose,
            )
        case _:
            made = command(
                "open-ticket",
                ticket_id=thing.id,
                customer_id=thing.customer,
                kind="question",
                priority=random.choice(("low", "normal", "high")),
                channel="email",
                subject=f"Help {mark}",
                text=f"It is {mark} that wobbles.",
                **whose,
            )
    return dict(made)


def later_of(command: Any, thing: Thing, random: Random) -> list[dict[str, Any]]:
    """What became of a record."""
    if random.random() < 0.4:
        return []
    match thing.kind:
        case "customer":
            note = {"channel": "call", "direction": "in", "subject": f"About {thing.mark}"}
            return [
                command("log-interaction", customer_id=thing.id, **note),
                command("tag-customer", customer_id=thing.id, tag="called"),
            ]
        case "opportunity":
            return [command("change-amount", opportunity_id=thing.id, amount="77.00", currency="EUR")]
        case "order":
            invoice = {"invoice_number": f"I {thing.mark}", "amount": "1.00", "due_on": "2026-01-31"}
            return [
                command("confirm-order", order_id=thing.id),
                command("invoice-order", order_id=thing.id, **invoice),
            ]
        case _:
            return [command("change-ticket-priority", ticket_id=thing.id, priority="urgent")]
