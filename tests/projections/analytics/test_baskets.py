"""What products have to do with one another: counted by hand, and recounted from the events of a made-up company."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise, permutations
from random import Random
from statistics import median
from uuid import UUID

import pytest

from domain.customer import Customer
from domain.order import Order
from projections.analytics.views.baskets import Baskets, NextProducts
from tests.projections.analytics.histories import Histories, at
from tests.projections.analytics.made_up import bought, makes_up

MOMENTS = [at(8, 20, 12, year=2024), at(5, 17, year=2025), at(6, 30, year=2026)]


@pytest.fixture(scope="module")
def lake(lakehouse):
    with lakehouse.open() as lake:
        yield lake


@pytest.fixture
def company(lake):
    return Histories(lake)


@pytest.fixture(scope="module", params=range(3))
def made_up(lake, request):
    company = Histories(lake)
    makes_up(company, Random(request.param))
    return company


def buys(company: Histories, customer: UUID, moment: datetime, *skus: str) -> UUID:
    return company.orders(customer, moment, *((sku, 1, 10) for sku in skus))


def test_products_bought_together_have_support_confidence_and_lift(company):
    """Four orders: pump and hose in two, pump alone in one, hose with a seal in one."""
    customer = company.registers(at(1, 1))
    for day, skus in ((5, ["pump", "hose", "pump"]), (6, ["pump", "hose"]), (7, ["pump"]), (8, ["hose", "seal"])):
        buys(company, customer, at(1, day), *skus)
    company.happens(buys(company, customer, at(1, 9), "pump", "seal"), Order.Cancelled, at(1, 10))
    company.orders(customer, at(1, 9), ("pump", 1, 10), ("seal", 1, 10), confirmed=False)
    assert company.told(Baskets()) == [
        ("hose", "pump", 2, 0.5, pytest.approx(2 / 3), pytest.approx(2 / 3 / 0.75)),
        ("pump", "hose", 2, 0.5, pytest.approx(2 / 3), pytest.approx(2 / 3 / 0.75)),
        ("hose", "seal", 1, 0.25, pytest.approx(1 / 3), pytest.approx(1 / 3 / 0.25)),
        ("seal", "hose", 1, 0.25, 1.0, pytest.approx(1 / 0.75)),
    ]
    assert company.told(Baskets(support=Decimal("0.5")), "sku", "with_sku") == [("hose", "pump"), ("pump", "hose")]
    assert company.told(Baskets(support=Decimal("0.51"))) == []
    assert ("pump", "seal") in company.told(Baskets(as_of=at(1, 9, 12)), "sku", "with_sku"), "it was a purchase then"


def test_an_order_of_very_many_products_tells_nothing_of_any_two(company):
    customer = company.registers(at(1, 1))
    buys(company, customer, at(1, 5), *(f"s{n}" for n in range(101)))
    buys(company, customer, at(1, 6), "pump", "hose")
    assert company.told(Baskets(), "sku", "orders", "support") == [("hose", 1, 1.0), ("pump", 1, 1.0)]
    assert len(company.told(Baskets(widest=101))) == 101 * 100 + 2
    assert company.told(NextProducts()) == []
    assert len(company.told(NextProducts(widest=101))) == 101 * 2


def test_what_comes_next_is_what_the_customer_did_not_just_buy(company):
    first, second, merged = (company.registers(at(1, 1)) for _ in range(3))
    buys(company, first, at(1, 1), "pump")
    buys(company, first, at(1, 11), "pump", "hose")
    buys(company, second, at(1, 1, 8), "pump")
    buys(company, second, at(1, 1, 9), "seal")  # of the same day: one purchase of both
    buys(company, merged, at(1, 21), "hose")
    buys(company, first, at(2, 1), "pump")
    names = ("sku", "next_sku", "purchases", "share", "lift", "median_days")
    assert company.told(NextProducts(), *names) == [("pump", "hose", 1, 0.5, 1.0, 10.0)]
    company.happens(merged, Customer.MergedInto, at(3, 1), into_id=second, handed_over=())
    # Three were followed by another one: both with a pump brought a hose, 10 and 20 days later; the third nothing new.
    assert company.told(NextProducts(), *names) == [
        ("pump", "hose", 2, pytest.approx(2 / 3), 1.0, 15.0),
        ("seal", "hose", 1, 1.0, pytest.approx(1.5), 20.0),
    ]
    assert company.told(NextProducts(least=2), "sku") == [("pump",)]
    assert company.told(NextProducts(as_of=date(2025, 1, 15)), *names) == [("pump", "hose", 1, 1.0, 1.0, 10.0)]


@pytest.mark.parametrize("support", ["0", "0.05"])
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_baskets_are_what_a_recount_of_the_events_gives(made_up, moment, support):
    orders = [
        {line.sku for line in order.lines.values()}
        for order in bought(made_up.events, moment)
        if order.confirmed_on and not order.cancelled
    ]
    one = Counter(sku for skus in orders for sku in skus)
    both = Counter(pair for skus in orders for pair in permutations(skus, 2))
    told = made_up.told(Baskets(as_of=moment, support=Decimal(support)))
    often = {(*pair, n) for pair, n in both.items() if n >= Decimal(support) * len(orders)}
    assert {row[:3] for row in told} == often != set()
    for sku, with_sku, n, share, confidence, lift in told:
        assert (share, confidence) == (pytest.approx(n / len(orders)), pytest.approx(n / one[sku]))
        assert lift == pytest.approx(n * len(orders) / (one[sku] * one[with_sku]))
    assert told == sorted(told, key=lambda row: (-row[2], *row[:2]))


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_next_products_are_what_a_recount_of_the_events_gives(made_up, moment):
    purchases: dict[UUID, dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    for order in bought(made_up.events, moment):
        if order.confirmed_on and not order.cancelled:
            purchases[order.customer][order.confirmed_on] |= {line.sku for line in order.lines.values()}
    steps = [
        (before, after - before, (later - earlier).days)
        for days in purchases.values()
        for (earlier, before), (later, after) in pairwise(sorted(days.items()))
    ]
    days = defaultdict(list)
    for before, fresh, gap in steps:
        for sku in before:
            for next_sku in fresh:
                days[sku, next_sku].append(gap)
    had = Counter(sku for before, _, _ in steps for sku in before)
    came = Counter(sku for _, fresh, _ in steps for sku in fresh)
    told = made_up.told(NextProducts(as_of=moment))
    assert {row[:3] for row in told} == {(*pair, len(gaps)) for pair, gaps in days.items()} != set()
    for sku, next_sku, n, share, lift, median_days in told:
        assert (share, median_days) == (pytest.approx(n / had[sku]), pytest.approx(median(days[sku, next_sku])))
        assert lift == pytest.approx(n / had[sku] / (came[next_sku] / len(steps)))
    assert told == sorted(told, key=lambda row: (-row[2], *row[:2]))


@pytest.mark.parametrize("view", [Baskets(support=Decimal(0)), NextProducts()], ids=lambda view: view.name)
def test_the_same_purchases_give_the_same_bytes(made_up, view):
    made_up.write()
    first = made_up.lake.ask(made_up.caller, view).rows
    for threads in (1, 4):
        made_up.lake.connection.execute(f"SET threads = {threads}")
        assert made_up.lake.ask(made_up.caller, view).rows.to_batches() == first.to_batches()


@pytest.mark.parametrize("view", [Baskets(), NextProducts()], ids=lambda view: view.name)
def test_of_an_empty_log_there_is_nothing_to_tell(company, view):
    assert company.told(view) == []
