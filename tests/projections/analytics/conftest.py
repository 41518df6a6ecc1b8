"""A lakehouse beside the company's log, and the way into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from eventlog import feed
from projections.analytics.intake import Intake
from projections.analytics.lake import Lake, prepare


class Lakehouse:
    """Where a lakehouse is, for whoever opens it."""

    def __init__(self, url: str, path: str) -> None:
        self.url, self.path = url, path

    def open(self, *, read_only: bool = False) -> Lake:
        return Lake.open(self.url, self.path, read_only=read_only)

    @asynccontextmanager
    async def intake(self) -> AsyncIterator[Intake]:
        """One who takes events in, and owns all partitions."""
        intake = Intake(self.open())
        try:
            await intake.claim(intake.lake.checkpoints())
            yield intake
        finally:
            await intake.close()

    async def settles(self, company, *, size: int = 500) -> int:
        """Everything that happened is taken in, in commits of `size`. Answers the log's head."""
        async with self.intake() as intake:
            await take_in(intake, company, size=size)
        return await feed.head(company.connection)


async def take_in(intake: Intake, company, *, size: int = 500) -> None:
    for partition in sorted(intake.partitions):
        after = intake.checkpoint(partition)
        while page := await feed.page(
            company.connection, company.log.codec, after=after, limit=size, partition=partition
        ):
            await intake.apply(page)
            await intake.commit()
            after = page[-1].position


@pytest.fixture(scope="module")
def lakehouse(database_url, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("lake"))
    assert prepare(database_url, path) == []
    return Lakehouse(database_url, path)
