"""Keeps the lakehouse's files in order beside the one who writes: small files become larger ones, old snapshots and
files that nothing refers to go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import duckdb
import structlog
from prometheus_client import Counter, Gauge

from projections.analytics.intake import Intake

log = structlog.get_logger()

TIDIED = Counter("kronika_lake_care", "Rounds of putting the lakehouse's files in order.", ["round", "outcome"])
SWEPT = Gauge("kronika_lake_swept", "When the lakehouse was last swept, in seconds since 1970.")


@dataclass(frozen=True)
class Upkeep:
    """How often files are put in order, and how old what is removed must be."""

    tidy_every: timedelta = timedelta(seconds=30)
    sweep_every: timedelta = timedelta(hours=1)
    keep: timedelta = timedelta(days=1)
    """How far back the lakehouse can be asked as of a snapshot"""
    safe: timedelta = timedelta(hours=2)
    """Longer than any query reads a file, or any commit takes to name the one it has written"""


@contextmanager
def told(round: str) -> Iterator[None]:
    outcome = "lost to another commit"
    try:
        with suppress(duckdb.Error):
            yield
            outcome = "done"
    finally:
        TIDIED.labels(round, outcome).inc()


async def care(facts: Intake, upkeep: Upkeep) -> None:
    """Put the files in order, again and again. Losing to another's commit does no harm: there is a next time."""
    loop = asyncio.get_running_loop()
    sweep_at = loop.time() + upkeep.sweep_every.total_seconds()
    while True:
        await asyncio.sleep(upkeep.tidy_every.total_seconds())
        with told("tidy"):
            for step in await facts.aside(facts.lake.steps_to_tidy):
                await facts.aside(step)
        if loop.time() >= sweep_at:
            sweep_at = loop.time() + upkeep.sweep_every.total_seconds()
            with told("sweep"):
                removed = await facts.run(lambda: facts.lake.sweep(keep=upkeep.keep, safe=upkeep.safe))
                SWEPT.set_to_current_time()
                log.info("swept the lakehouse", worker="analyst", files_removed=removed)
