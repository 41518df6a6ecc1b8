"""The board, the money, the timeline and all sides of a customer as of any moment of two clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import zip_longest
from random import Random

import pytest

from projections.as_of import listed, settled
from projections.asking import Ask, Filter
from projections.customer_360 import customer_360
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut
from projections.opportunities import OPPORTUNITIES
from projections.orders import ORDERS
from projections.pipeline_board import board
from projections.receivables import RECEIVABLES, ageing
from projections.stage_durations import STAGE_DURATIONS
from projections.timeline import timeline
from tests.projections.conftest import day
from tests.projections.remembered import DEMO, FIRST, cuts_of, filled_company, told_by_the_log

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def filled(database_url, keys):
    async with filled_company(database_url, keys) as filled:
        yield filled


async def test_the_board_and_what_is_owed_are_those_of_the_day(filled):
    own, streams = filled
    counted = owed = 0
    for cut in cuts_of(streams, 7, 12):
        there = [row for row in told_by_the_log(OPPORTUNITIES, cut, streams).values() if row["stage_type"] == "open"]
        columns = await board(own, DEMO, cut=await settled(own, cut), limit=500)
        assert sum(column.count for column in columns) == len(there)
        shown_there = {
            card["id"]: (card["amount"], column.stage) for column in columns for card in column.opportunities
        }
        assert shown_there == {row["id"]: (row["amount"], row["stage"]) for row in there}
        debts = [row for row in told_by_the_log(RECEIVABLES, cut, streams).values() if row["outstanding"]]
        now = cut.as_of or datetime.now(UTC)
        sums = {row["currency"]: row for row in await ageing(own, DEMO, now, cut=await settled(own, cut))}
        for currency in {row["currency"] for row in debts}:
            of_it = [row for row in debts if row["currency"] == currency]
            assert sums[currency]["outstanding"] == sum(row["outstanding"] for row in of_it)
            late = sum(row["outstanding"] for row in of_it if row["due_on"] < now.date())
            assert (sums[currency]["outstanding"] > sums[currency]["not_due"]) == (late > 0)
        counted, owed = counted + len(there), owed + len(debts)
    assert counted
    assert owed


async def test_a_timeline_and_all_sides_of_a_customer_end_where_they_are_cut(filled):
    own, streams = filled
    chance, seen = Random(8), 0
    customers = [id for id, events in streams.items() if events[0].type == FIRST]
    for cut in cuts_of(streams, 9, 24):
        id, at = chance.choice(customers), await settled(own, cut)
        linked = {
            i: r["customer_id"] for i, r in told_by_the_log(OPPORTUNITIES, cut, streams).items() if r["customer_id"]
        }
        kept = {
            stream: cut.of(events)
            for stream, events in streams.items()
            if linked.get(stream, events[0].subject_id) == id
        }
        positions = sorted(recorded.position for events in kept.values() for recorded in events)
        page = await timeline(own, DEMO, id, Ask(sort="position", limit=500), at)
        assert [row["position"] for row in page.rows] == positions, cut
        sides = await customer_360(own, DEMO, id, cut=at)
        card = told_by_the_log(CUSTOMERS, cut, {id: streams[id]})
        assert (sides is not None) == bool(card)
        if sides is None:
            continue
        assert {name: sides.parts["card"][name] for name in CUSTOMERS.columns} == card[id]
        orders = told_by_the_log(ORDERS, cut, {stream: streams[stream] for stream in kept})
        assert sum(row["count"] for row in sides.parts["order_totals"]) == len(orders)
        assert len(sides.parts["timeline"]) == min(10, len(positions))
        seen += len(orders)
    assert seen


async def test_a_stay_in_a_stage_ends_only_when_it_had_ended(filled):
    own, streams = filled
    for cut in cuts_of(streams, 10, 8):
        at = await settled(own, cut)
        expected = {}
        for id, events in streams.items():
            moves = [r for r in cut.of(events) if r.event_class in STAGE_DURATIONS.projection.handlers]
            ends = [move.occurred_at for move in moves[1:]]
            expected |= {(id, move.version): end for move, end in zip_longest(moves, ends)}
        rows, cursor = [], None
        while rows == [] or cursor:
            page = await listed(own, DEMO, STAGE_DURATIONS, Ask(limit=500, cursor=cursor), at)
            rows, cursor = rows + page.rows, page.cursor
            if not page.rows:
                break
        assert {(row["opportunity_id"], row["version"]): row["left_at"] for row in rows} == expected


async def test_an_opportunity_belongs_to_the_customer_that_it_was_linked_to_then(company):
    first, second = (
        await company.customer("王芳", occurred_at=day(1)),
        await company.customer("李丽", occurred_at=day(1)),
    )
    opportunity = await company.opportunity(customer_id=first, occurred_at=day(2))
    await company.does(
        "link-opportunity-to-customer", opportunity_id=opportunity, customer_id=second, occurred_at=day(5)
    )
    await company.settles()

    async def belongs_to(customer, cut):
        page = await timeline(company.connection, company.caller, customer, Ask(), cut)
        return opportunity in {row["stream_id"] for row in page.rows}

    for cut, owner in ((Cut(day(3)), first), (Cut(day(6)), second), (NOW, second)):
        assert [await belongs_to(customer, cut) for customer in (first, second)] == [owner == first, owner == second]


async def test_two_customers_that_were_merged_are_two_as_of_before_and_as_known_before(company):
    survivor, merged = [await company.customer(name, occurred_at=day(1)) for name in ("王芳", "王小芳")]
    order = await company.order(merged, occurred_at=day(2))
    await company.settles()
    before = max(row["position"] for row in (await company.list(ORDERS)).rows)
    await company.does("merge-customers", survivor_id=survivor, merged_id=merged, occurred_at=day(5))
    await company.settles()

    async def told(cut):
        cut = await settled(company.connection, cut)
        of_it = Ask((Filter("customer_id", "eq", survivor),), fields=("id",))
        orders = await listed(company.connection, company.caller, ORDERS, of_it, cut)
        everyone = await listed(company.connection, company.caller, CUSTOMERS, Ask(fields=("id",)), cut)
        sides = await customer_360(company.connection, company.caller, survivor, cut=cut)
        return len(everyone.rows), [row["id"] for row in orders.rows], [row["id"] for row in sides.parts["orders"]]

    for cut in (Cut(day(4)), Cut(None, before), Cut(day(6), before)):
        assert await told(cut) == (2, [], [])
    for cut in (Cut(day(6)), NOW):
        assert await told(cut) == (1, [order], [order])
