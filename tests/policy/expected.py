"""What each route is to answer to whom: what there is to be seen, less what the rules keep from somebody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson

from api.reads import route_name
from projections import RESOURCES
from projections.customer_360 import PARTS
from projections.pipeline_board import CARD
from projections.query import Resource
from projections.timeline import TIMELINE
from tests.policy import rules
from tests.policy.company import RECORDS, Person
from tests.policy.world import Answer, World, by

FORBIDDEN, HIDDEN = (403, None), (404, None)
PASSING = {"age_days", "days_in_stage", "days_overdue", "expires_at"}
"""Columns that say how long something has been so."""
PAGING = ("cursor", "next", "left_out")


@dataclass(frozen=True)
class Case:
    """One question, and what is expected of its answer; `route` is as the API's document names it."""

    route: str
    path: str
    expect: Callable[[World, Person], Awaitable[Answer]]
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    """Of a command"""


def reads(person: Person) -> bool:
    return "read" in person.scopes


def seen(world: World, person: Person, kind: str, id: Any) -> bool:
    if kind not in (*RECORDS, "export", "user", "api_key"):
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


# -- lists, single things and their histories


def key_column(resource: Resource) -> str:
    return "opportunity_id" if resource.name == "stage_durations" else resource.key[0]


def of_list(resource: Resource, params: dict[str, str]) -> Case:
    path, kind = f"/v1/{route_name(resource)}", resource.stream

    async def expect(world: World, person: Person) -> Answer:
        if no := denied(world, person, kind):
            return no
        hidden, masked = fields(world, person, kind)
        asked = {name.partition(".")[0] for name in params if name not in ("limit", "total", "fields", "sort")}
        asked |= {params["sort"].removeprefix("-")} if "sort" in params else set()
        wanted = set(params["fields"].split(",")) if "fields" in params else set()
        if asked & (hidden | masked) or wanted & hidden:
            return FORBIDDEN
        status, raw = await world.raw(path, params | {"limit": "500"})
        if status != 200:
            return status, None
        ids = await world.rows(path, **{n: v for n, v in params.items() if n not in ("fields", "total", "limit")})
        rows = [
            row_for(world, person, kind, row)
            for row, whole in zip(raw["items"], ids, strict=True)
            if seen(world, person, kind, whole[key_column(resource)])
        ]
        return 200, {"items": rows} | ({"total": len(rows)} if "total" in params else {})

    return Case(path, path, expect, params)


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


