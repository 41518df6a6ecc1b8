"""`make policy-campaign`: in company after company everybody asks every route; the rules say what is to be answered."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg

from api.app import create_app
from api.kronika import Kronika
from deploy.migrate import migrate
from deploy.postgres import LocalPostgres
from deploy.serving import log_as_lines
from deploy.settings import Settings
from eventlog import feed
from eventlog.connections import APP_ROLE
from eventlog.keys import FileKeyStore
from projections import TABLES
from projections.host import Host
from projections.slot import Slot
from tests.policy.comparing import compared
from tests.policy.world import Place, world

SHOWN = 5
"""Of what is wrong in one company, how much is told at once."""


async def campaign(at: Settings, cases: int, seed: int) -> int:
    """How many answers were wrong."""
    app, store = create_app(at), FileKeyStore(at.keys_path)
    asked = wrong = 0
    async with AsyncExitStack() as stack:
        stack.callback(store.close)
        await stack.enter_async_context(app.router.lifespan_context(app))
        house: Kronika = app.state.kronika
        own = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(
                str(at.database_url), autocommit=True, options=f"{APP_ROLE} -c TimeZone=UTC"
            )
        )
        host = Host(own, [Slot(projection) for projection in TABLES])
        await host.claim(range(house.log.partitions))
        taken_in = 0

        async def project() -> None:
            nonlocal taken_in
            while page := await feed.page(own, house.log.codec, after=taken_in):
                await host.apply(page)
                taken_in = page[-1].position

        while asked < cases:
            async with world(Place(app, house, store, project), seed) as made:
                count, faults = await compared(made, app, seed)
            asked, wrong, seed = asked + count, wrong + len(faults), seed + 1
            for fault in faults[:SHOWN]:
                print(f"company {seed - 1}: {fault}", flush=True)
            print(f"{asked:,} answers compared, {wrong:,} wrong", flush=True)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.policy", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="how many answers, at the least")
    parser.add_argument("--seed", type=int, default=1, help="the first company's")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kronika-policy-") as directory:
        home = Path(directory)
        home.chmod(0o755)
        postgres = LocalPostgres(home)
        url = postgres.start()
        try:
            at = Settings(home=home, database_url=url, log_level="error", key_rate=1e9, tenant_rate=1e9)
            log_as_lines("error")
            migrate(url, at)
            return int(bool(asyncio.run(campaign(at, wanted.cases, wanted.seed))))
        finally:
            postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
