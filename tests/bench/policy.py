"""What the policy costs: pages of 50 customers, and a search by part of a name, as a director, a manager, a sales
representative and one to whom much was shared are shown them, and without policy and row security; of a million."""

from __future__ import annotations

import json
import random
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, LiteralString
from unittest.mock import patch
from urllib.parse import quote
from uuid import UUID

import psycopg
import uvloop
from fastapi import FastAPI
from psycopg import sql
from starlette.types import Message, Scope

import api.kronika
from api.app import create_app
from api.door import visit
from deploy.demo.names import MARKETS, firm
from deploy.demo.names import person as somebody
from deploy.serving import log_as_lines
from deploy.settings import Settings
from domain.customer import Customer
from domain.policy import Asker, sights
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller
from eventlog.policies import policy_of
from projections import customer_search
from projections.customer_card import CUSTOMER_CARD
from projections.customer_search import CUSTOMER_SEARCH
from projections.cut import Cut
from projections.host import Host
from projections.slot import Slot
from tests.bench.copying import without_indexes
from tests.bench.measure import Benchmark, Reading, Side, quantile_ms
from tests.bench.place import PARTITIONS, TENANT, Place
from tests.bench.workload import all_at_once, customer_ids, know, opened
from workers.lifetime import connected

MODULE = "tests.bench.policy"  # also when it is run as __main__
CUSTOMERS_IN_ALL = 1_000_000
PEOPLE = 5_000
"""What goes through the log and the projections; the rest are copies of it under other ids."""
OWNERS, TEAM = 500, 10
"""So many sales representatives, in teams of so many; half of all customers are their team's, too."""
SHARED = 10_000
"""Every so-manieth customer is shared, with one representative or with one team."""
TURNS, UNTOLD = 400, 10
"""The first ones make connections, caches and plans."""
FEWER, LONG_S = 60, 15.0
"""Of what takes long enough so many turns do, as many as there is time for."""

NOBODY: LiteralString = "00000000-0000-0000-0000-000000000000"
NUMBER: LiteralString = "(hashint4(('x' || right(o.id::text, 8))::bit(32)::integer + 100000 * k) & 2147483647)"
A_COPY: dict[str, LiteralString] = {
    "id": "md5(o.id::text || k)::uuid",
    "created_at": "o.created_at - k * interval '1 hour'",
    "updated_at": f"o.updated_at - {NUMBER} / 7 % 100000 * interval '10 seconds'",
    "last_interaction_at": f"CASE WHEN {NUMBER} / 11 % 3 > 0 THEN"
    f" o.created_at + {NUMBER} / 13 % 100000 * interval '10 seconds' END",
    "owner": f"'rep-' || {NUMBER} % {OWNERS}",
    "team": f"CASE WHEN {NUMBER} / {OWNERS} % 2 = 0 THEN 'team-' || {NUMBER} % {OWNERS} / {TEAM} END",
    "shared_with": f"CASE {NUMBER} % {SHARED} WHEN 0 THEN jsonb_build_object('user:{NOBODY}', 'read')"
    f" WHEN 1 THEN jsonb_build_object('team:{NOBODY}', 'read') ELSE '{{}}' END",
}
"""What differs between a row and its k-th copy; whose it is, is as good as random."""


def names(*numbers: int) -> frozenset[str]:
    """What records call these representatives."""
    return frozenset(name for number in numbers for name in (str(UUID(int=number)), f"rep-{number}"))


def caller(role: str, number: int, **known: frozenset[str]) -> Caller:
    parties = frozenset([f"user:{UUID(int=number)}", *(f"team:{NOBODY}" for _ in known.get("teams", ()))])
    asker = Asker(frozenset([role]), names(number), parties=parties, **known)
    decided = sights(policy_of(None), asker)
    return Caller(TENANT, "somebody", kind="human", roles=asker.roles, sights=decided)


