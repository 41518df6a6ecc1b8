"""A made-up company, and the same figures counted once more from its events, in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.opportunity import Opportunity
from domain.order import Order, Part
from eventlog.envelope import Recorded
from tests.projections.analytics.histories import Histories, at, in_stage

OWNERS, REGIONS, SKUS = ("li", "wang", None), ("north", "south", None), ("pump", "hose", "seal", "valve", "tap")
CURRENCIES = ("CNY", "CNY", "EUR")


def makes_up(company: Histories, chance: Random, size: int = 40) -> None:
    """Two years of customers, some of them merged, with sales and orders of all fates, some entered in error."""
    customers = [company.registers(some_day(chance, 30), region=chance.choice(REGIONS)) for _ in range(size // 4)]
    for customer in chance.sample(customers, size // 10):
        company.happens(customer, Customer.Classified, some_day(chance), dimension="region", value="east")
    for one, other in zip(customers[: size // 10], customers[-size // 10 :], strict=True):
        company.happens(one, Customer.MergedInto, some_day(chance), into_id=other, handed_over=())
    for _ in range(size):
        sells(company, chance, chance.choice(customers))
        for _ in range(2):
            orders(company, chance, chance.choice(customers))


def some_day(chance: Random, days: int = 700) -> datetime:
    return at(1, 1, year=2024) + timedelta(days=chance.randrange(days), hours=chance.randrange(15))


def sells(company: Histories, chance: Random, customer: UUID) -> None:
    moment, currency = some_day(chance), chance.choice(CURRENCIES)
    amount = chance.choice((None, 0, 1000, 2500))
    sale = company.opens(moment, amount, currency, customer_id=customer, owner=chance.choice(OWNERS))
    if chance.random() < 0.3:
        company.happens(sale, Opportunity.Assigned, moment + timedelta(days=1), owner="zhao")
    if chance.random() < 0.8:
        moment += timedelta(days=chance.randrange(90))
        if chance.random() < 0.6:
            company.wins(sale, moment, chance.choice((700, 3100)), currency)
        else:
            company.loses(sale, moment)
        if chance.random() < 0.2:
            company.happens(sale, Opportunity.Reopened, moment + timedelta(days=1), **in_stage("Proposal"))
    retracted(company, chance, sale, Opportunity.Retracted)


def orders(company: Histories, chance: Random, customer: UUID) -> None:
    moment = some_day(chance)
    lines = [(sku, 2, 10 * chance.randint(1, 9)) for sku in chance.choices(SKUS, k=chance.randint(1, 4))]
    order = company.orders(
        customer, moment, *lines, currency=chance.choice(CURRENCIES), confirmed=chance.random() < 0.9
    )
    for kind, likely in ((Order.Delivered, 0.7), (Order.ReturnReceived, 0.3)):
        if chance.random() < likely:
            moment += timedelta(days=chance.randrange(60))
            company.happens(order, kind, moment, parts=(Part(1, Decimal(1)),), quantity=Decimal(1), worth=Decimal(1))
    if chance.random() < 0.1:
        company.happens(order, Order.Cancelled, moment + timedelta(days=1))
    retracted(company, chance, order, Order.Retracted)


def retracted(company: Histories, chance: Random, id: UUID, kind: Any) -> None:
    if chance.random() < 0.05:
        company.happens(id, kind, next(event for event in company.events if event.stream_id == id).occurred_at)


# -- the recount


@dataclass
class Deal:
    """An opportunity, as its events say."""

    opened_on: date
    owner: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    region: str | None = None
    state: str = "open"
    closed_on: date | None = None


@dataclass
class Bought:
    """An order, as its events say."""

    customer: UUID
    currency: str
    lines: dict[int, Any]
    confirmed_on: date | None = None
    cancelled: bool = False
    moved: list[tuple[date, Decimal]] = field(default_factory=list)
    """What was delivered, and what came back (less than nothing)"""

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines.values()), Decimal(0))


def streams(events: Iterable[Recorded], until: datetime) -> dict[UUID, list[Recorded]]:
    """What had happened by then, by stream, without what was entered in error; in the order of time, then version."""
    found: dict[UUID, list[Recorded]] = defaultdict(list)
    for event in sorted(events, key=lambda event: (event.occurred_at, event.version)):
        if event.occurred_at <= until:
            found[event.stream_id].append(event)
    return {id: of for id, of in found.items() if not any(event.type.endswith(".retracted") for event in of)}


def customers_of(events: Iterable[Recorded], until: datetime) -> tuple[dict[UUID, UUID], dict[UUID, str | None]]:
    """Whom each customer belongs to, and of which region it is."""
    survivors, regions = {}, {}
    for id, of in streams(events, until).items():
        for recorded in of:
            match recorded.event:
                case Customer.Registered(region=region) | Customer.Classified(value=region):
                    regions[id] = region
                case Customer.MergedInto(into_id=into):
                    survivors[id] = into
    return survivors, regions


def deals(events: list[Recorded], until: datetime) -> list[Deal]:
    survivors, regions = customers_of(events, until)
    found = []
    for of in streams(events, until).values():
        opened = of[0].event
        if not isinstance(opened, Opportunity.Opened):
            continue
        customer = opened.customer_id
        region = regions.get(survivors.get(customer, customer)) if customer else None
        deal = Deal(of[0].occurred_at.date(), opened.owner, opened.amount, opened.currency, region)
        for recorded in of:
            match recorded.event:
                case Opportunity.Assigned(owner=owner):
                    deal.owner = owner
                case Opportunity.Won(amount=amount, currency=currency, closed_on=day):
                    deal.amount, deal.currency, deal.state, deal.closed_on = amount, currency, "won", day
                case Opportunity.Lost(closed_on=day):
                    deal.state, deal.closed_on = "lost", day
                case Opportunity.Reopened():
                    deal.state, deal.closed_on = "open", None
        found.append(deal)
    return found


def bought(events: list[Recorded], until: datetime) -> list[Bought]:
    survivors, _ = customers_of(events, until)
    found = []
    for of in streams(events, until).values():
        placed = of[0].event
        if not isinstance(placed, Order.Placed):
            continue
        customer = survivors.get(placed.customer_id, placed.customer_id)
        order = Bought(customer, placed.currency, {line.number: line for line in placed.lines})
        for recorded in of:
            day = recorded.occurred_at.date()
            match recorded.event:
                case Order.Confirmed():
                    order.confirmed_on = day
                case Order.Cancelled():
                    order.cancelled = True
                case Order.Delivered(parts=(part,)):
                    order.moved.append((day, order.lines[part.line].net / 2))
                case Order.ReturnReceived(parts=(part,)):
                    order.moved.append((day, -order.lines[part.line].net / 2))
        found.append(order)
    return found
