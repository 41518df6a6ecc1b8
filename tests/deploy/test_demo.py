"""The demo company: the same every time, as large and lively as promised, and every command of it taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from commands.command import registration_of
from commands.customers import RenameCustomer
from commands.dispatch import canonical
from commands.opportunities import WinOpportunity
from deploy.demo import Step, StepRefused, company, fill, unfinished
from deploy.demo.names import SOURCES
from domain.aggregate import Aggregate, Event
from domain.channel_cost import ChannelCost
from domain.customer import Customer
from domain.opportunity import Opportunity
from domain.order import Order
from domain.target import Target
from domain.ticket import Ticket
from eventlog import feed
from eventlog.envelope import Caller
from eventlog.keys import FileKeyStore
from eventlog.log import Log

A = TypeVar("A", bound=Aggregate)
TODAY = date(2026, 3, 2)
NOW = datetime.combine(TODAY, time(), UTC)
ACME = Caller("acme", "demo")


class Memory:
    """Runs commands through their handlers, over streams that are kept in memory."""

    tenant = "acme"
    imported = False

    def __init__(self) -> None:
        self.streams: dict[UUID, Aggregate] = {}
        self.events: list[Event] = []
        self.touched: list[Aggregate] = []

    def take(self, step: Step) -> None:
        self.actor = step.actor
        self.occurred_at = step.command.occurred_at
        handling = registration_of(step.command).handler(step.command, self)  # type: ignore[arg-type]  # a Crm in part
        with pytest.raises(StopIteration):
            handling.send(None)  # type: ignore[attr-defined]  # a coroutine
        for stream in self.touched:
            self.events.extend(stream.collect_events())
        self.touched.clear()

    async def load(self, kind: type[A], id: UUID) -> A:
        found = self.streams[id]
        assert isinstance(found, kind)
        found.now = self.occurred_at
        self.touched.append(found)
        return found

    async def load_or_new(self, kind: type[A], id: UUID) -> A:
        return await self.load(kind, id) if id in self.streams else self.new(kind, id)

    look_up = load_or_new

    def new(self, kind: type[A], id: UUID) -> A:
        assert id not in self.streams
        blank = self.streams[id] = kind(id, self.occurred_at)
        self.touched.append(blank)
        return blank

    def all(self, kind: type[A]) -> list[A]:
        return [stream for stream in self.streams.values() if isinstance(stream, kind)]


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return list(company(7, TODAY))


@pytest.fixture(scope="module")
def business(steps) -> Memory:
    """The whole company, every command taken in the order given: none refused, whatever each stream holds by then."""
    memory = Memory()
    for step in steps:
        memory.take(step)
    return memory


def written(steps: Iterable[Step]) -> list[tuple[str, str, bytes]]:
    return [(step.key, step.actor, canonical(registration_of(step.command), step.command)) for step in steps]


def moment(step: Step) -> datetime:
    assert step.command.occurred_at is not None
    return step.command.occurred_at


def test_the_same_seed_and_day_give_the_same_company_and_another_seed_another():
    first = written(company(7, TODAY, 0.03))
    assert first == written(company(7, TODAY, 0.03))
    assert first != written(company(8, TODAY, 0.03))
    assert first != written(company(7, TODAY + timedelta(days=1), 0.03))


def test_it_is_as_large_as_promised(business, steps):
    assert len(business.all(Customer)) >= 2_000
    assert len(business.all(Opportunity)) >= 3_000
    assert len(business.all(Order)) >= 5_000
    assert len(business.all(Ticket)) >= 4_000
    assert len({step.key for step in steps}) == len(steps)


def test_it_happened_in_the_two_years_before_the_day_and_nothing_lies_in_the_future(steps):
    moments = [moment(step) for step in steps]
    assert NOW - timedelta(days=731) < min(moments) < NOW - timedelta(days=725)
    assert NOW - timedelta(days=2) < max(moments) < NOW


def test_no_win_is_so_fresh_that_the_reactor_would_place_an_order_for_it(steps):
    assert max(moment(step) for step in steps if isinstance(step.command, WinOpportunity)) < NOW - timedelta(days=2)


def test_customers_are_persons_and_firms_of_three_markets_some_in_groups_some_gone(business):
    customers = business.all(Customer)
    kinds = Counter(customer.kind for customer in customers)
    assert min(kinds["person"], kinds["organisation"]) > 800
    chinese = [customer for customer in customers if any("\u4e00" <= sign <= "\u9fff" for sign in customer.name)]
    assert 0.3 < len(chinese) / len(customers) < 0.8
    assert sum(customer.parent_id is not None for customer in customers) > 60
    assert sum(bool(customer.primary_contacts) for customer in customers) > 300
    assert sum(not customer.active for customer in customers) > 60
    assert {"given", "withdrawn"} == {consent for customer in customers for consent in customer.consents.values()}


def test_the_funnel_narrows_and_sales_are_won_lost_for_reasons_reopened_and_linked_late(business):
    opportunities = business.all(Opportunity)
    stages = Counter(opportunity.stage for opportunity in opportunities)
    assert 0.15 < stages["Won"] / (stages["Won"] + stages["Lost"]) < 0.4
    assert all(stages[stage] > 20 for stage in ("Prospecting", "Qualification", "Proposal", "Negotiation"))
    happened = Counter(type(event) for event in business.events)
    assert happened[Opportunity.Reopened] > 50
    assert happened[Opportunity.CustomerLinked] > 100
    moves = [event for event in business.events if isinstance(event, Opportunity.StageMoved)]
    assert sum(move.stage_rank < move.from_stage_rank for move in moves) > 50
    assert len({opportunity.lost_reason for opportunity in opportunities if opportunity.lost_reason}) == 6
    assert any(opportunity.customer_id is None for opportunity in opportunities)


def test_every_won_opportunity_brings_one_order_of_what_was_sold(business):
    won = {opportunity.id for opportunity in business.all(Opportunity) if opportunity.stage_type == "won"}
    orders = Counter(order.opportunity_id for order in business.all(Order) if order.opportunity_id)
    assert set(orders.values()) == {1}
    assert orders.keys() <= won
    assert len(orders) > 0.97 * len(won)  # those of the last days are still to come


def test_each_quarter_has_targets_somewhat_above_what_was_won_in_the_one_before(business):
    targets = business.all(Target)
    assert {target.period for target in targets} >= {f"2025-Q{number}" for number in (1, 2, 3, 4)}
    assert all((target.owner is None) != (target.team is None) for target in targets)
    assert {target.currency for target in targets} == {"CNY", "EUR", "USD"}


def test_each_month_that_is_over_has_its_channels_costs(business):
    costs = business.all(ChannelCost)
    assert {cost.channel for cost in costs} == set(SOURCES)
    assert max(cost.month for cost in costs) == date(2026, 1, 1)
    assert all(cost.amount > 0 for cost in costs)


def test_orders_come_in_seasons_and_end_in_every_way(business):
    orders = business.all(Order)
    labels = Counter(order.label for order in orders)
    assert min(labels[label] for label in ("Draft", "Cancelled", "Closed", "Completed", "To deliver and bill")) > 3
    assert {order.currency for order in orders} == {"CNY", "EUR", "USD"}
    assert sum(order.refunded > 0 for order in orders) > 50
    assert sum(0 < order.paid < order.total for order in orders) > 3
    placed = Counter(
        (event.timestamp.year, event.timestamp.month, event.currency)
        for event in business.events
        if isinstance(event, Order.Placed)
    )
    assert placed[2025, 12, "EUR"] > 1.3 * placed[2025, 8, "EUR"]
    assert placed[2026, 1, "CNY"] > placed[2025, 9, "CNY"]


def test_a_few_customers_buy_much(business):
    worth = Counter[UUID]()
    for order in business.all(Order):
        if order.currency == "CNY" and order.state != "cancelled":
            worth[order.customer_id] += order.total
    best = [amount for _, amount in worth.most_common()]
    assert 0.25 < sum(best[:10]) / sum(best, Decimal(0)) < 0.8


def test_tickets_are_answered_paused_escalated_reopened_merged_and_rated(business):
    happened = Counter(type(event) for event in business.events)
    assert min(happened[kind] for kind in (Ticket.Paused, Ticket.Escalated, Ticket.Reopened)) > 200
    assert happened[Ticket.Merged] > 50
    scores = Counter(event.score for event in business.events if isinstance(event, Ticket.SatisfactionRecorded))
    assert scores.keys() == {1, 2, 3, 4, 5}
    assert {ticket.state for ticket in business.all(Ticket)} == {"open", "waiting", "resolved", "closed", "merged"}


def test_some_facts_are_recorded_long_after_they_were_so(steps):
    """Recorded in the order given, so a moment before that of the step before is one that was learned late."""
    late, latest = 0, NOW - timedelta(days=999)
    for step in steps:
        late += moment(step) < latest - timedelta(hours=8)
        latest = max(latest, moment(step))
    assert late > 200


@pytest.fixture
async def log(database_url: str, keys: FileKeyStore) -> Any:
    async with Log.open(database_url, keys) as opened:
        yield opened


@pytest.mark.anyio
async def test_it_fills_a_log_once_and_goes_on_where_it_was_interrupted(log):
    small = list(company(7, TODAY, 0.03))
    assert await unfinished(log, "acme") is None
    await fill(log, ACME, small[: len(small) // 3])
    assert await unfinished(log, "acme") == TODAY
    told = []
    sent = await fill(log, ACME, small, told.append)
    assert sent == len(small) - len(small) // 3
    assert (told[-1].done, told[-1].total) == (sent, sent)
    assert await unfinished(log, "acme") is None
    async with log.connection() as connection:
        full = await feed.head(connection)
        assert await fill(log, ACME, small) == 0
        assert await feed.head(connection) == full


@pytest.mark.anyio
async def test_the_log_then_holds_of_each_stream_what_the_business_decided(log):
    small = list(company(7, TODAY, 0.03))
    memory = Memory()
    for step in small:
        memory.take(step)
    await fill(log, ACME, small)
    in_memory = {}
    for event in memory.events:
        in_memory.setdefault(event.originator_id, []).append(event)
    recorded = {}
    async with log.connection() as connection:
        async for page in feed.everything(connection, log.codec):
            for entry in page:
                assert entry.actor != "demo"  # each step has its own
                recorded.setdefault(entry.stream_id, []).append(entry.event)
    assert recorded == in_memory


@pytest.mark.anyio
async def test_a_step_that_is_refused_says_which_one_it_was(log):
    nobody = RenameCustomer(customer_id=uuid4(), name="x", occurred_at=NOW - timedelta(days=1))
    with pytest.raises(StepRefused, match=r"broken RenameCustomer .*There is no customer"):
        await fill(log, ACME, [Step("broken", "li", nobody)])
