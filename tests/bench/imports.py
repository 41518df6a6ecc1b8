"""An import: two generated files through the mapping into the log, until every read model shows the last of it."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import uvloop

from deploy.importing import Asked, desk, imported
from deploy.serving import collect_rarely
from deploy.settings import Settings
from eventlog.envelope import Caller
from projections import PROJECTIONS
from tests.bench.measure import Benchmark, Reading, Side, Unmeasurable
from tests.bench.place import TENANT, Place
from tests.bench.reference import pgbench

CUSTOMERS, TICKETS = 4_000, 16_000
MAPPING = """\
kronika: import/1
source: bench
files: {customers: customers.csv, tickets: tickets.csv}
steps:
  - name: customers
    rows: customers
    key: "{id}"
    occurred_at: {date: "{since}"}
    commands:
      - command: register-customer
        with: {customer_id: {id: customer, key: "{id}"}, kind: person, name: "{name}", emails: ["{email}"]}
  - name: tickets
    rows: tickets
    key: "{id}"
    occurred_at: {date: "{opened}"}
    commands:
      - command: open-ticket
        with:
          ticket_id: {id: ticket, key: "{id}"}
          customer_id: {id: customer, key: "{customer}"}
          kind: complaint
          channel: email
          subject: "{subject}"
"""


def benchmarks(place: Place) -> list[Benchmark]:
    return [
        Benchmark(
            "import_vs_pgbench_1",
            f"commands of an import of {CUSTOMERS + TICKETS:,} rows until all read models show them;"
            " pgbench inserting a row, one client",
            Side("import", lambda: take(place)),
            pgbench.side(place, 1),
            1.0,
        )
    ]


def take(place: Place) -> Reading:
    with place.database() as url:
        settings = {"kafka_bootstrap": place.kafka}
        environment = place.environment(url, **settings)
        with (
            place.running("workers", "relay", env=environment),
            place.running("workers", "projector", env=environment),
        ):
            return place.child(__name__, url, place.home)


def deliver(place: Path) -> None:
    """Write the mapping and the two files."""
    (place / "bench.yaml").write_text(MAPPING)
    people = (f"C{n},Customer {n},c{n}@example.com,2023-01-01\n" for n in range(CUSTOMERS))
    (place / "customers.csv").write_text("id,name,email,since\n" + "".join(people))
    tickets = (f"T{n},C{n % CUSTOMERS},The shelf wobbles,2024-01-{n % 28 + 1:02d} 10:00\n" for n in range(TICKETS))
    (place / "tickets.csv").write_text("id,customer,subject,opened\n" + "".join(tickets))


async def measured(url: str, home: Path) -> Reading:
    settings = Settings(home=home, database_url=url)
    with TemporaryDirectory(dir=home) as made:
        deliver(Path(made))
        asked = Asked(str(Path(made) / "bench.yaml"), Path(made), False, None, Caller(TENANT, "bench"))
        async with desk(settings) as opened:
            await followed(url)  # the workers are up
            collect_rarely()
            began = time.perf_counter()
            ended = (await imported(opened, asked, lambda _: None)).data_import
            written = time.perf_counter()
            await followed(url)
            seconds = time.perf_counter() - began
    if ended.done != CUSTOMERS + TICKETS or ended.commands is None:
        raise Unmeasurable(f"the import came out as {ended.state}: {ended.done} done, {ended.failed} failed")
    return Reading.of(ended.commands, seconds, note=f"{written - began:.1f} s to the log, {seconds:.1f} s in all")


async def followed(url: str) -> None:
    """Return once every read model shows what the log has, and has a worker that follows it."""
    names = [projection.name for projection in PROJECTIONS]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            cursor = await connection.execute(
                "SELECT min(read.reflected(name)) >= (SELECT coalesce(max(position), 0) FROM log.events)"
                " AND (SELECT min(owner) > 0 FROM read.checkpoints WHERE slot = ANY(%s))"
                " FROM unnest(%s::text[]) AS name",
                [names, names],
            )
            row = await cursor.fetchone()
            if row and row[0]:
                return
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    uvloop.run(measured(sys.argv[1], Path(sys.argv[2]))).tell()
