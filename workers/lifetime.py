"""How a worker lives: connected as the application role, watched, tried again after a failure, ended by a signal."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import structlog
from prometheus_client import start_http_server

from deploy.serving import collect_by_the_clock
from eventlog.connections import APP_ROLE
from eventlog.errors import LogUnavailable
from eventlog.keys import KeyStore, KeyStoreError
from projections.host import Fenced
from workers.kafka import Kafka, KafkaAway
from workers.watchdog import at_work

log = structlog.get_logger()

WORKER_OPTIONS = f"{APP_ROLE} -c TimeZone=UTC -c idle_in_transaction_session_timeout=5000 -c statement_timeout=60000"
"""A worker that stops within a transaction keeps its partitions from the next owner for five seconds at most."""

PASSING = (psycopg.OperationalError, psycopg.InterfaceError, LogUnavailable, KeyStoreError, KafkaAway, Fenced)
"""What waiting cures: a store that is away, or another worker that took over."""


@dataclass(frozen=True)
class Surroundings:
    """What every worker works with."""

    database_url: str = field(repr=False)
    kafka: Kafka = field(repr=False)
    keys: KeyStore
    lake_path: str
    export_days: float = 7
    """For how long the file of an export is kept."""
    import_days: float = 30
    """For how long the files of an import are kept."""
    analytics_memory: str = "512MB"
    """How much memory one question to the lakehouse may use."""
    analytics_timeout_s: float = 30
    """How long it may take."""


Worker = Callable[[Surroundings], Awaitable[None]]
"""Runs until it is cancelled; whatever it holds it lets go of by then."""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection of one's own in autocommit mode, as the application role."""
    async with await psycopg.AsyncConnection.connect(
        url, autocommit=True, options=WORKER_OPTIONS, connect_timeout=5
    ) as connection:
        yield connection


async def persist(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, anew whenever a store was away: sooner at first, then every five seconds."""
    pause = 0.1
    while True:
        at_work()
        began = time.monotonic()
        try:
            await work()
        except PASSING as error:
            log.warning("begins again", worker=name, error=type(error).__name__, message=str(error).partition("\n")[0])
        pause = 0.1 if time.monotonic() - began > 10 else min(2 * pause, 5.0)
        await asyncio.sleep(pause)


async def until_told(
    work: Awaitable[None], signals: Iterable[signal.Signals] = (signal.SIGTERM, signal.SIGINT)
) -> None:
    """Do the work until one of the signals cancels it."""
    task = asyncio.ensure_future(work)
    beside = asyncio.create_task(collect_by_the_clock())
    for number in signals:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")
    finally:
        beside.cancel()


def serve_metrics(port: int) -> None:
    """Serve the metrics on this port, from a thread; that they are served says that the process lives."""
    start_http_server(port)
