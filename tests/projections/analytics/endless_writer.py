"""A writer in a process of its own, to be killed: it takes the log in by tiny commits, and tidies up between them."""

from __future__ import annotations

import asyncio
import sys

from psycopg import AsyncConnection

from eventlog import feed
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.keys import NobodysKeys
from projections.analytics.intake import Intake
from projections.analytics.lake import Lake


async def write(url: str, path: str) -> None:
    codec = Codec(NobodysKeys())
    intake = Intake(Lake.open(url, path))
    await intake.claim(intake.lake.checkpoints())
    async with await AsyncConnection.connect(url, autocommit=True, options=APP_ROLE) as connection:
        sys.stdout.write("writing\n")
        sys.stdout.flush()
        while True:
            for partition in sorted(intake.partitions):
                after = intake.checkpoint(partition)
                await intake.apply(await feed.page(connection, codec, after=after, limit=3, partition=partition))
                await intake.commit()
            await intake.run(intake.lake.tidy)


asyncio.run(write(*sys.argv[1:]))
