"""`make policy-campaign`: in company after company everybody asks every route and command; the rules say what is to be
answered. Then two tenants: one asks of all that the other has."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from api.app import create_app
from deploy.settings import Settings
from eventlog.keys import FileKeyStore
from tests.following import following
from tests.fresh import fresh_system
from tests.policy.comparing import Compared, compared
from tests.policy.strangers.leaking import Found, strangers
from tests.policy.world import Place, world

SHOWN = 12
"""Of what is wrong in one company, how much is told at once."""
MANY = 2
"""Of how many things each stranger asks at each operation, and with how many of its parameters."""


@asynccontextmanager
async def opened(at: Settings) -> AsyncIterator[Place]:
    """An API, and read models and a lakehouse that take in what is recorded whenever they are asked to."""
    app, store = create_app(at), FileKeyStore(at.keys_path)
    async with AsyncExitStack() as stack:
        stack.callback(store.close)
        await stack.enter_async_context(app.router.lifespan_context(app))
        project, analyse = await stack.enter_async_context(following(at, store))
        yield Place(app, app.state.kronika, store, project, analyse)


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
