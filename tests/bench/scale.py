"""`make bench-scale`: what an event and a page of a list cost at 100,000 events and at 10,000,000."""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import uvloop
from psycopg import AsyncConnection, sql
from rich.console import Console

from commands.command import Command
from commands.customers import LogInteraction, RegisterCustomer
from commands.dispatch import Asked, dispatch
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller, Context
from eventlog.log import Log
from projections import PROJECTIONS
from projections.asking import Ask, Filter
from projections.customer_card import CUSTOMERS
from projections.host import Host
from projections.query import Page, select
from projections.slot import Slot
from projections.timeline import timeline
from tests.bench import as_of
from tests.bench.copying import without_indexes
from tests.bench.measure import Benchmark, Reading, Rounds, Side, Unmeasurable, write
from tests.bench.place import PARTITIONS, ROOT, TENANT, Place
from tests.bench.workload import ACTOR, NAME, SUBJECT, TEXT, customer_ids, history, opened
from workers.lifetime import connected

PEOPLE, EVENTS = 2_000, 20_000
"""What goes through the log and the projections; the rest are copies of it under other ids."""
MODULE = "tests.bench.scale"  # also when it is run as __main__
SMALL, LARGE = 100_000, 10_000_000
BYTES_AN_EVENT = 2_200
"""With rows, indexes and some of the write-ahead log, measured."""
PAST = 1_000_000
"""How many events of the past are asked about as of past moments."""
COMMANDS, PAGES, AT_ONCE = 3_000, 40, 64
CALLER = Caller(TENANT, ACTOR)


TABLES = ("log.events", "log.commands", "log.claims", "read.customers", "read.customer_search", "read.timeline")
OTHER_IN_A_COPY: dict[str, LiteralString] = {
    **dict.fromkeys(("id", "stream_id", "subject_id", "event_id"), "md5({column}::text || k)::uuid"),
    **dict.fromkeys(
        ("created_at", "created_recorded_at", "updated_at", "updated_recorded_at"), "{column} + k * {span}"
    ),
    **dict.fromkeys(("occurred_at", "recorded_at"), "{column} + k * {span}"),
    "position": "{column} + k * {events}",
    "command_id": "{column} || k",
    "token": "sha256({column} || k::text::bytea)",
}
"""What differs between a row and its k-th copy; moments do, as lists are sorted by them."""


def benchmarks(place: Place, large: int) -> list[Benchmark]:
    filled = {size: Filled(place, size) for size in (SMALL, large)}

    def side(what: str, size: int, unit: str) -> Side:
        return Side(f"{what}_at_{size:,}", lambda: place.child(MODULE, what, filled[size].url, place.keys), unit=unit)

    return [
        Benchmark(
            f"scale_{what}",
            f"cost of {meaning} in a log of {large:,} events; of {SMALL:,}",
            side(what, large, unit),
            side(what, SMALL, unit),
            1.3,
            at_most=True,
        )
        for what, meaning, unit in (
            ("event", "an event (command, append, all read models)", " µs"),
            ("page", "a page of a list", " ms"),
        )
    ]


class Filled:
    """A Kronika of so many events; made when first needed."""

    def __init__(self, place: Place, size: int) -> None:
        self._place, self._size = place, size

    @cached_property
    def url(self) -> str:
        place, size = self._place, self._size
        free = shutil.disk_usage(place.home).free
        if free < 1.2 * size * BYTES_AN_EVENT:
            raise Unmeasurable(f"{size:,} events need {size * BYTES_AN_EVENT / 1e9:.0f} GB, {free / 1e9:.0f} are free")
        url = place.migrated()
        place.tell(f"recording {EVENTS:,} events of {PEOPLE:,} customers through log and projections")
        place.child_json(MODULE, "fill", url, place.keys)
        began = time.monotonic()
        with psycopg.connect(url, autocommit=True) as connection:
            multiply(connection, size // EVENTS, place.tell)
            row = connection.execute("SELECT count(*), pg_database_size(current_database()) FROM log.events").fetchone()
        assert row is not None
        assert row[0] == size, row
        took = time.monotonic() - began
        place.tell(f"{size:,} events and their rows by copying in {took:,.0f} s: {row[1] / 1e9:.1f} GB")
        return url


def multiply(connection: psycopg.Connection[Any], times: int, tell: Callable[[str], None]) -> None:
    """Make `times` of what is there, each under ids and at moments of its own, by SQL over whole tables; indexes are
    made anew afterwards. Personal fields keep their sealed bytes, which under other ids nobody can open, as if those
    people had been forgotten."""
    row = connection.execute("SELECT max(recorded_at) - min(recorded_at) + '1 ms' FROM log.events").fetchone()
    assert row is not None
    values = {"span": sql.Literal(row[0]), "events": sql.Literal(EVENTS)}
    for name in TABLES:
        tell(f"copying {name}")
        table = sql.Identifier(*name.split("."))
        with without_indexes(connection, name):
            columns = [found[0] for found in connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                " ORDER BY attnum", [name])]  # fmt: skip
            moments = [column for column in columns if "span" in OTHER_IN_A_COPY.get(column, "")]
            if moments:  # so that the last copy lies in the past, too
                connection.execute(
                    sql.SQL("UPDATE {} SET {}").format(table, sql.SQL(", ").join(
                        sql.SQL("{0} = {0} - {1} * {2}").format(sql.Identifier(column), times, values["span"])
                        for column in moments))
                )  # fmt: skip
            copied = [
                sql.SQL(OTHER_IN_A_COPY.get(column, "{column}")).format(column=sql.Identifier(column), **values)
                for column in columns
            ]
            for first in range(1, times, 50):
                connection.execute(
                    sql.SQL("INSERT INTO {table} SELECT {copied} FROM {table}"
                            " CROSS JOIN generate_series(%s::int, %s::int) AS k WHERE {originals} ORDER BY k").format(
                        table=table, copied=sql.SQL(", ").join(copied), originals=originals(name)),
                    [first, min(first + 49, times - 1)],
                )  # fmt: skip
    connection.execute("UPDATE read.checkpoints SET position = (SELECT max(position) FROM log.events)")
    tell("vacuuming")
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