def entry_for(world: World, person: Person, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
    hidden, masked = fields(world, person, kind)
    changes = [
        one | ({side: rules.mask(one[side]) for side in ("old", "new")} if root(one) in masked else {})
        for one in entry["changes"]
        if root(one) not in hidden
    ]
    said = rules.event_told(entry["type"], entry["fields"], hidden, masked)
    return entry | {"fields": said, "changes": changes}


def root(changed: dict[str, Any]) -> str:
    return str(changed["field"]).partition(".")[0]


def of_stream(resource: Resource, id: UUID, name: str) -> Case:
    route, kind = f"/v1/{route_name(resource)}/{{id}}/{name}", resource.stream

    async def expect(world: World, person: Person) -> Answer:
        if no := denied(world, person, kind, id):
            return no
        status, raw = await world.raw(route.replace("{id}", str(id)))
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

    return Case(route, route.replace("{id}", str(id)), expect)


def of_resources(world: World, random: Random) -> Iterator[Case]:
    kinds = set()
    for resource in RESOURCES:
        if resource is TIMELINE:
            continue
        columns = [name for name in resource.sortable if name not in PASSING]
        yield of_list(resource, {})
        yield of_list(resource, {"total": "exact", "limit": "500"})
        yield of_list(resource, {"sort": random.choice(("", "-")) + random.choice(columns)})
        yield of_list(resource, {f"{random.choice(columns)}.null": random.choice(("true", "false"))})
        named = [*resource.key, *random.sample(columns, 2)]
        yield of_list(resource, {"fields": ",".join(dict.fromkeys(named))})
        if "owner" in resource.columns:
            owners = [thing.owner for thing in world.company.of(resource.stream) if thing.owner]
            yield of_list(resource, {"owner": random.choice(owners), "total": "exact"})
        if resource.stream == "customer":
            marks = [thing.mark for thing in world.company.of("customer")]
            yield of_list(resource, {"name": f"Li {random.choice(marks)}", "total": "exact"})
        if resource.key != ("id",):
            continue
        ids = [thing.id for thing in world.company.of(resource.stream)] or [uuid4()]
        for id in (*random.sample(ids, min(len(ids), 4)), uuid4()):
            yield of_one(resource, id, {})
            yield of_one(resource, id, {"fields": f"id,{random.choice(columns)}"})
            if resource.stream not in kinds:
                for name in ("history", "blame", "diff"):
                    yield of_stream(resource, id, name)
        kinds.add(resource.stream)


# -- one customer seen whole


def of_customer(world: World, id: UUID) -> Iterator[Case]:
    def case(name: str, expect: Callable[[World, Person], Awaitable[Answer]], **params: str) -> Case:
        return Case(f"/v1/customers/{{id}}/{name}", f"/v1/customers/{id}/{name}", expect, params)

    async def timeline(world: World, person: Person) -> Answer:
        if no := denied(world, person, "customer", id):
            return no
        rows = await world.rows(f"/v1/customers/{id}/timeline")
        return 200, {"items": [happened(world, person, row) for row in rows if event_seen(world, person, row)]}

    async def replay(world: World, person: Person) -> Answer:
        if no := denied(world, person, "customer", id):
            return no
        _, raw = await world.raw(f"/v1/customers/{id}/replay", {"limit": "500"})
        steps = []
        for step in raw["steps"]:
            kind = step["kind"]
            if not seen(world, person, kind, step["id"]):
                continue
            hidden, masked = fields(world, person, kind)
            state = {
                name: rules.mask(value) if name.partition(".")[0] in masked else value
                for name, value in step["state"].items()
                if name.partition(".")[0] not in hidden
            }
            steps.append(step | {"entry": entry_for(world, person, kind, step["entry"]), "state": state})
        return 200, {"steps": steps}

    async def duplicates(world: World, person: Person) -> Answer:
        if no := comparing(world, person):
            return no
        if not seen(world, person, "customer", id):
            return HIDDEN
        _, raw = await world.raw(f"/v1/customers/{id}/duplicates", {"min_score": "0.1"})
        return 200, {"items": pairs(world, person, raw["items"])}

    async def scores(world: World, person: Person) -> Answer:
        return denied(world, person, "customer", id) or await world.raw(f"/v1/customers/{id}/scores")

    async def all_sides(world: World, person: Person) -> Answer:
        return denied(world, person, "customer", id) or (200, await sides(world, person, id))

    yield case("timeline", timeline, limit="500")
    yield case("replay", replay, limit="500")
    yield case("duplicates", duplicates, min_score="0.1")
    yield case("scores", scores)
    yield case("360", all_sides)


def event_seen(world: World, person: Person, row: dict[str, Any]) -> bool:
    return seen(world, person, row["stream_type"], row["stream_id"])


def happened(world: World, person: Person, row: dict[str, Any]) -> dict[str, Any]:
    hidden, masked = fields(world, person, row["stream_type"])
    return row | {"fields": rules.event_told(row["type"], row["fields"], hidden, masked)}


def comparing(world: World, person: Person) -> Answer | None:
    no = denied(world, person, "customer")
    return no or (FORBIDDEN if rules.restricted(world.company, person, "customer") & rules.COMPARED else None)


def pairs(world: World, person: Person, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    shown = [pair for pair in found if all(seen(world, person, "customer", one["id"]) for one in pair["customers"])]
    return [
        pair | {"customers": [row_for(world, person, "customer", one) for one in pair["customers"]]} for pair in shown
    ]


async def sides(world: World, person: Person, id: UUID) -> dict[str, Any]:
    async def of(path: str, kind: str) -> list[dict[str, Any]]:
        rows = await world.rows(path)
        mine = [row for row in rows if row["customer_id"] == str(id) and seen(world, person, kind, row["id"])]
        hidden, masked = fields(world, person, kind)
        return [rules.row_worked_with(row, hidden | masked) for row in mine]

    _, card = await world.raw(f"/v1/customers/{id}")
    opportunities, orders = await of("/v1/opportunities", "opportunity"), await of("/v1/orders", "order")
    tickets, owed = await of("/v1/tickets", "ticket"), await of("/v1/receivables", "order")
    open_ones = [row for row in opportunities if row["stage_type"] == "open"]
    closed = [row for row in opportunities if row["stage_type"] != "open"]
    parts: dict[str, Any] = {"card": row_for(world, person, "customer", card)}
    for name, rows in (
        ("open_opportunities", open_ones),
        ("closed_opportunities", closed),
        ("orders", orders),
        ("tickets", tickets),
    ):
        resource, columns, _, most = PARTS[name]
        hidden, masked = fields(world, person, resource.stream)
        whole = {row["id"]: row for row in await world.rows(f"/v1/{resource.name}")}
        parts[name] = [
            rules.row_told({column: whole[row["id"]][column] for column in columns}, hidden, masked)
            for row in rows[:most]
        ]
    parts["opportunity_totals"] = [
        {
            "outcome": outcome,
            "currency": currency,
            "count": len(rows),
            "amount": total(rows, "amount"),
            "weighted_amount": total(rows, "weighted_amount") if outcome == "open" else None,
        }
        for (outcome, currency), rows in ordered(by(opportunities, "stage_type", "currency"))
    ]
    parts["order_totals"] = [
        {
            "currency": currency,
            "count": len(rows),
            "total": total([row for row in rows if row["state"] != "cancelled"], "total"),
            **{name: total(rows, name) for name in ("paid", "refunded", "outstanding", "owed_back")},
            "last_at": max(row["created_at"] for row in rows),
        }
        for (currency,), rows in ordered(by(orders, "currency"))
    ]
    parts["ticket_totals"] = [
        {"state": state, "count": len(rows), "average_score": None} for (state,), rows in ordered(by(tickets, "state"))
    ]
    parts["receivables"] = ageing_of(owed)
    latest = await world.rows(f"/v1/customers/{id}/timeline")
    parts["timeline"] = [happened(world, person, row) for row in latest if event_seen(world, person, row)][:10]
    return parts


def ordered(groups: dict[tuple[Any, ...], Any]) -> list[tuple[tuple[Any, ...], Any]]:
    return sorted(groups.items(), key=lambda group: [(part is None, part or "") for part in group[0]])


def total(rows: Iterable[dict[str, Any]], column: str) -> str | None:
    values = [Decimal(row[column]) for row in rows if row[column] is not None]
    return format(sum(values), "f") if values else None


def ageing_of(owed: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    owing = [row for row in owed if row["outstanding"] is not None and Decimal(row["outstanding"]) > 0]
    for (currency,), rows in ordered(by(owing, "currency")):
        sums = dict.fromkeys(("not_due", "days_1_30", "days_31_60", "days_61_90", "days_over_90"), Decimal(0))
        for invoice in (invoice for row in rows for invoice in row["invoices"]):
            days = (datetime.now(UTC).date() - date.fromisoformat(invoice["due_on"])).days
            sums[age(days)] += Decimal(invoice["outstanding"])
        whole = {name: format(value, "f") for name, value in sums.items()}
        found.append({"currency": currency} | whole | {"outstanding": format(sum(sums.values()), "f")})
    return found


def age(days: int) -> str:
    if days <= 0:
        return "not_due"
    return next((name for name, most in (("days_1_30", 30), ("days_31_60", 60), ("days_61_90", 90)) if days <= most),
                "days_over_90")  # fmt: skip


# -- what goes across records


def across(world: World, random: Random) -> Iterator[Case]:
    async def search(world: World, person: Person) -> Answer:
        if no := denied(world, person, "customer"):
            return no
        if rules.restricted(world.company, person, "customer") & rules.SEARCHED:
            return FORBIDDEN
        _, raw = await world.raw("/v1/customers/search", {"q": sought, "limit": "500"})
        rows = [row for row in raw["items"] if seen(world, person, "customer", row["id"])]
        return 200, {"items": [row_for(world, person, "customer", row) for row in rows]}

    async def all_pairs(world: World, person: Person) -> Answer:
        if no := comparing(world, person):
            return no
        _, raw = await world.raw("/v1/duplicates", {"min_score": "0.1", "limit": "500"})
        return 200, {"items": pairs(world, person, raw["items"])}

    async def events(world: World, person: Person) -> Answer:
        if not reads(person):
            return FORBIDDEN
        _, raw = await world.raw("/v1/events", {"limit": "1000"})
        told = []
        for event in raw["events"]:
            if seen(world, person, event["stream"], event["stream_id"]):
                hidden, masked = fields(world, person, event["stream"])
                told.append(event | {"data": rules.event_told(event["type"], event["data"], hidden, masked)})
        return 200, {"events": told}

    async def ageing(world: World, person: Person) -> Answer:
        if no := denied(world, person, "order"):
            return no
        rows = [row for row in await world.rows("/v1/receivables") if seen(world, person, "order", row["id"])]
        return 200, {"currencies": ageing_of(rows)}

    async def board(world: World, person: Person) -> Answer:
        if no := denied(world, person, "opportunity"):
            return no
        hidden, masked = fields(world, person, "opportunity")
        rows = [
            row
            for row in await world.rows("/v1/opportunities")
            if row["stage_type"] == "open" and seen(world, person, "opportunity", row["id"])
        ]
        nulled = {row["id"]: rules.row_worked_with(row, hidden | masked) for row in rows}
        rows.sort(key=lambda row: (-Decimal(nulled[row["id"]]["amount"] or "-1"), row["id"]))
        stages = {}
        for (stage,), some in by(rows, "stage").items():
            values = [nulled[row["id"]] for row in some]
            worth = [
                {
                    "currency": currency,
                    "count": len(group),
                    "amount": total(group, "amount"),
                    "weighted_amount": total(group, "weighted_amount"),
                }
                for (currency,), group in ordered(by(values, "currency"))
            ]
            cards = [{name: row[name] for name in CARD} for row in some]
            stages[stage] = {
                "count": len(some),
                "worth": worth,
                "opportunities": [rules.row_told(card, hidden, masked) for card in cards],
            }
        return 200, stages

    sought = random.choice(("王", "Li", "example", "M", "139"))
    yield Case("/v1/customers/search", "/v1/customers/search", search, {"q": sought, "limit": "500"})
    yield Case("/v1/duplicates", "/v1/duplicates", all_pairs, {"min_score": "0.1", "limit": "500"})
    yield Case("/v1/events", "/v1/events", events, {"limit": "1000"})
    yield Case("/v1/receivables/ageing", "/v1/receivables/ageing", ageing)
    yield Case("/v1/pipeline", "/v1/pipeline", board, {"limit": "500"})


def of_opportunity(id: UUID) -> Iterator[Case]:
    for name in ("stages", "scores"):
        path = f"/v1/opportunities/{id}/{name}"

        async def expect(world: World, person: Person, path: str = path) -> Answer:
            return denied(world, person, "opportunity", id) or await world.raw(path)

        yield Case(f"/v1/opportunities/{{id}}/{name}", path, expect)


def of_files(world: World, random: Random) -> Iterator[Case]:
    for id in (*world.exports, uuid4()):
        path = f"/v1/exports/{id}/file"

        async def expect(world: World, person: Person, id: UUID = id) -> Answer:
            if no := denied(world, person, "export", id):
                return no
            asker = world.exports[id]
            rows = await world.rows("/v1/customers")
            mine = [row for row in rows if seen(world, asker, "customer", row["id"])]
            return 200, sorted((row_for(world, asker, "customer", row) for row in mine), key=lambda row: row["id"])

        yield Case("/v1/exports/{id}/file", path, expect)
    for name in ("done", "failed", "not-processed", "kept"):
        nothing = uuid4()

        async def none(world: World, person: Person) -> Answer:
            return denied(world, person, "import") or HIDDEN

        route = f"/v1/imports/{{id}}/results/{name}.csv"
        yield Case(route, route.replace("{id}", str(nothing)), none)

    async def no_run(world: World, person: Person) -> Answer:
        return denied(world, person, "scoring_run") or HIDDEN

    for name in ("scores", "calibration.svg", "calibration.html"):
        yield Case(f"/v1/scoring-runs/{{id}}/{name}", f"/v1/scoring-runs/{uuid4()}/{name}", no_run)

    async def queries(world: World, person: Person) -> Answer:
        return denied(world, person, "saved_query") or (200, {"items": []})

    async def no_query(world: World, person: Person) -> Answer:
        return denied(world, person, "saved_query") or HIDDEN

    yield Case("/v1/saved-queries", "/v1/saved-queries", queries)
    for name in ("", "/runs", "/answer"):
        yield Case(f"/v1/saved-queries/{{id}}{name}", f"/v1/saved-queries/{uuid4()}{name}", no_query)


def of_itself(world: World, random: Random) -> Iterator[Case]:
    async def me(world: World, person: Person) -> Answer:
        return 200, None

    async def auditing(world: World, person: Person) -> Answer:
        return denied(world, person, "access") or (200, None)

    async def explained(world: World, person: Person) -> Answer:
        return denied(world, person, "user", about.id) or (200, None)

    about = random.choice(world.company.people)
    yield Case("/v1/me", "/v1/me", me)
    yield Case("/v1/access/log", "/v1/access/log", auditing)
    yield Case("/v1/access/explain", "/v1/access/explain", explained, {"actor": str(about.id)})


def of_figures(routes: Iterable[str]) -> Iterator[Case]:
    """Whether they are told at all: there is nothing in this lakehouse, if there is one."""
    for route in routes:
        if not route.startswith("/v1/analytics/"):
            continue

        async def expect(world: World, person: Person, view: str = route.split("/")[3]) -> Answer:
            may = reads(person) and rules.sees_figures(world.company, person, view)
            return (200, None) if may else FORBIDDEN

        yield Case(route, route, expect)

    async def what_there_is(world: World, person: Person) -> Answer:
        return denied(world, person, "analytics") or (200, None)

    yield Case("/v1/analytics", "/v1/analytics", what_there_is)


def of_commands(world: World, random: Random) -> Iterator[Case]:
    """Each record is handed to whom it belongs already: that changes nothing, and only who may change it may ask."""
    for thing in random.sample([t for t in world.company.things.values() if t.kind in RECORDS], 6):

        async def expect(world: World, person: Person, id: UUID = thing.id, kind: str = thing.kind) -> Answer:
            company = world.company
            record = rules.record_of(company, kind, id)
            assert record is not None
            if "write" not in person.scopes or rules.scope_of(company, person, kind, "write") is None:
                return FORBIDDEN
            if not rules.sees(company, person, record):
                return HIDDEN
            return (200, None) if rules.sees(company, person, record, "write") else FORBIDDEN

        whose = {f"{thing.kind}_id": str(thing.id), "owner": thing.owner, "team": thing.team}
        route = f"/v1/commands/assign-{thing.kind}"
        yield Case(route, route, expect, body=whose)


def cases(world: World, routes: Iterable[str], random: Random) -> list[Case]:
    """Questions to every route, about some of all there is."""
    routes = list(routes)
    found = [*of_resources(world, random), *across(world, random), *of_files(world, random), *of_itself(world, random)]
    found += [*of_figures(routes), *of_commands(world, random)]
    customers = [thing.id for thing in world.company.of("customer")]
    for id in (*random.sample(customers, 4), uuid4()):
        found += of_customer(world, id)
    opportunities = [thing.id for thing in world.company.of("opportunity")]
    for id in (*random.sample(opportunities, 3), uuid4()):
        found += of_opportunity(id)
    return found


def told(case: Case, status: int, body: Any) -> Any:
    """What of an answer is compared."""
    if status != 200 or body is None:
        return None
    if case.route.endswith("/file"):
        rows = [orjson.loads(line) for line in body.splitlines()]
        rows = [{name: value for name, value in row.items() if name not in PASSING} for row in rows]
        return sorted(rows, key=lambda row: row["id"])
    if case.route == "/v1/pipeline":
        columns = {one["stage"]: one for one in body["stages"] if one["count"]}
        kept = ("count", "worth", "opportunities")
        return {stage: {name: one[name] for name in kept} for stage, one in columns.items()}
    if not isinstance(body, dict):
        return body
    return without_passing({name: value for name, value in body.items() if name not in PAGING})


def without_passing(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_passing(part) for name, part in value.items() if name not in PASSING}
    return [without_passing(part) for part in value] if isinstance(value, list) else value