NORTH = frozenset((NOBODY, "team-0"))
CALLERS = {
    "director": caller("director", OWNERS),
    "manager": caller("manager", OWNERS + 1, below=names(*range(TEAM)), teams=NORTH),
    "representative": caller("sales_representative", TEAM),
    "shared with": caller("sales_representative", 0, teams=NORTH),
}
"""A manager sees a fiftieth of all, a representative a five-hundredth; to the last so many were shared, too."""
PLAIN = Caller(TENANT, "operator")

PAGES = {
    "latest": "/v1/customers?limit=50",
    "of a class": "/v1/customers?limit=50&tier=gold",
    "the oldest": "/v1/customers?limit=50&sort=created_at",
    "changed last": "/v1/customers?limit=50&sort=-updated_at",
    "by name": "/v1/customers?limit=50&sort=name",
    "long not talked to": "/v1/customers?limit=50&sort=last_interaction_at",
}
PARTS = ("志强", "王", "müll", "王志强", "anna web")
SEARCHES = {text: f"/v1/customers/search?limit=50&q={quote(text)}" for text in PARTS}


def matching(reading: int, cut: Cut) -> sql.Composable:
    """The customers that have all that is looked for, straight from their table: without row security there is no need
    of a function that passes it."""
    return sql.SQL(
        "(SELECT p.* FROM read.customer_search p WHERE p.tenant = {} AND p.grams @> {}::integer[]"
        " AND p.searchable LIKE ALL ({}::text[]))"
    ).format(TENANT, sql.Placeholder(f"parts_{reading}"), sql.Placeholder(f"patterns_{reading}"))


PLAINLY: dict[str, Any] = {"matching": matching, "worded_now": cache(customer_search.worded_now.__wrapped__)}
"""What searching is without row security."""


def benchmarks(place: Place, customers: int = CUSTOMERS_IN_ALL) -> list[Benchmark]:
    both = Both(place, customers)
    return [
        Benchmark(
            f"policy_{what}_vs_plain",
            f"p95 of {meaning} of {customers:,} customers under policy and row security; the same without",
            both.side(what, "shown", 0),
            both.side(what, "plain", 1),
            1.3,
            at_most=True,
        )
        for what, meaning in (("page", "a page of 50"), ("search", "a search by part of a name"))
    ]


