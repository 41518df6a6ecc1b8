"""Analytic views beside the same questions in PostgreSQL with good indexes, beside the same SQL over plain Parquet and
beside themselves as of then, the intake beside Arrow into a plain DuckDB table; `python -m tests.bench.views EVENTS`
measures at another size, `make bench-views` at ten million."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
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
from tests.bench.measure import Benchmark, Reading, Rounds, Side
from tests.bench.place import Place

MODULE = "tests.bench.views"
EVENTS = 1_000_000
COMPANY = Caller("bench", "li")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
THEN = datetime(2025, 1, 1, tzinfo=UTC)
TIMES = 3
MICRO_BATCH = 20_000
REFERENCE = Path(__file__).parent / "reference" / "views"

ASKED: dict[str, tuple[dict[str, Any], tuple[str, ...], bool]] = {
    "funnel": ({}, ("rank", "reached", "open", "lost"), False),
    "win_rate": ({"by": "owner"}, ("dimension", "won", "lost", "won_value"), False),
    "revenue": ({}, ("month", "orders", "booked", "delivered", "returned"), True),
    "rfm": ({}, ("customer_id", "frequency", "monetary", "r", "f", "m"), True),
    "cohort_retention": ({}, ("cohort", "month", "customers", "active"), True),
    "top_customers": ({}, ("place", "customer_id", "orders", "net"), True),
    "customer_growth": ({}, ("month", "registered", "customers"), False),
    "velocity": ({}, ("currency", "opportunities", "mean_value", "cycle_days"), False),
    "forecast": ({"by": "owner"}, ("dimension", "open", "closed", "weighted"), False),
    "stage_times": ({}, ("rank", "entered", "moved_on", "median_days", "p90_days"), False),
    "customer_distribution": ({}, ("dimension", "customers", "buyers", "net"), True),
    "white_space": ({}, ("place", "sku", "bought"), True),
    "channels": ({}, ("channel", "opportunities", "won", "won_value", "orders", "net"), True),
}
"""Of each view its parameters, the columns that are compared, and whether the reference begins with purchases.sql."""


def benchmarks(place: Place, events: int = EVENTS) -> list[Benchmark]:
    filled = Filled(place, events)

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

    def __init__(self, place: Place, events: int) -> None:
        self._place, self._events = place, events
        self.lake = str(place.home / "lake of views")

    @cached_property
    def url(self) -> str:
        url = self._place.migrated()
        self._place.tell(f"making up {self._events:,} events")
        self._place.child_json(MODULE, "fill", url, self.lake, self._events)
        return url


def fill(url: str, path: str, events: int) -> None:
    prepare(url, path)
    with Lake.open(url, path) as lake:
        connection = lake.connection
        with transaction(connection):
            filling = (REFERENCE / "filling.sql").read_text()
            connection.execute(filling.format(units=events // 18, pipeline=DEFAULT_PIPELINE_ID))
        lake.tidy()
        for name in FACTS:
            connection.execute(f"COPY lake.{name} TO '{literal(plain_file(path, name))}' (FORMAT parquet)")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("CREATE SCHEMA bench")
            connection.execute(f"ATTACH '{literal(make_conninfo(url))}' AS pg (TYPE postgres)")
            for name in ("customer_steps", "stage_moves", "opportunity_terms", "order_steps", "order_lines"):
                connection.execute(f"CREATE TABLE pg.bench.{name} AS FROM lake.{name}")
            owner.execute((REFERENCE / "schema.sql").read_text())
            owner.execute("VACUUM ANALYZE")


def plain_file(path: str, fact: str) -> str:
    """Where the same rows lie as one Parquet file."""
    return f"{path}.{fact}.parquet"


def view_of(name: str, as_of: datetime) -> View:
    return VIEWS[name](as_of=as_of, **ASKED[name][0])


def query_of(name: str) -> str:
    begins = (REFERENCE / "purchases.sql").read_text() if ASKED[name][2] else ""
    return begins + (REFERENCE / f"{name}.sql").read_text()


def cost(ask: Callable[[], object]) -> float:
    """Milliseconds, the median of some."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def told(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The rows as they are compared: in one order, numbers as numbers."""
    numbers = (int, float, Decimal)
    plain = [
        tuple(round(float(row[name]), 2) if isinstance(row[name], numbers) else row[name] for name in names)
        for row in rows
    ]
    return sorted(plain, key=str)


def ours(lake: Lake, name: str) -> Reading:
    view = view_of(name, NOW)
    spent = cost(lambda: lake.ask(COMPANY, view))
    return Reading(spent, note=f"{lake.ask(COMPANY, view).rows.num_rows:,} rows")


def theirs(url: str, lake: Lake, name: str) -> Reading:
    """The reference; what it answers is to be what the view answers."""
    asked = {"tenant": COMPANY.tenant, "as_of": NOW}
    with psycopg.connect(url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
        connection.execute("SET work_mem = '512MB'")  # so that it sorts and hashes in memory, too
        query = query_of(name)
        spent = cost(lambda: connection.execute(query, asked).fetchall())
        expected = told(connection.execute(query, asked).fetchall(), ASKED[name][1])
    found = lake.ask(COMPANY, view_of(name, NOW)).rows.to_pylist()
    if name == "cohort_retention":  # the view shows months without a purchase, too
        found = [row for row in found if row["active"]]
    same = told(found, ASKED[name][1])
    if same != expected:
        raise AssertionError(f"{name} differs: {sorted(set(same) ^ set(expected), key=str)[:6]}")
    return Reading(spent, note=f"equal, {len(expected):,} rows")


def all_views(lake: Lake, as_of: datetime) -> Reading:
    spent = {name: cost(lambda n=name: lake.ask(COMPANY, view_of(n, as_of))) for name in ASKED}  # type: ignore[misc]
    return mean_of(spent)


def over_parquet(path: str) -> Reading:
    """The very queries of the views, without a lakehouse."""
    with duckdb.connect(config={"memory_limit": "1GB", "threads": "2"}) as plain:
        plain.execute("SET TimeZone = 'UTC'; CREATE SCHEMA lake")
        for name in FACTS:
            plain.execute(f"CREATE VIEW lake.{name} AS FROM '{literal(plain_file(path, name))}'")
        spent = {}
        for name in ASKED:
            query = scope(COMPANY, view_of(name, NOW), FACTS, retractions=False)
            spent[name] = cost(lambda asked=query: plain.execute(*asked).to_arrow_table())  # type: ignore[misc]
    return mean_of(spent)


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


def main(events: int) -> None:
    console = Console(highlight=False, width=200)
    with Place(5, console.print) as place:
        chosen = benchmarks(place, events)
        rounds = Rounds(console, 1, 0)
        rounds.run(chosen)
        rounds.print(chosen)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill", url, path, events]:
            fill(url, path, int(events))
            print("{}")
        case [what, name, url, path]:
            child(what, name, url, path)
        case [events]:
            main(int(events))
        case _:
            main(EVENTS)
