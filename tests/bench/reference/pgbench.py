"""The durable append as such: pgbench, which comes with PostgreSQL, inserting one row a transaction."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

import psycopg

from eventlog.codec import Codec
from eventlog.keys import NobodysKeys, SubjectKey
from tests.bench.measure import Reading, Side, Unmeasurable
from tests.bench.place import TENANT, Place, program
from tests.bench.workload import ticket

HERE = Path(__file__).parent
SAMPLED = 0.2
"""The part of all transactions whose time pgbench writes down."""


def side(place: Place, clients: int) -> Side:
    def take() -> Reading:
        with place.bare_database() as url:
            with psycopg.connect(url) as connection:
                connection.execute((HERE / "pgbench_schema.sql").read_text())
            return pgbench(url, clients, place.seconds)

    return Side(f"pgbench_{clients}", take)


def pgbench(url: str, clients: int, seconds: float) -> Reading:
    with tempfile.TemporaryDirectory() as logs:
        command = [
            program("pgbench"),
            *("--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--jobs={min(2, clients)}"),
            *(f"--time={max(1, round(seconds))}", f"--file={HERE / 'pgbench.sql'}"),
            *("--log", f"--log-prefix={logs}/log", f"--sampling-rate={SAMPLED}"),
            *(argument for name, value in values().items() for argument in ("--define", f"{name}={value}")),
            url,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
        if done.returncode or rate is None:
            raise Unmeasurable(
                f"pgbench: {((done.stderr or done.stdout).strip().splitlines() or ['said nothing'])[-1][:200]}"
            )
        latencies = sorted(seconds_in(Path(logs)))
        found = Reading.of(len(latencies), 1, latencies)
        return Reading(float(rate[1]), found.p50_ms, found.p99_ms)


def seconds_in(logs: Path) -> Iterator[float]:
    for file in logs.iterdir():
        for line in file.read_text().splitlines():
            yield int(line.split()[2]) / 1_000_000


@cache
def values() -> dict[str, str]:
    """The bytes that an append of ours stores, made by the same code."""
    customer = UUID(int=1)
    one = ticket(customer, datetime.now(UTC))
    stored = Codec(NobodysKeys()).encode(one.collect_events()[0], TENANT, SubjectKey(bytes(32)))
    return {"data": stored.data.decode(), "personal": (stored.personal or b"").decode(), "body": "5e" * 32}