class Both:
    """All questions of all callers, asked in turn with and without; anew whenever one side is asked a second time. What
    counts is the caller to whom the policy costs most."""

    def __init__(self, place: Place, customers: int) -> None:
        self._place, self._customers = place, customers
        self._found: dict[str, dict[str, list[float]]] = {}
        self._told: set[str] = set()

    def side(self, what: str, how: str, number: int) -> Side:
        def take() -> Reading:
            name = f"{what} {how}"
            if name in self._told or not self._found:
                self._found, self._told = self._place.child_json(MODULE, "ask", self._url, self._place.keys), set()
            self._told.add(name)
            asked = SEARCHES if what == "search" else PAGES
            costs = {f"{question}, {who}": cost for question in asked for who, cost in self._found[question].items()}
            worst = max(costs.values(), key=lambda cost: cost[0] / cost[1])
            told = ", ".join(f"{kind} {shown / plain:.2f}" for kind, (shown, plain) in costs.items())
            return Reading(worst[number], note=told if how == "shown" else "")

        return Side(f"policy_{what}_{how}", take, unit=" ms")

    @cached_property
    def _url(self) -> str:
        place = self._place
        url = place.migrated()
        place.tell(f"filling in {self._customers:,} customers")
        place.child_json(MODULE, "fill", url, place.keys)
        with psycopg.connect(url, autocommit=True) as connection:
            multiply(connection, self._customers // PEOPLE)
        return url


def multiply(connection: psycopg.Connection[Any], times: int) -> None:
    """Make `times` of each customer, by SQL over whole tables; indexes are made anew afterwards."""
    for projection in (CUSTOMER_CARD, CUSTOMER_SEARCH):
        name = f"read.{projection.name}"
        with without_indexes(connection, name):
            copied = [
                sql.SQL(A_COPY[column]) if column in A_COPY else sql.Identifier("o", column)
                for column in projection.table.columns
            ]
            connection.execute(
                sql.SQL(
                    "INSERT INTO {table} ({columns}) SELECT {copied} FROM generate_series({n}, 1, -1) k, {table} o"
                ).format(
                    table=sql.Identifier(*name.split(".")),
                    columns=sql.SQL(", ").join(map(sql.Identifier, projection.table.columns)),
                    copied=sql.SQL(", ").join(copied),
                    n=sql.Literal(times - 1),
                )
            )
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


# -- what is done, each in a process of its own


async def fill(url: str, keys: Path) -> None:
    chance, now = random.Random(1), datetime.now(UTC) - timedelta(days=1)

    def registered(id: UUID) -> Customer:
        one, market = Customer(id, now), chance.choice(MARKETS)
        named = somebody(chance, market)
        if chance.random() < 0.3:
            named, _ = firm(chance, market, chance.choice(market.places))
        address = f"{named.mailbox}.{id.int % 2**32}@example.com"
        one.register("person", named.name, emails=[address], tier=chance.choice(("gold", "silver", "bronze")))
        return one

    async with opened(url, keys) as log, connected(url) as writing, connected(url) as reading:
        people = customer_ids(PEOPLE)
        await know(log, people)
        await all_at_once(log, map(registered, people))
        host = Host(writing, [Slot(CUSTOMER_CARD), Slot(CUSTOMER_SEARCH)])
        await host.claim(range(PARTITIONS))
        async for events in feed.everything(reading, Codec(log.keys)):
            await host.apply(events)


async def ask(url: str, keys: Path) -> dict[str, dict[str, list[float]]]:
    """By question and caller the p95 of whole answers of the API, the network left out, in milliseconds: with policy
    and row security, and without; all asked in turn."""
    at = Settings(home=keys.parent, keys_path=keys, database_url=url, log_level="error", key_rate=1e9, tenant_rate=1e9)
    log_as_lines("error")
    guarded, free = create_app(at), create_app(at)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(guarded.router.lifespan_context(guarded))
        with patch.object(api.kronika, "READER_ROLE", ""):
            await stack.enter_async_context(free.router.lifespan_context(free))
        told: dict[str, dict[str, list[float]]] = {}
        for what, path in (PAGES | SEARCHES).items():
            taken: dict[str, list[float]] = {name: [] for name in ("plain", *CALLERS)}
            until = time.perf_counter() + LONG_S
            for turn in range(TURNS + UNTOLD):
                if turn > FEWER + UNTOLD and time.perf_counter() > until:
                    break
                for name in taken:
                    began = time.perf_counter()
                    if name in CALLERS:
                        await answered(guarded, path, CALLERS[name])
                    else:
                        with patch.multiple(customer_search, **PLAINLY):
                            await answered(free, path, PLAIN)
                    if turn >= UNTOLD:
                        taken[name].append(time.perf_counter() - began)
            plain = quantile_ms(taken.pop("plain"), 0.95) or 0.0
            told[what] = {name: [quantile_ms(times, 0.95) or 0.0, plain] for name, times in taken.items()}
    return told


async def answered(app: FastAPI, path: str, caller: Caller) -> None:
    """One request of this caller, whoever it is."""
    status = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    async def calling(scope: Scope) -> Caller:
        visit(scope).caller = caller
        return caller

    address, _, query = path.partition("?")
    scope = {
        **{"type": "http", "method": "GET", "http_version": "1.1", "scheme": "http", "headers": [], "root_path": ""},
        **{"path": address, "raw_path": address.encode(), "query_string": query.encode()},
        **{"server": ("bench", 80), "client": ("bench", 1), "app": app, "state": {}},
    }
    with patch.object(app.state.kronika.callers, "calling", calling):
        await app(scope, receive, send)
    assert status == [200], (path, status)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill", url, keys]:
            uvloop.run(fill(url, Path(keys)))
            print("{}")
        case ["ask", url, keys]:
            print(json.dumps(uvloop.run(ask(url, Path(keys)))))