def originals(table: str) -> sql.Composable:
    """The rows that are not copies."""
    if table == "log.claims":
        return sql.SQL("stream_id BETWEEN {} AND {}").format(customer_ids(1)[0], customer_ids(PEOPLE)[-1])
    return sql.SQL("position <= {}").format(EVENTS)


# -- what is measured, each in a process of its own


async def fill(url: str, keys: Path) -> None:
    async with opened(url, keys) as log:
        await history(log, customer_ids(PEOPLE), EVENTS)
        async with projecting(url) as (host, reading):
            async for page in feed.everything(reading, Codec(log.keys)):
                await host.apply(page)


@asynccontextmanager
async def projecting(url: str) -> AsyncIterator[tuple[Host, AsyncConnection[Any]]]:
    """Every read model, and a connection to the log."""
    async with connected(url) as writing, connected(url) as reading:
        host = Host(writing, [Slot(projection) for projection in PROJECTIONS])
        await host.claim(range(PARTITIONS))
        yield host, reading


async def event(url: str, keys: Path) -> Reading:
    """Commands through the one door, 64 at once: half are about customers of the log's first days, half register new
    ones; then their events into every read model."""
    async with opened(url, keys) as log, projecting(url) as (host, reading):
        known = customer_ids(PEOPLE)
        random.shuffle(known)
        await all_at_once(log, asked(known, COMMANDS // 10))  # connections, caches and plans
        head = await feed.head(reading)
        began = time.perf_counter()
        await all_at_once(log, asked(known, COMMANDS))
        appended = time.perf_counter()
        after, count = head, 0
        while page := await feed.page(reading, Codec(log.keys), after=after):
            await host.apply(page)
            after, count = page[-1].position, count + len(page)
        projected = time.perf_counter()
    assert count == COMMANDS, count
    append, project = (appended - began) / count * 1e6, (projected - appended) / count * 1e6
    return Reading(append + project, note=f"command {append:,.0f} µs, read models {project:,.0f} µs")


def asked(known: Sequence[UUID], count: int) -> Iterator[Command]:
    for number in range(count):
        if number % 2:
            yield LogInteraction(
                customer_id=known[number % len(known)], channel="call", direction="in", subject=SUBJECT, note=TEXT
            )
        else:
            yield RegisterCustomer(kind="person", name=NAME, emails=(f"{uuid4()}@example.com",), tier="gold")


async def all_at_once(log: Log, commands: Iterator[Command]) -> None:
    async def caller() -> None:
        for command in commands:
            await dispatch(log, Asked(command, CALLER, Context(TENANT, ACTOR, uuid4().hex, uuid4())))

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))


async def page(url: str, keys: Path) -> Reading:
    """Pages of several lists; the cost is the mean of the kinds' medians."""
    async with connected(url) as connection:
        cursor = await connection.execute(
            "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY created_at) FROM read.customers TABLESAMPLE SYSTEM (5)"
        )
        row = await cursor.fetchone()
        assert row is not None
        middle = row[0]
        known = customer_ids(PEOPLE)
        after = (await select(connection, CALLER, CUSTOMERS, Ask())).cursor

        def customers(ask: Ask) -> Awaitable[Page]:
            return select(connection, CALLER, CUSTOMERS, ask)

        kinds: dict[str, Callable[[], Awaitable[Page]]] = {
            "first": lambda: customers(Ask()),
            "next": lambda: customers(Ask(cursor=after)),
            "by name": lambda: customers(Ask(sort="name")),
            "of a class": lambda: customers(Ask((Filter("tier", "eq", "gold"),))),
            "from the middle": lambda: customers(Ask((Filter("created_at", "lte", middle),))),
            "timeline": lambda: timeline(connection, CALLER, random.choice(known), Ask()),
        }
        costs = {name: statistics.median([await timed(ask) for _ in range(PAGES)]) for name, ask in kinds.items()}
    told = ", ".join(f"{name} {cost:.1f}" for name, cost in costs.items())
    return Reading(statistics.mean(costs.values()), note=told)


async def timed(ask: Callable[[], Awaitable[Page]]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    assert (await ask()).rows
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description=__doc__)
    parser.add_argument("--events", type=int, default=LARGE, help=f"of the large log ({LARGE:,})")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of which medians are taken (3)")
    parser.add_argument("--quiet", type=float, default=10, help="seconds to wait for an idle machine each time (10)")
    parser.add_argument("--out", type=Path, default=ROOT / ".kronika" / "bench.json")
    given = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    with Place(0, lambda doing: console.print(f"[dim]{doing}[/]")) as place:
        chosen = [*benchmarks(place, given.events), *as_of.benchmarks(place, min(given.events, PAST))]
        rounds = Rounds(console, given.rounds, given.quiet)
        rounds.run(chosen)
        rounds.print(chosen)
        write(given.out, rounds.results(chosen), whole=False)
    sys.exit(1 if rounds.failed else 0)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill", url, keys]:
            uvloop.run(fill(url, Path(keys)))
            print("{}")
        case ["event", url, keys]:
            uvloop.run(event(url, Path(keys))).tell()
        case ["page", url, keys]:
            uvloop.run(page(url, Path(keys))).tell()
        case _:
            main()
