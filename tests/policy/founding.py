"""The commands by which a made-up company comes to be what it is."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

from tests.policy.company import TARGET, Company, Thing

BEGAN, WENT_ON = "2025-0{}-15T09:00:00Z", "2025-{}-15T09:00:00Z"
"""When records began, in one of the first months of a year, and when something became of them, in one of the last."""


def stages_of(company: Company, random: Random) -> list[list[dict[str, Any]]]:
    """The commands by which it comes to be, in parts of which each rests on those before."""

    def command(called: str, /, **body: Any) -> dict[str, Any]:
        told = {key: str(value) if isinstance(value, UUID) else value for key, value in body.items()}
        return {"command": called, "body": {key: value for key, value in told.items() if value is not None}}

    people, teams, things = company.people, company.teams, list(company.things.values())
    first = [command("found-team", team_id=team.id, name=team.name) for team in teams]
    first += [command("register-user", user_id=p.id, name=f"N{p.id.hex[:8]}", email=f"{p.id.hex[:8]}@example.com")
              for p in people]  # fmt: skip
    stages = [{"label": "First", "probability": "0.3"}, {"label": "Won", "type": "won", "probability": "1"},
              {"label": "Lost", "type": "lost", "probability": "0"}]  # fmt: skip
    first += [command("amend-pipeline", stages=stages)] if company.sells_its_own_way else []
    first += [command("set-target", **TARGET)]
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
    merges = [
        command(
            "merge-customers",
            survivor_id=survivor.id,
            merged_id=merged.id,
            prefer={"owner": random.choice(("survivor", "merged"))},
        )
        for survivor, merged in company.merges
    ]
    queries = [
        command("save-query", query_id=one.id, name="how many", sql="SELECT 1 AS one", shared=one.shared)
        for one in company.queries
        if one.owner is None
    ]
    return [first, second, records, others, [one for some in later for one in some], shares, merges, queries + last]


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
    made["body"]["occurred_at"] = BEGAN.format(random.randint(1, 6))
    return dict(made)


def later_of(command: Any, thing: Thing, random: Random) -> list[dict[str, Any]]:
    """What became of a record."""
    if random.random() < 0.4:
        return []
    found = became(command, thing)
    at = WENT_ON.format(random.choice(("07", "08", "09", "10", "11", "12")))
    return [one | {"body": one["body"] | {"occurred_at": at}} for one in found]


def became(command: Any, thing: Thing) -> list[dict[str, Any]]:
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
