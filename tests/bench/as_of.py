"""What was beside what is: pages of lists, the board and a view as of past moments, in a company of two years."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import uvloop
from psycopg import AsyncConnection, sql

from deploy.demo.filling import fill
from deploy.demo.history import company
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller
from eventlog.keys import NobodysKeys
from projections import TABLES
from projections.analytics.intake import Intake
from projections.analytics.lake import Lake, prepare
from projections.analytics.views import Funnel, Revenue, ServiceCycles, View
from projections.as_of import listed, settled
from projections.asking import Ask, Filter
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut
from projections.host import Host
from projections.opportunities import OPPORTUNITIES
from projections.orders import ORDERS
from projections.pipeline_board import board
from projections.resource import Resource
from projections.slot import Slot
from projections.tickets import TICKETS
from tests.bench.copying import without_indexes
from tests.bench.measure import Benchmark, Reading, Side
from tests.bench.place import PARTITIONS, Place
from tests.bench.workload import opened
from workers.lifetime import connected

MODULE = "tests.bench.as_of"  # also when it is run as __main__
EVENTS = 100_000
SEED, UNTIL, SCALE = 7, date(2026, 6, 30), 0.15
DEMO = Caller("demo", "bench")
TIMES = 15
COPIED = ("customers", "opportunities", "orders", "tickets", "pipelines", "stage_durations")

MOMENT: LiteralString = (
    "CASE WHEN {column} < '9999-01-01+00' THEN {column} + copy.k * interval '1 minute' ELSE {column} END"
)
POSITION: LiteralString = "(SELECT r.n FROM public.ranks r WHERE r.position = {column} AND r.k = copy.k)"
A_COPY: dict[str, LiteralString] = {
    **dict.fromkeys(
        ("id", "stream_id", "subject_id", "event_id", "customer_id", "opportunity_id", "order_id"),
        "md5({column}::text || copy.k)::uuid",
    ),
    **dict.fromkeys(("position", "known_from"), POSITION),
    **dict.fromkeys(("known_to", "believed_to"), "coalesce(" + POSITION + ", {column})"),
    "number": "{column} || '-' || copy.k",
}
"""What differs between a row and its k-th copy: everything happens and is learned k minutes later."""

WORKED_OUT: dict[str, LiteralString] = {
    "stood": "least(11, (length(ltrim(greatest(c.believed_to - c.known_from, 0)::bit(64)::text, '0')) + 2) / 3)"
}
"""What follows from the rest of a copy: its positions are further apart. As `projections.past.class_of` has it."""

LEARNED_AT_ONCE = """
UPDATE log.events e SET recorded_at = n.at
  FROM (SELECT position, max(occurred_at) OVER (ORDER BY position) AS at FROM log.events) n
 WHERE n.position = e.position
"""
"""Has the log learn of everything when it happened, as in all those years it would have."""

RANKS = """
CREATE TABLE public.ranks AS
SELECT e.position, copy.k, row_number() OVER (ORDER BY e.recorded_at + copy.k * interval '1 minute', position, k) AS n
  FROM log.events e CROSS JOIN generate_series(0, {}) AS copy(k)
