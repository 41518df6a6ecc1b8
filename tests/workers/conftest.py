"""What the tests of workers share: a prepared fan-out, events to carry, and processes to kill."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

import workers.schema
from eventlog import feed
from eventlog.log import Log
from tests.log_helpers import ask, registering
from workers.lifetime import Surroundings, Worker, connected


@pytest.fixture(scope="module")
def around(database_url, kafka_bootstrap, keys, tmp_path_factory) -> Surroundings:
    workers.schema.prepare(database_url)
    return Surroundings(
        make_conninfo(database_url), {"bootstrap_servers": kafka_bootstrap}, keys, str(tmp_path_factory.mktemp("lake"))
    )


@pytest.fixture(scope="module")
async def log(around) -> AsyncIterator[Log]:
    async with Log.open(around.database_url, around.keys) as opened:
        yield opened


@pytest.fixture(scope="module")
async def connection(around) -> AsyncIterator[AsyncConnection[Any]]:
    async with connected(around.database_url) as opened:
        yield opened


async def happen(log: Log, count: int) -> int:
    """So many customers register. Answers the head of the log."""
    answers = await asyncio.gather(*(ask(log, registering()) for _ in range(count)))
    return max(answer.position for answer in answers)


@asynccontextmanager
async def running(work: Any) -> AsyncIterator[asyncio.Task[None]]:
    """The work goes on beside the test."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def at_work(worker: Worker, around: Surroundings) -> Any:
    return running(worker(around))


async def eventually(holds: Callable[[], Any], within_s: float = 30) -> Any:
    """Wait until `holds()` (or what it awaits) is true, and answer it."""
    async with asyncio.timeout(within_s):
        while True:
            answer = holds()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.01)


async def value(connection: AsyncConnection[Any], query: str, *values: object) -> Any:
    cursor = await connection.execute(query, values)
    row = await cursor.fetchone()
    return row and row[0]


async def relayed(connection: AsyncConnection[Any]) -> bool:
    """Whether all that is in the log is in Kafka, too."""
    return bool(await value(connection, "SELECT position FROM fanout.relay") == await feed.head(connection))


@pytest.fixture
def process(around) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start Python with these arguments, in the surroundings; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        told = {
            "KRONIKA_DATABASE_URL": around.database_url,
            "KRONIKA_KAFKA_BOOTSTRAP": str(around.kafka["bootstrap_servers"]),
            "KRONIKA_KEYS_PATH": str(around.keys._path.parent),
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("KRONIKA_")}
        environment = inherited | told | environment
        started.append(subprocess.Popen([sys.executable, *arguments], env=environment))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.wait()
