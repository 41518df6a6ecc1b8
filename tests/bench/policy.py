"""What the policy costs: pages of 50 customers, and a search by part of a name, as a director, a manager, a sales
representative and one to whom much was shared are shown them, and without policy and row security; of a million."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, LiteralString
from unittest.mock import patch
from uuid import UUID

import psycopg
import uvloop
from psycopg import AsyncConnection, sql

from deploy.demo.names import MARKETS, firm
from deploy.demo.names import person as somebody
from domain.customer import Customer
from domain.policy import Asker, sights
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller
from eventlog.policies import policy_of
from eventlog.row_security import READER_ROLE, begin, ended
from projections import customer_search
from projections.customer_card import CUSTOMER_CARD, CUSTOMERS
from projections.customer_search import CUSTOMER_SEARCH, parts_needed
from projections.cut import Cut
from projections.host import Host, Slot
from projections.query import Ask, Filter, Page, select
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
SHARED = 5_000
"""Every so-manieth customer is shared, with one representative or with one team."""
TURNS = 200

NOBODY: LiteralString = "00000000-0000-0000-0000-000000000000"
NUMBER: LiteralString = "(hashint4(('x' || right(o.id::text, 8))::bit(32)::integer + 100000 * k) & 2147483647)"
A_COPY: dict[str, LiteralString] = {
    "id": "md5(o.id::text || k)::uuid",
    "created_at": "o.created_at - k * interval '1 hour'",
    "updated_at": f"o.updated_at - {NUMBER} / 7 % 100000 * interval '10 seconds'",
    "owner": f"'rep-' || {NUMBER} % {OWNERS}",
    "team": f"CASE WHEN {NUMBER} / {OWNERS} % 2 = 0 THEN 'team-' || {NUMBER} % {OWNERS} / {TEAM} END",
    "shared_with": f"CASE {NUMBER} % {SHARED} WHEN 0 THEN jsonb_build_object('user:{NOBODY}', 'read')"
    f" WHEN 1 THEN jsonb_build_object('team:{NOBODY}', 'read') ELSE '{{}}' END",
}
"""What differs between a row and its k-th copy; whose it is, is as good as random."""


def names(*numbers: int) -> frozenset[str]:
    """What records call these representatives."""
    return frozenset(name for number in numbers for name in (str(UUID(int=number)), f"rep-{number}"))


def caller(*roles: str, **known: frozenset[str]) -> Caller:
    asker = Asker(frozenset(roles), **known)
    return Caller(TENANT, "somebody", kind="human", roles=asker.roles, sights=sights(policy_of(None), asker))


TEAMS = frozenset((str(UUID(int=0)), "team-0"))
CALLERS = {
    "director": caller("director", names=names(OWNERS)),
    "manager": caller("manager", names=names(OWNERS + 1), below=names(*range(TEAM)), teams=TEAMS),
    "representative": caller("sales_representative", names=names(TEAM)),
    "shared with": caller(
        "sales_representative",
        names=names(0),
        teams=TEAMS,
        parties=frozenset((f"user:{UUID(int=0)}", f"team:{UUID(int=0)}")),
    ),
}
PLAIN = Caller(TENANT, "operator")

Question = Callable[[AsyncConnection[Any], Caller], Awaitable[Page]]


def page(**asked: Any) -> Question:
    return lambda connection, caller: select(connection, caller, CUSTOMERS, Ask(**asked))


def found(text: str) -> Question:
    async def searched(connection: AsyncConnection[Any], caller: Caller) -> Page:
        # without row security there is no need of a function that passes it
        with patch.object(customer_search, "matching", matching if caller is PLAIN else customer_search.matching):
            return await customer_search.search(connection, caller, text, limit=50)

    return searched


def matching(tenant: str, terms: list[str], cut: Cut) -> sql.Composable:
    """The customers that have all of these terms, straight from their table."""
    grams = sorted({customer_search.gram_of(tenant, part) for term in terms for part in parts_needed(term)})
    return sql.SQL(
        "(SELECT p.* FROM read.customer_search p WHERE p.tenant = {} AND p.grams @> {}::integer[]"
        " AND p.searchable LIKE ALL ({}::text[]))"
    ).format(tenant, sql.Literal(grams), sql.Literal([f"%{term}%" for term in terms]))


PAGES: dict[str, Question] = {
    "latest": page(),
    "changed last": page(sort="-updated_at"),
    "by name": page(sort="name"),
    "of a class": page(filters=(Filter("tier", "eq", "gold"),)),
}
SEARCHES: dict[str, Question] = {text: found(text) for text in ("志强", "王", "müll", "yuxuan.zh", "anna schm")}


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
                self._found, self._told = self._place.child_json(MODULE, "ask", self._url), set()
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


async def ask(url: str) -> dict[str, dict[str, list[float]]]:
    """By question and caller the p95 of an answer in milliseconds, with policy and row security and without; all asked
    in turn, each in a transaction of its own, as over HTTP."""
    async with (
        await AsyncConnection.connect(url, autocommit=True, options=READER_ROLE) as guarded,
        await AsyncConnection.connect(url, autocommit=True) as free,
    ):
        told: dict[str, dict[str, list[float]]] = {}
        for what, question in (PAGES | SEARCHES).items():
            taken: dict[str, list[float]] = {name: [] for name in ("plain", *CALLERS)}
            turns = TURNS if what in PAGES else TURNS // 4
            for turn in range(turns + 3):
                for name in taken:
                    connection, caller = (guarded, CALLERS[name]) if name in CALLERS else (free, PLAIN)
                    began = time.perf_counter()
                    await begin(connection, TENANT)
                    await question(connection, caller)
                    await ended(connection)
                    if turn >= 3:  # connections, caches and plans
                        taken[name].append(time.perf_counter() - began)
            plain = quantile_ms(taken.pop("plain"), 0.95) or 0.0
            told[what] = {name: [quantile_ms(times, 0.95) or 0.0, plain] for name, times in taken.items()}
    return told


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill", url, keys]:
            uvloop.run(fill(url, Path(keys)))
            print("{}")
        case ["ask", url]:
            print(json.dumps(uvloop.run(ask(url))))
