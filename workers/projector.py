"""Keeps the query tables: every event to the projections, and their rows with the checkpoint into PostgreSQL."""

from __future__ import annotations

from eventlog.codec import Codec
from projections.host import Host
from projections.projection import Projection
from projections.slot import Slot
from workers.inbox import Inbox
from workers.lifetime import Surroundings, Worker, connected, persist


def project(*projections: Projection, name: str = "projector", pace_s: float = 0) -> Worker:
    """The worker that keeps the tables of these projections; several of it share the partitions."""

    async def serve(around: Surroundings) -> None:
        async with connected(around.database_url) as writing, connected(around.database_url) as reading:
            host = Host(writing, [Slot(projection) for projection in projections])
            await Inbox(name, host, reading, Codec(around.keys), around.kafka, pace_s).run()

    async def work(around: Surroundings) -> None:
        await persist(name, lambda: serve(around))

    return work
