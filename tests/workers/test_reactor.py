"""The reactor: exactly one order for each win, whatever crashes."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from commands.opportunities import (
    OfferedLine,
    OpenOpportunity,
    ReopenOpportunity,
    SetProductLines,
    WinOpportunity,
)
from eventlog import feed
from tests.log_helpers import ask, registering
from tests.workers.conftest import at_work, eventually, value
from workers.policies import draft_order_when_won
from workers.reactor import react

pytestmark = pytest.mark.anyio


async def reacted(connection):
    return await value(connection, "SELECT read.reflected('reactor')") == await feed.head(connection)


async def orders_of(connection, log, opportunity):
    found = []
    async for page in feed.everything(connection, log.codec):
        found += [r for r in page if r.type == "order.placed" and r.event.opportunity_id == opportunity]
    return found


async def won(log, *, lines=(), customer=True, days_ago=0):
    """An opportunity that was won; answers its id."""
    opportunity, buyer = uuid4(), uuid4()
    when = datetime.now(UTC) - timedelta(days=days_ago, minutes=1)
    if customer:
        await ask(log, registering(buyer))
    await ask(
        log,
        OpenOpportunity(
            opportunity_id=opportunity,
            title="20 pumps",
            customer_id=buyer if customer else None,
            amount=Decimal("1200.50"),
            currency="CNY",
            owner="li",
            occurred_at=when,
        ),
    )
    if lines:
        await ask(log, SetProductLines(opportunity_id=opportunity, lines=lines, occurred_at=when))
    await ask(log, WinOpportunity(opportunity_id=opportunity, occurred_at=when + timedelta(seconds=1)))
    return opportunity


async def test_a_win_places_one_draft_order_with_what_was_offered(around, log, connection):
    lines = (OfferedLine(sku="P-1", quantity=2, unit_price=Decimal("10.00"), discount=Decimal("0.1")),)
    with_lines, without = await won(log, lines=lines), await won(log)
    async with at_work(react(draft_order_when_won), around):
        await eventually(lambda: reacted(connection))
    (order,) = await orders_of(connection, log, with_lines)
    assert [(x.sku, x.quantity, x.net) for x in order.event.lines] == [("P-1", 2, Decimal("18.00"))]
    (order,) = await orders_of(connection, log, without)
    assert (order.event.total, order.event.currency, order.event.owner) == (Decimal("1200.50"), "CNY", "li")


async def test_the_order_tells_what_caused_it(around, log, connection):
    opportunity = await won(log)
    async with at_work(react(draft_order_when_won), around):
        await eventually(lambda: reacted(connection))
    (order,) = await orders_of(connection, log, opportunity)
    win = (await feed.stream(connection, log.codec, "acme", opportunity))[-1]
    assert order.actor == "policy:draft-order-when-won"
    assert (order.causation_id, order.correlation_id) == (win.event_id, win.correlation_id)
    assert order.occurred_at == win.occurred_at


async def test_won_again_after_it_was_reopened_places_another(around, log, connection):
    opportunity = await won(log)
    await ask(log, ReopenOpportunity(opportunity_id=opportunity))
    await ask(log, WinOpportunity(opportunity_id=opportunity, amount=Decimal(900)))
    async with at_work(react(draft_order_when_won), around):
        await eventually(lambda: reacted(connection))
    assert [order.event.total for order in await orders_of(connection, log, opportunity)] == [Decimal("1200.50"), 900]


async def test_without_a_customer_or_long_ago_nothing_is_ordered(around, log, connection):
    unknown, imported = await won(log, customer=False), await won(log, days_ago=400)
    async with at_work(react(draft_order_when_won), around):
        await eventually(lambda: reacted(connection))
    assert await orders_of(connection, log, unknown) == []
    assert await orders_of(connection, log, imported) == []


DIES = """
import os, signal
from workers.__main__ import main
from workers.reactor import Reactor

async def die(self, reached):
    os.kill(os.getpid(), signal.SIGKILL)

Reactor._advance = die
main("reactor")
"""


async def test_kill_9_between_order_and_checkpoint_still_places_one(around, log, connection, process):
    opportunities = [await won(log) for _ in range(5)]
    for _ in range(2):
        victim = process("-c", DIES)
        assert await asyncio.to_thread(victim.wait, 60) == -signal.SIGKILL
        assert not await reacted(connection)
    async with at_work(react(draft_order_when_won), around):
        await eventually(lambda: reacted(connection))
    for opportunity in opportunities:
        assert len(await orders_of(connection, log, opportunity)) == 1


async def test_two_reactors_and_a_replay_from_the_beginning_place_no_second_order(around, log, connection):
    await won(log)
    async with at_work(react(draft_order_when_won), around):
        await eventually(lambda: reacted(connection))
    before = await value(connection, "SELECT count(*) FROM log.events WHERE type = 'order.placed'")
    assert before
    await connection.execute("UPDATE read.checkpoints SET position = 0 WHERE slot = 'reactor'")
    async with at_work(react(draft_order_when_won), around), at_work(react(draft_order_when_won), around):
        await eventually(lambda: reacted(connection))
    assert await value(connection, "SELECT count(*) FROM log.events WHERE type = 'order.placed'") == before