"""
"""The position of each copy of an event."""

PAGES: dict[str, tuple[Resource, Ask]] = {
    "customers by name": (CUSTOMERS, Ask(sort="name")),
    "customers of a class": (CUSTOMERS, Ask((Filter("tier", "eq", "consumer"),))),
    "latest sales": (OPPORTUNITIES, Ask()),
    "largest sales": (OPPORTUNITIES, Ask(sort="-amount")),
    "latest orders": (ORDERS, Ask()),
    "orders changed last": (ORDERS, Ask(sort="-updated_at")),
    "closed orders": (ORDERS, Ask((Filter("state", "eq", "closed"),))),
    "ticket queue": (TICKETS, Ask(sort="queue_place")),
    "open tickets": (TICKETS, Ask((Filter("state", "eq", "open"),))),
}
PARTS = (0.1, 0.35, 0.6, 0.85)
"""Where in the log the moments lie that are asked about, on either clock."""


def benchmarks(place: Place, events: int = EVENTS) -> list[Benchmark]:
    filled = Filled(place, events)
    pages = Pages(lambda: place.child_json(MODULE, "pages", filled.url, filled.lake))

    def measured(what: str) -> tuple[Side, Side]:
        then, now = (
            Side(name, lambda name=name: place.child(MODULE, name, filled.url, filled.lake), unit=" ms")  # type: ignore[misc]  # its default binds the loop's name
            for name in (f"{what}_then", f"{what}_now")
        )
        return then, now

    return [
        Benchmark(
            f"as_of_{what}_vs_live",
            f"{meaning} as of a past moment, {events:,} events; the same now",
            *sides,
            bound,
            at_most=True,
        )
        for what, meaning, sides, bound in (
            ("page", "a page of a list, mean of all kinds", pages.sides("page"), 3),
            ("worst_page", "a page of the worst kind at the worst moment", pages.sides("worst_page"), 3),
            ("pipeline", "the pipeline board", measured("pipeline"), 3),
            ("view", "a view of the lakehouse", measured("view"), 2),
        )
    ]


class Pages:
    """Pages of all kinds, each now and then, as one process has measured them side by side; measured anew whenever one
    side is asked a second time."""

    def __init__(self, measure: Callable[[], dict[str, list[float]]]) -> None:
        self._measure = measure
        self._found: dict[str, list[float]] = {}
        self._told: set[str] = set()

    def sides(self, which: str) -> tuple[Side, Side]:
        return (
            Side(f"{which}_then", lambda: self._reading(which, "then"), unit=" ms"),
            Side(f"{which}_now", lambda: self._reading(which, "now"), unit=" ms"),
        )

    def _reading(self, which: str, when: str) -> Reading:
        side = f"{which} {when}"
        if side in self._told or not self._found:
            self._found, self._told = self._measure(), set()
        self._told.add(side)
        if which == "worst_page":
            worst = max(self._found, key=lambda kind: max(self._found[kind][1:]) / self._found[kind][0])
            now, *then = self._found[worst]
            return Reading(now if when == "now" else max(then), note=worst)
        costs = {kind: now if when == "now" else statistics.mean(then) for kind, (now, *then) in self._found.items()}
        told = ", ".join(f"{kind} {one:.1f}" for kind, one in costs.items())
        return Reading(statistics.mean(costs.values()), note=told)


class Filled:
    """A company's two years, many times over; made when first needed."""

    def __init__(self, place: Place, events: int) -> None:
        self._place, self._events = place, events
        self.lake = str(place.home / "lake as of")

    @cached_property
    def url(self) -> str:
        place = self._place
        url = place.migrated()
        place.tell("recording two years of a company, and their past")
        place.child_json(MODULE, "record", url, place.keys)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(LEARNED_AT_ONCE)
            place.child_json(MODULE, "project", url, place.keys)
            row = connection.execute("SELECT count(*) FROM log.events").fetchone()
            assert row is not None
            began = time.monotonic()
            multiply(connection, max(1, round(self._events / row[0])), place.tell)
        place.tell(f"copied in {time.monotonic() - began:,.0f} s; into the lakehouse")
        place.child_json(MODULE, "analyse", url, self.lake)
        return url


