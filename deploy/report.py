"""What an operator sees of a running system: how far everything is, and whether it is as it should be."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from rich.console import Console

from deploy.demo import TENANT
from deploy.errors import NotAsPromised
from deploy.printing import Table
from deploy.running import api_url, ready
from deploy.settings import Settings
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from eventlog.keeping import keys_of
from projections import PROJECTIONS
from projections.analytics.lake import Lake, reflected
from projections.analytics.views import Funnel
from projections.history import history
from projections.reconciliations import LAST, Summary
from workers import WORKERS


@dataclass(frozen=True)
class Lag:
    """How far a reader of the log is behind its head: in events, and in seconds since the first was recorded."""

    name: str
    position: int
    events: int
    seconds: float


def lags(connection: psycopg.Connection[Any]) -> list[Lag]:
    """The relay, the reactor and every read model, each up to where it has taken in everything; as of when this is
    asked."""
    cursor = connection.cursor(row_factory=class_row(Lag))
    return cursor.execute(
        "WITH reached AS ("
        " SELECT 'relay' AS name, position FROM fanout.relay"
        " UNION ALL SELECT slot, read.reflected(slot) FROM (SELECT DISTINCT slot FROM read.checkpoints) s)"
        " SELECT name, reached.position,"
        " greatest(coalesce((SELECT max(position) FROM log.events), 0) - reached.position, 0) AS events,"
        " greatest(coalesce(extract(epoch FROM statement_timestamp() - e.recorded_at), 0), 0)::float AS seconds"
        " FROM reached LEFT JOIN log.events e ON e.position = reached.position + 1 ORDER BY name"
    ).fetchall()


def status(console: Console, settings: Settings) -> None:
    """Print what runs and how far it is. Raises psycopg.OperationalError when the log does not answer."""
    assert settings.database_url
    with psycopg.connect(settings.database_url, connect_timeout=5) as connection:
        running = {
            row[0].removeprefix("kronika ")
            for row in connection.execute(
                "SELECT DISTINCT application_name FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'kronika %'"
            )
        }
        parked = connection.execute("SELECT count(DISTINCT (slot, key)) FROM read.parked").fetchone()
        head = connection.execute("SELECT coalesce(max(position), 0) FROM log.events").fetchone()
        table = Table("reader of the log", "position", "events behind", "seconds behind")
        for lag in lags(connection):
            table.add_row(lag.name, f"{lag.position:,}", f"{lag.events:,}", f"{lag.seconds:.1f}")
        reconciled = connection.cursor(row_factory=class_row(Summary)).execute(LAST).fetchone()
    lake = Lag("lakehouse", *lake_lag(settings))
    with lake_of(settings) as opened:
        lake_parked = len(opened.parked())
    table.add_row(lake.name, f"{lake.position:,}", f"{lake.events:,}", f"{lake.seconds:.1f}")
    for name in ("api", *WORKERS):
        console.print(f"{name:10} {'runs' if name in running else 'does not run'}")
    console.print(f"{'HTTP':10} {api_url(settings)} {'takes commands' if ready(settings) else 'does not answer'}")
    console.print(
        f"log head   {head[0] if head else 0:,}    parked rows {parked[0] if parked else 0}"
        f"    parked facts {lake_parked}"
    )
    console.print(table)
    if reconciled:
        console.print(f"reconciled {reconciled.ended_at:%Y-%m-%d %H:%M}, {reconciled}")
    else:
        console.print("never reconciled; `kronika reconcile` compares the read models and Kafka with the log")


def lake_lag(settings: Settings) -> tuple[int, int, float]:
    with lake_of(settings) as lake:
        return lag_of(settings, lake)


def lag_of(settings: Settings, lake: Lake) -> tuple[int, int, float]:
    """The position that the lakehouse reflects, and how far that was behind the log's head when it was looked at, in
    events and seconds."""
    checkpoints, looked_at = lake.checkpoints(), time.monotonic()
    return asyncio.run(behind(settings, checkpoints, looked_at))


async def behind(settings: Settings, checkpoints: dict[int, int], looked_at: float) -> tuple[int, int, float]:
    assert settings.database_url
    async with await psycopg.AsyncConnection.connect(settings.database_url, options=APP_ROLE) as connection:
        position = await reflected(connection, checkpoints)
        cursor = await connection.execute(
            "SELECT greatest(coalesce(max(position), 0) - %(at)s, 0), greatest(coalesce((SELECT extract(epoch FROM"
            " clock_timestamp() - recorded_at) FROM log.events WHERE position = %(at)s + 1), 0) - %(since)s, 0)::float"
            " FROM log.events",
            {"at": position, "since": time.monotonic() - looked_at},
        )
        row = await cursor.fetchone()
    assert row is not None
    return position, row[0], row[1]


def lake_of(settings: Settings) -> Lake:
    assert settings.database_url
    return Lake.open(settings.database_url, settings.lake_path, read_only=True)


def caught_up(settings: Settings, patience_s: float) -> None:
    """Wait until every read model, the lakehouse's too, has reached what is the head of the log now. Raises
    NotAsPromised, naming the last ones, when they have not within the time."""
    assert settings.database_url
    deadline = time.monotonic() + patience_s
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        row = connection.execute("SELECT coalesce(max(position), 0) FROM log.events").fetchone()
        head = row[0] if row else 0
        while True:
            late = [lag.name for lag in lags(connection) if lag.position < head]
            if not late and lake_lag(settings)[0] < head:
                late = ["lakehouse"]
            if not late:
                break
            if time.monotonic() > deadline:
                raise NotAsPromised(f"not at the head of the log after {patience_s:.0f} s: {', '.join(late)}")
            time.sleep(0.2)
        parked = connection.execute("SELECT DISTINCT slot FROM read.parked").fetchall()
    if parked:
        raise NotAsPromised(f"events are parked in {', '.join(slot for (slot,) in parked)}: see `kronika parked list`")


def report(console: Console, settings: Settings) -> None:
    """What a check shows: events, rows of each read model, the funnel, the best customers, one customer's history."""
    assert settings.database_url
    with psycopg.connect(settings.database_url, options=APP_ROLE) as connection:
        console.print(rows_of_everything(connection, settings))
        best = best_customers(connection)
    console.print(funnel_table(settings))
    table = Table("customer", "currency", "bought for", "orders", title="The best customers", title_justify="left")
    for _, name, currency, total, orders in best:
        table.add_row(name or "(forgotten)", currency, f"{total:,.2f}", str(orders))
    console.print(table)
    if best:
        console.print(asyncio.run(history_table(settings, *best[0][:2])))


