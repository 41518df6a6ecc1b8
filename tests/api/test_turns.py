"""One tenant's flood is its own affair: what others send does not wait for it."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import turns
from api.turns import FEWEST, Turns

pytestmark = pytest.mark.anyio


class Work:
    """Requests that stay under way until they are let go."""

    def __init__(self, at_once: int) -> None:
        self.turns, self.under_way = Turns(at_once), Counter[str]()
        self.done = asyncio.Event()

    async def ask(self, tenant: str) -> None:
        async with self.turns.of(tenant):
            self.under_way[tenant] += 1
            try:
                await self.done.wait()
            finally:
                self.under_way[tenant] -= 1


async def begun(work: Work, *tenants: str) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(work.ask(tenant)) for tenant in tenants]
    await settled()
    return tasks


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_tenant_that_is_alone_has_as_much_under_way_as_it_sends():
    work = Work(at_once=4)
    await begun(work, *["busy"] * 50)
    assert work.under_way["busy"] == 50
    work.done.set()


async def test_beside_others_each_has_its_share_and_the_rest_waits_behind_its_own():
    work = Work(at_once=8)
    await begun(work, "calm", *["busy"] * 50)
    assert work.under_way == {"calm": 1, "busy": 4}
    await begun(work, "calm", "third", "third", "third")
    assert work.under_way == {"calm": 2, "busy": 4, "third": FEWEST}
    work.done.set()
    await settled()
    assert not +work.under_way


async def test_a_tenant_is_alone_again_when_the_others_have_not_asked_for_long(monkeypatch):
    monkeypatch.setattr(turns, "LINGERING_S", 0.0)
    work = Work(at_once=4)
    work.done.set()
    await asyncio.gather(*await begun(work, "calm"))
    work.done.clear()
    await begun(work, *["busy"] * 50)
    assert work.under_way["busy"] == 50
    work.done.set()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=40), st.randoms())
def test_whoever_gives_up_or_goes_wrong_leaves_the_turn_to_the_next(asked, random):
    async def play() -> None:
        work = Work(at_once=4)
        tasks = [(asyncio.create_task(work.ask(tenant)), gives_up) for tenant, gives_up in asked]
        await settled()
        for task, gives_up in random.sample(tasks, len(tasks)):
            if gives_up:
                task.cancel()
                if random.random() < 0.5:
                    await settled()
        work.done.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        assert all(task.cancelled() == gives_up for task, gives_up in tasks)
        async with asyncio.timeout(5):  # nobody is counted who is gone
            await asyncio.gather(*(work.ask(tenant) for tenant in "abc" * 4))

    asyncio.run(play())
