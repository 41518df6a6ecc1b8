"""Analytic views beside the same questions in PostgreSQL with good indexes, beside the same SQL over plain Parquet and
beside themselves as of then, the intake beside Arrow into a plain DuckDB table; `python -m tests.bench.views EVENTS`
measures at another size, `make bench-views` at ten million; with `covering` after it PostgreSQL has, besides, an index
for each question that holds all that it reads."""

from __future__ import annotations

import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from psycopg.conninfo import make_conninfo
from rich.console import Console

from domain.pipeline import DEFAULT_PIPELINE_ID
from eventlog.envelope import Caller
from projections.analytics import FACTS, VIEWS
from projections.analytics.lake import Lake, literal, prepare, transaction
from projections.analytics.views import View, scope
from projections.analytics.views.view import definitions_of, named, statement
from tests.bench.measure import Benchmark, Reading, Rounds, Side
from tests.bench.place import Place

MODULE = "tests.bench.views"
EVENTS = 1_000_000
COMPANY = Caller("bench", "li")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
THEN = datetime(2025, 1, 1, tzinfo=UTC)
TIMES = 3
PATIENCE_S = 60
"""So long PostgreSQL may try a plan."""
MICRO_BATCH = 20_000
REFERENCE = Path(__file__).parent / "reference" / "views"
FILLED = ("customers", "opportunities", "orders", "tickets", "targets", "channel_costs", "events")
EVENTS_OF_A_UNIT = 36
"""What a customer is to the company, with its opportunities, orders and tickets: about so many events."""

SEEN = "tenant = %(tenant)s AND occurred_at <= %(as_of)s AND stream_id NOT IN (SELECT stream_id FROM retracted)"
RETRACTED = """retracted AS NOT MATERIALIZED (
    SELECT stream_id FROM (
        SELECT DISTINCT ON (stream_id) stream_id, what FROM bench.retractions
         WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s ORDER BY stream_id, position DESC) last
     WHERE what = 'retracted')"""

ASKED: dict[str, dict[str, Any]] = {
    "funnel": {},
    "stage_times": {},
    "stage_survival": {},
    "win_rate": {"by": "owner"},
    "velocity": {},
    "forecast": {"by": "owner"},
    "forecast_accuracy": {},
    "attainment": {},
    "slippage": {"by": "owner"},
    "sales_results": {"by": "owner"},
    "sales_trend": {},
    "revenue": {},
    "receivables_ageing": {},
    "rfm": {},
    "cohort_retention": {},
    "top_customers": {},
    "white_space": {},
    "baskets": {"support": Decimal("0.00001")},
    "next_products": {},
    "customer_distribution": {},
    "customer_growth": {},
    "channels": {},
    "master_data": {},
    "service_cycles": {},
    "service_quality": {"period": "month"},
    "service_attainment": {"period": "month"},
    "backlog": {},
    "next_best_actions": {},
    "purchase_histories": {},
    "deal_outlook": {},
}
"""What is asked of each view."""


def benchmarks(place: Place, events: int = EVENTS, more: Sequence[str] = ()) -> list[Benchmark]:
    filled = Filled(place, events, more)

    def side(what: str, name: str, unit: str = " ms") -> Side:
        return Side(f"{what} {name}", lambda: place.child(MODULE, what, name, filled.url, filled.lake), unit=unit)

    beside = [
        Benchmark(
            f"view_{name}_vs_postgres",
            f"the view {name} over {events:,} events; the same question in PostgreSQL",
            side("view", name),
            side("postgres", name),
            1 / 8,
            at_most=True,
        )
        for name in ASKED
    ]
    return [
        *beside,
        Benchmark(
            "views_vs_parquet",
            "all these; the same SQL in DuckDB over plain Parquet files, one a fact",
            side("now", "all"),
            side("parquet", "all"),
            1.5,
            at_most=True,
        ),
        Benchmark(
            "views_then_vs_now",
            "all these as of a year ago; as of now",
            side("then", "all"),
            side("now", "all"),
            2,
            at_most=True,
        ),
        Benchmark(
            "lake_intake_vs_duckdb",
            f"Arrow batches of {MICRO_BATCH:,} rows into the lakehouse; into a plain DuckDB table",
            side("intake", "lake", "/s"),
            side("intake", "plain", "/s"),
            0.5,
        ),
    ]