def rows_of_everything(connection: psycopg.Connection[Any], settings: Settings) -> Table:
    table = Table("where", "rows", title="What there is", title_justify="left")
    counts: list[tuple[str, int]] = [("log: events", count(connection, sql.Identifier("log", "events")))]
    counts += [(f"read model: {p.name}", count(connection, sql.Identifier("read", p.name))) for p in PROJECTIONS]
    with lake_of(settings) as lake:
        counts += [(f"lakehouse: {name}", rows) for name, rows in lake.counts().items()]
    for name, rows in counts:
        table.add_row(name, f"{rows:,}")
    return table


def count(connection: psycopg.Connection[Any], table: sql.Identifier) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
    return int(row[0]) if row else 0


def best_customers(connection: psycopg.Connection[Any]) -> Sequence[tuple[Any, ...]]:
    """The five customers who have bought for most, in the currency most is sold in."""
    return connection.execute(
        "SELECT o.customer_id, c.name, o.currency, sum(o.total) AS bought, count(*) FROM read.orders o"
        " LEFT JOIN read.customers c ON c.tenant = o.tenant AND c.id = o.customer_id"
        " WHERE o.tenant = %(tenant)s AND o.state NOT IN ('draft', 'cancelled') AND o.retracted IS NULL"
        " AND o.currency = (SELECT currency FROM read.orders"
        " WHERE tenant = %(tenant)s AND retracted IS NULL GROUP BY currency ORDER BY sum(total) DESC LIMIT 1)"
        " GROUP BY o.customer_id, c.name, o.currency ORDER BY bought DESC, o.customer_id LIMIT 5",
        {"tenant": TENANT},
    ).fetchall()


def funnel_table(settings: Settings) -> Table:
    table = Table("stage", "reached", "went on", title="The sales funnel", title_justify="left")
    with lake_of(settings) as lake:
        for stage in lake.ask(Caller(TENANT, "operator"), Funnel()).rows.to_pylist():
            converted = stage["converted"]
            table.add_row(stage["stage"], f"{stage['reached']:,}", "" if converted is None else f"{converted:.1%}")
    return table


async def history_table(settings: Settings, customer_id: Any, name: str | None) -> Table:
    assert settings.database_url
    keys = keys_of(settings.database_url, settings.keys_path)
    async with await psycopg.AsyncConnection.connect(
        settings.database_url, autocommit=True, options=APP_ROLE
    ) as connection:
        found = await history(connection, Codec(keys), Caller(TENANT, "operator"), "customer", customer_id, limit=12)
    keys.close()
    table = Table("when", "known since", "who", "what", "changes", title=f"The history of {name}", title_justify="left")
    for entry in found.entries if found else []:
        changes = "; ".join(f"{c.field}: {c.old} → {c.new}" for c in entry.changes)
        table.add_row(
            f"{entry.occurred_at:%Y-%m-%d %H:%M}",
            f"{entry.recorded_at:%Y-%m-%d %H:%M}",
            entry.actor,
            entry.type,
            changes[:100],
        )
    return table
