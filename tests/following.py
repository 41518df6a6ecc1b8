"""Read models and a lakehouse that take in what was recorded whenever they are asked to: campaigns have no workers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from deploy.settings import Settings
from eventlog import feed
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.envelope import Recorded
from eventlog.keys import FileKeyStore, NobodysKeys
from projections import TABLES
from projections.analytics.intake import Intake
from projections.analytics.lake import Lake, prepare
from projections.host import Host
from projections.slot import Slot

Step = Callable[[], Awaitable[None]]


@asynccontextmanager
async def following(at: Settings, store: FileKeyStore) -> AsyncIterator[tuple[Step, Step]]:
    """What takes in what is new as the projector does, and what does as the analyst does; each asks only where there is
    anything."""
    url = str(at.database_url)
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(url, autocommit=True, options=f"{APP_ROLE} -c TimeZone=UTC")
        )
        host = Host(own, [Slot(projection) for projection in TABLES])
        await host.claim(range(at.partitions))
        faults = prepare(url, at.lake_path)
        assert faults == [], faults
        facts = Intake(Lake.open(url, at.lake_path))
        stack.push_async_callback(facts.close)
        await facts.claim(facts.lake.checkpoints())
        yield step(own, Codec(store), host.apply), step(own, Codec(NobodysKeys()), facts.apply, facts.commit)


def step(
    own: psycopg.AsyncConnection, codec: Codec, apply: Callable[[Sequence[Recorded]], Awaitable[object]],
    commit: Callable[[], Awaitable[object]] | None = None,
) -> Step:  # fmt: skip
    """Takes in what was recorded since the last time."""
    taken_in = 0

    async def follow() -> None:
        nonlocal taken_in
        before = taken_in
        while page := await feed.page(own, codec, after=taken_in):
            await apply(page)
            taken_in = page[-1].position
        if commit and taken_in > before:
            await commit()

    return follow