class Filled:
    """A made-up company of so many events, in a lakehouse and in tables of PostgreSQL; made when first needed."""

    def __init__(self, place: Place, events: int, more: Sequence[str] = ()) -> None:
        """`more`: files of indexes besides the ordinary ones."""
        self._place, self._events, self._more = place, events, more
        self.lake = str(place.home / "lake of views")

    @cached_property
    def url(self) -> str:
        url = self._place.migrated()
        self._place.tell(f"making up {self._events:,} events")
        self._place.child_json(MODULE, "fill", url, self.lake, self._events, *self._more)
        return url


def fill(url: str, path: str, events: int, more: Sequence[str]) -> None:
    prepare(url, path)
    with Lake.open(url, path, memory="8GB") as lake:
        connection = lake.connection
        units = events // EVENTS_OF_A_UNIT
        with transaction(connection):
            for name in FILLED:
                filling = (REFERENCE / "filling" / f"{name}.sql").read_text()
                connection.execute(filling.format(units=units, pipeline=DEFAULT_PIPELINE_ID))
        lake.tidy()
        for name in FACTS:
            connection.execute(f"COPY lake.{name} TO '{literal(plain_file(path, name))}' (FORMAT parquet)")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("CREATE SCHEMA bench")
            connection.execute(f"ATTACH '{literal(make_conninfo(url))}' AS pg (TYPE postgres)")
            for name in FACTS:
                connection.execute(f"CREATE TABLE pg.bench.{name} AS FROM lake.{name}")
            owner.execute("SET maintenance_work_mem = '1GB'")
            for name in ("indexes", *more):
                owner.execute((REFERENCE / f"{name}.sql").read_text())
            owner.execute("VACUUM ANALYZE")


def plain_file(path: str, fact: str) -> str:
    """Where the same rows lie as one Parquet file."""
    return f"{path}.{fact}.parquet"


def view_of(name: str, as_of: datetime) -> View:
    return VIEWS[name](as_of=as_of, **ASKED[name])


def query_of(name: str) -> str:
    """The same question to PostgreSQL: over the facts of the tenant as of the moment asked for, without what was
    retracted, and over the definitions that it names, each after those that it rests on."""
    question = statement(name, REFERENCE)
    used = definitions_of(question, REFERENCE)
    facts = [
        f"{fact} AS NOT MATERIALIZED (SELECT * FROM bench.{fact} WHERE {SEEN})"
        for fact in named(FACTS, [question, *used.values()])
    ]
    parts = [RETRACTED, *facts, *(f"{definition} AS ({text})" for definition, text in used.items())]
    return f"WITH RECURSIVE {', '.join(parts)}, {question.removeprefix('WITH ')}"