def multiply(connection: psycopg.Connection[Any], times: int, tell: Callable[[str], None]) -> None:
    """Make `times` of what is there, by SQL over whole tables; indexes are made anew afterwards."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(sql.SQL(RANKS).format(times - 1))
    connection.execute("ALTER TABLE public.ranks ADD PRIMARY KEY (position, k)")
    tables = ["log.events", *(f"read.{table.name}" for table in TABLES if table.name.removesuffix("_past") in COPIED)]
    for name in tables:
        tell(f"copying {name}")
        table = sql.Identifier(*name.split("."))
        with without_indexes(connection, name):
            columns = connection.execute(
                "SELECT attname, atttypid = 'timestamptz'::regtype FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                [name],
            ).fetchall()
            copied = [
                sql.SQL("{} AS {}").format(
                    sql.SQL(MOMENT if moment else A_COPY.get(column, "{column}")).format(
                        column=sql.Identifier("o", column)
                    ),
                    sql.Identifier(column),
                )
                for column, moment in columns
            ]
            whole = [
                sql.SQL(WORKED_OUT[column]) if column in WORKED_OUT else sql.Identifier("c", column)
                for column, _ in columns
            ]
            connection.execute(sql.SQL("CREATE TEMP TABLE originals AS SELECT * FROM {}").format(table))
            connection.execute(sql.SQL("TRUNCATE {}").format(table))
            connection.execute(
                sql.SQL(
                    "INSERT INTO {} SELECT {} FROM"
                    " (SELECT {} FROM originals o CROSS JOIN generate_series(0, {}) AS copy(k)) c"
                ).format(table, sql.SQL(", ").join(whole), sql.SQL(", ").join(copied), times - 1)
            )
            connection.execute("DROP TABLE originals")
    connection.execute("DROP TABLE public.ranks")
    tell("vacuuming")
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


# -- what is done, each in a process of its own


async def record(url: str, keys: str) -> None:
    async with opened(url, Path(keys)) as log:
        await fill(log, DEMO, list(company(SEED, UNTIL, SCALE)))


async def project(url: str, keys: str) -> None:
    async with opened(url, Path(keys)) as log, connected(url) as writing, connected(url) as reading:
        host = Host(writing, [Slot(table) for table in TABLES])
        await host.claim(range(PARTITIONS))
        async for page in feed.everything(reading, Codec(log.keys)):
            await host.apply(page)


async def analyse(url: str, lake: str) -> None:
    prepare(url, lake)
    facts = Intake(Lake.open(url, lake))
    await facts.claim(range(PARTITIONS))
    async with connected(url) as reading:
        async for page in feed.everything(reading, Codec(NobodysKeys()), limit=20_000):
            await facts.apply(page)
            await facts.commit()
    await facts.run(facts.lake.tidy)
    await facts.close()


async def moments(connection: AsyncConnection[Any]) -> list[Cut]:
    """Those asked about, on each clock; as an API settles them."""
    cuts = []
    for part in PARTS:
        cursor = await connection.execute(
            "SELECT position, recorded_at FROM log.events"
            " WHERE position = (SELECT (max(position) * %s)::bigint FROM log.events)",
            [part],
        )
        position, moment = await cursor.fetchone() or (0, None)
        cuts += [Cut(moment), await settled(connection, Cut(None, position))]
    return cuts


async def pages(url: str) -> dict[str, list[float]]:
    """By kind, what a page costs now, and at each of the moments."""
    async with connected(url) as connection:
        cuts = [NOW, *await moments(connection)]
        return {
            name: await costs(lambda cut, r=resource, a=ask: listed(connection, DEMO, r, a, cut), cuts)  # type: ignore[misc]  # its default binds the loop's name
            for name, (resource, ask) in PAGES.items()
        }


async def pipeline(url: str, then: bool) -> Reading:
    async with connected(url) as connection:
        cuts = await moments(connection) if then else [NOW]
        found = await costs(lambda cut: board(connection, DEMO, cut=cut), cuts)
    return Reading(statistics.mean(found), note=" ".join(f"{one:.0f}" for one in found))


async def costs(ask: Callable[[Cut], Awaitable[object]], cuts: list[Cut]) -> list[float]:
    """Milliseconds by cut, the median of many, asked in turn: what else the machine does strikes all of them alike."""
    taken: list[list[float]] = [[] for _ in cuts]
    for number in range(TIMES):
        for one, cut in zip(taken, cuts, strict=True):
            asked = another(cut, number)
            began = time.perf_counter()
            await ask(asked)
            one.append((time.perf_counter() - began) * 1000)
    return [statistics.median(one) for one in taken]


def another(cut: Cut, number: int) -> Cut:
    """A moment beside it: nobody asks for the same one again and again, so that the database has its plan ready."""
    if isinstance(cut.known_at, int):
        return replace(cut, known_at=cut.known_at + number)
    return replace(cut, as_of=cut.as_of + number * timedelta.resolution) if cut.as_of else cut


async def view(url: str, lake: str, then: bool) -> Reading:
    async with connected(url) as connection:
        cuts = await moments(connection) if then else [NOW]
    costs = []
    with Lake.open(url, lake, read_only=True) as opened_lake:
        for kind in (Funnel, Revenue, ServiceCycles):
            for cut in cuts:
                asked: View = kind(as_of=cut.as_of, known_at=cut.known_at)
                taken = []
                for _ in range(TIMES // 3):
                    began = time.perf_counter()
                    opened_lake.ask(DEMO, asked)
                    taken.append((time.perf_counter() - began) * 1000)
                costs.append(statistics.median(taken))
    return Reading(statistics.mean(costs))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["record" | "project" | "analyse" as step, url, where]:
            uvloop.run({"record": record, "project": project, "analyse": analyse}[step](url, where))
            print("{}")
        case ["pages", url, _]:
            print(json.dumps(uvloop.run(pages(url))))
        case ["pipeline_then" | "pipeline_now" as what, url, _]:
            uvloop.run(pipeline(url, what == "pipeline_then")).tell()
        case ["view_then" | "view_now" as what, url, lake]:
            uvloop.run(view(url, lake, what == "view_then")).tell()
