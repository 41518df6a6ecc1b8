"""`make policy-campaign`: in company after company everybody asks every route and command; the rules say what is to be
answered. Then two tenants: one asks of all that the other has."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from api.app import create_app
from api.kronika import Kronika
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
from tests.fresh import fresh_system
from tests.policy.comparing import Compared, compared
from tests.policy.strangers.leaking import Found, strangers
from tests.policy.world import Place, Step, world

SHOWN = 12
"""Of what is wrong in one company, how much is told at once."""
MANY = 2
"""Of how many things each stranger asks at each operation, and with how many of its parameters."""


@asynccontextmanager
async def opened(at: Settings) -> AsyncIterator[Place]:
    """An API, and read models and a lakehouse that take in what is recorded whenever they are asked to."""
    app, store, url = create_app(at), FileKeyStore(at.keys_path), str(at.database_url)
    async with AsyncExitStack() as stack:
        stack.callback(store.close)
        await stack.enter_async_context(app.router.lifespan_context(app))
        house: Kronika = app.state.kronika
        own = await stack.enter_async_context(
            await psycopg.AsyncConnection.connect(url, autocommit=True, options=f"{APP_ROLE} -c TimeZone=UTC")
        )
        host = Host(own, [Slot(projection) for projection in TABLES])
        await host.claim(range(house.log.partitions))
        faults = prepare(url, at.lake_path)
        assert faults == [], faults
        facts = Intake(Lake.open(url, at.lake_path))
        stack.push_async_callback(facts.close)
        await facts.claim(facts.lake.checkpoints())
        yield Place(app, house, store, following(own, house.log.codec, host.apply),
                    following(own, Codec(NobodysKeys()), facts.apply, facts.commit))  # fmt: skip


def following(
    own: psycopg.AsyncConnection, codec: Codec, apply: Callable[[Sequence[Recorded]], Awaitable[object]],
    commit: Callable[[], Awaitable[object]] | None = None,
) -> Step:  # fmt: skip
    """Takes in what was recorded since the last time."""
    taken_in = 0

    async def follow() -> None:
        nonlocal taken_in
        while page := await feed.page(own, codec, after=taken_in):
            await apply(page)
            taken_in = page[-1].position
        if commit:
            await commit()

    return follow


async def campaign(at: Settings, cases: int, each: int, seed: int) -> tuple[Compared, Found]:
    """All that was asked, and what was wrong."""
    total, companies = Compared(), 0
    async with opened(at) as place:
        while total.count < cases:
            async with world(place, seed) as made:
                found = await compared(place, made, seed, each)
            for fault in found.wrong[:SHOWN]:
                print(f"company {seed}: {fault}", flush=True)
            total.count, companies, seed = total.count + found.count, companies + 1, seed + 1
            total.routes |= found.routes
            total.wrong += found.wrong
            print(
                f"{companies} companies, {len(total.routes)} routes and commands:"
                f" {total.count:,} answers compared, {len(total.wrong):,} wrong",
                flush=True,
            )
        return total, await strangers(place, seed, MANY)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.policy", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="how many answers, at the least")
    parser.add_argument("--each", type=int, default=1_000, help="how many in each company, at the most")
    parser.add_argument("--seed", type=int, default=1, help="the first company's")
    wanted = parser.parse_args()
    with fresh_system("policy") as at:
        companies, tenants = asyncio.run(campaign(at, wanted.cases, wanted.each, wanted.seed))
    for leak in tenants.leaks[:SHOWN]:
        print(leak)
    print(
        f"{tenants.actors} of one tenant, {len(tenants.operations)} operations, {tenants.asked:,} questions about what"
        f" another has, with {tenants.words:,} words of its own: {len(tenants.leaks)} leaks"
    )
    return int(bool(companies.wrong or tenants.leaks))


if __name__ == "__main__":
    sys.exit(main())