def cost(ask: Callable[[], object]) -> float:
    """Milliseconds, the median of some."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def unlike(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str | None:
    """Where two answers differ, row by row and column by column; numbers may differ by what rounding does to them."""
    if len(ours) != len(theirs):
        return f"{len(ours):,} rows, not {len(theirs):,}"
    for number, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        for column, value in our.items():
            if not same(value, their[column]):
                return f"row {number}: {column} is {value!r}, not {their[column]!r}; {our} {their}"
    return None


def same(one: object, other: object) -> bool:
    numbers = (int, float, Decimal)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other if isinstance(one, list | type(None)) else str(one) == str(other)


def ours(lake: Lake, name: str) -> Reading:
    view = view_of(name, NOW)
    spent = cost(lambda: lake.ask(COMPANY, view))
    return Reading(spent, note=f"{lake.ask(COMPANY, view).rows.num_rows:,} rows")


def theirs(url: str, lake: Lake, name: str) -> Reading:
    """The reference; what it answers is to be what the view answers, in the same order. It is timed as it streams its
    rows in PostgreSQL's binary form, since the view's are not made Python objects either."""
    view, query = view_of(name, NOW), query_of(name)
    asked = view.parameters() | {"tenant": COMPANY.tenant, "as_of": NOW}
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute("SET work_mem = '512MB'")  # so that it sorts and hashes in memory, too
        connection.execute("SET TimeZone = 'UTC'")

        def stream() -> int:
            with connection.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT binary)", asked) as rows:
                return sum(map(len, rows))

        spent = best_plan(connection, stream)
        with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            expected = cursor.execute(query, asked).fetchall()
    if difference := unlike(lake.ask(COMPANY, view).rows.to_pylist(), expected):
        raise AssertionError(f"{name} differs: {difference}")
    return Reading(spent, note=f"equal, {len(expected):,} rows")


def best_plan(connection: psycopg.Connection, ask: Callable[[], object]) -> float:
    """Milliseconds, the best of several: also without nested loops, which PostgreSQL chooses where it expects few rows
    and finds many."""
    spent: dict[str, float] = {}
    for loops in ("on", "off"):
        connection.execute(f"SET enable_nestloop = {loops}")
        connection.execute(f"SET statement_timeout = '{PATIENCE_S}s'")
        began = time.perf_counter()
        with suppress(psycopg.errors.QueryCanceled):
            ask()
        spent[loops] = time.perf_counter() - began
    best = min(spent, key=lambda loops: spent[loops])
    connection.execute(f"SET enable_nestloop = {best}")
    connection.execute("SET statement_timeout = 0")
    began = time.perf_counter()
    ask()
    return min(spent[best], time.perf_counter() - began) * 1000


def all_views(lake: Lake, as_of: datetime) -> Reading:
    spent = {name: cost(partial(lake.ask, COMPANY, view_of(name, as_of))) for name in ASKED}
    return mean_of(spent)


def over_parquet(path: str) -> Reading:
    """The very queries of the views, without a lakehouse."""
    with duckdb.connect(config={"memory_limit": "1GB", "threads": "2"}) as plain:
        plain.execute("SET TimeZone = 'UTC'; CREATE SCHEMA lake")
        for name in FACTS:
            plain.execute(f"CREATE VIEW lake.{name} AS FROM '{literal(plain_file(path, name))}'")
        spent = {}
        for name in ASKED:
            query, parameters = scope(COMPANY, view_of(name, NOW), FACTS)
            spent[name] = cost(partial(answered, plain, query, parameters))
    return mean_of(spent)


def answered(connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any]) -> pa.Table:
    return connection.execute(query, parameters).to_arrow_table()


def mean_of(spent: dict[str, float]) -> Reading:
    return Reading(statistics.mean(spent.values()), note=", ".join(f"{name} {ms:.0f}" for name, ms in spent.items()))


def intake(lake: Lake, where: str) -> Reading:
    rows: pa.Table = lake.connection.execute(
        f"SELECT * REPLACE ('copy' AS tenant) FROM lake.stage_moves LIMIT {MICRO_BATCH}"  # a number
    ).to_arrow_table()
    file = Path(tempfile.mkdtemp()) / "plain.db"
    plain = duckdb.connect(str(file))
    plain.register("like", rows)
    plain.execute('CREATE TABLE stage_moves AS FROM "like" LIMIT 0')

    def into_lake() -> None:
        with transaction(lake.connection):
            lake.connection.execute("UPDATE lake.checkpoints SET owner = owner + 1")
            lake.insert("stage_moves", rows)

    def into_plain() -> None:
        with transaction(plain):
            plain.register("arriving", rows)
            plain.execute("INSERT INTO stage_moves FROM arriving")

    write = into_lake if where == "lake" else into_plain
    write()
    began = time.perf_counter()
    for _ in range(10):
        write()
    spent = time.perf_counter() - began
    with transaction(lake.connection):
        lake.connection.execute("DELETE FROM lake.stage_moves WHERE tenant = 'copy'")
    plain.close()
    shutil.rmtree(file.parent)
    return Reading.of(10 * MICRO_BATCH, spent)


def child(what: str, name: str, url: str, path: str) -> None:
    if what == "parquet":
        over_parquet(path).tell()
        return
    with Lake.open(url, path, read_only=what != "intake") as lake:
        match what:
            case "view":
                ours(lake, name).tell()
            case "postgres":
                theirs(url, lake, name).tell()
            case "then" | "now":
                all_views(lake, THEN if what == "then" else NOW).tell()
            case "intake":
                intake(lake, name).tell()


def main(events: int, more: Sequence[str] = ()) -> None:
    console = Console(highlight=False, width=200)
    with Place(5, console.print) as place:
        chosen = benchmarks(place, events, more)
        rounds = Rounds(console, 1, 0)
        rounds.run(chosen)
        rounds.print(chosen)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill", url, path, events, *more]:
            fill(url, path, int(events), more)
            print("{}")
        case [what, name, url, path]:
            child(what, name, url, path)
        case [events, *more] if more in ([], ["covering"]):
            main(int(events), more)
        case _:
            main(EVENTS)
