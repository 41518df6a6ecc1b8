"""A process that reverts all that an import has brought, and tells a line for each stream as it goes on."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from commands import reverting
from eventlog import finding
from eventlog.envelope import Caller, Context
from eventlog.keys import FileKeyStore
from eventlog.log import Log


async def main(url: str, keys: str, tenant: str, job: str) -> None:
    async with Log.open(url, FileKeyStore(Path(keys))) as log:
        events = await finding.of_job(log, tenant, UUID(job))
        context = Context(tenant, "li", f"revert:{job}", UUID(int=1), reason="the wrong file")
        async for outcomes in reverting.revert(log, Caller(tenant, "li"), events, context):
            print(outcomes[0].event.id, {outcome.status for outcome in outcomes}, flush=True)


if __name__ == "__main__":
    reverting.AT_ONCE = 1
    asyncio.run(main(*sys.argv[1:]))
