"""Sales reports: on histories small enough to count by hand, and recounted from the events of a made-up company."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from random import Random

import pytest

from domain.opportunity import Opportunity
from domain.order import Order, Part
from projections.analytics.views.money import Revenue
from projections.analytics.views.reports import SalesResults, SalesTrend
from tests.projections.analytics.histories import Histories, at, in_stage
from tests.projections.analytics.made_up import bought, deals, makes_up

END = at(6, 30, year=2026)
MOMENTS = [at(8, 20, 12, year=2024), at(5, 17, year=2025), END]


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


def test_sales_results_say_who_won_how_much_and_keep_currencies_apart(company):
    for amount, moment in ((300, at(2, 1)), (500, at(2, 2))):
        company.wins(company.opens(at(1, 5), owner="li", amount=amount), moment, amount=amount)
    company.wins(company.opens(at(1, 5), owner="li", currency="EUR"), at(2, 3), currency="EUR")
    company.loses(company.opens(at(2, 6), owner="li"), at(3, 1))
    company.loses(company.opens(at(2, 6), owner="wang", amount=None), at(3, 1))
    reopened = company.opens(at(2, 6), owner="wang")
    company.loses(reopened, at(2, 7))
    company.happens(reopened, Opportunity.Reopened, at(2, 8), **in_stage("Proposal"))
    names = ("dimension", "currency", "opened", "won", "lost", "win_rate", "won_value", "mean_value")
    assert company.told(SalesResults(), *names) == [
        ("li", "CNY", 3, 2, 1, pytest.approx(2 / 3), Decimal(800), 400.0),
        ("li", "EUR", 1, 1, 0, 1.0, Decimal(1000), 1000.0),
        ("wang", "CNY", 1, 0, 0, None, Decimal(0), None),
        ("wang", None, 1, 0, 1, 0.0, None, None),
    ]
    by_month = SalesResults(by=None, period="month", currency="CNY")
    assert company.told(by_month, "period", "opened", "won", "lost") == [
        (date(2025, 1, 1), 2, 0, 0),
        (date(2025, 2, 1), 2, 2, 0),
        (date(2025, 3, 1), 0, 0, 1),
    ]
    february = SalesResults(by=None, first=date(2025, 2, 2), before=date(2025, 3, 1), currency="CNY")
    assert company.told(february, "opened", "won", "won_value") == [(2, 1, Decimal(500))]


def test_the_trend_shows_months_without_sales_and_what_changed_since_the_year_before(company):
    for moment, amount in ((at(1, 9), 100), (at(2, 9), 150), (at(5, 9), 60), (at(1, 9, year=2026), 300)):
        company.wins(company.opens(at(1, 1)), moment, amount=amount)
    names = ("period", "value", "change", "change_share", "year_change", "year_change_share", "moving_average")
    trend = [row[1:] for row in company.told(SalesTrend(), "measure", *names) if row[0] == "won"]
    assert [(day.month, value) for day, value, *_ in trend] == [
        (1, 100), (2, 150), (3, 0), (4, 0), (5, 60), *((month, 0) for month in range(6, 13)), (1, 300),
    ]  # fmt: skip
    assert trend[0][2:] == (None, None, None, None, None)
    assert trend[1][2:] == (50, 0.5, None, None, None)
    assert trend[2][2:] == (-150, -1.0, None, None, pytest.approx(250 / 3))
    assert trend[3][2:] == (0, None, None, None, 50.0)
    assert trend[12][2:] == (300, None, 200, 2.0, 100.0)
    asked = SalesTrend(period_from=date(2026, 1, 1))
    assert [row[1:] for row in company.told(asked, "measure", *names) if row[0] == "won"] == trend[12:]
    by_year = company.told(SalesTrend(period="year"), "measure", "period", "value", "year_change")
    assert [row[1:] for row in by_year if row[0] == "won"] == [
        (date(2025, 1, 1), 310, None),
        (date(2026, 1, 1), 300, -10),
    ]


def test_the_trend_tells_what_was_booked_and_earned_by_currency(company):
    order = company.orders(company.registers(at(1, 1)), at(1, 5), ("pump", 2, 200))
    for kind, moment in ((Order.Delivered, at(2, 1)), (Order.ReturnReceived, at(3, 1))):
        company.happens(order, kind, moment, parts=(Part(1, Decimal(1)),), quantity=Decimal(1), worth=Decimal(1))
    company.orders(company.registers(at(1, 1)), at(1, 6), ("pump", 1, 70), currency="EUR")
    told = company.told(SalesTrend(), "period", "currency", "measure", "value")
    assert {row[1:] for row in told if row[0] == date(2025, 1, 1)} == {
        ("CNY", "won", 0), ("CNY", "booked", 200), ("CNY", "revenue", 0),
        ("EUR", "won", 0), ("EUR", "booked", 70), ("EUR", "revenue", 0),
    }  # fmt: skip
    assert [row for row in told if row[2] == "revenue" and row[1] == "CNY"] == [
        (date(2025, 1, 1), "CNY", "revenue", 0),
        (date(2025, 2, 1), "CNY", "revenue", 100),
        (date(2025, 3, 1), "CNY", "revenue", -100),
    ]


@pytest.mark.parametrize("by", ["owner", "region"])
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_sales_results_are_what_a_recount_of_the_events_gives(made_up, moment, by):
    counted: dict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
    worth: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for deal in deals(made_up.events, moment):
        group = (getattr(deal, by), deal.currency if deal.amount is not None else None)
        counted[deal.opened_on.replace(day=1), *group]["opened"] += 1
        if deal.closed_on:
            counted[deal.closed_on.replace(day=1), *group][deal.state] += 1
        if deal.closed_on and deal.state == "won":
            worth[deal.closed_on.replace(day=1), *group] += deal.amount
    told = made_up.told(SalesResults(by=by, period="month", as_of=moment))
    assert {(*row[:3], row[3], row[4], row[5], row[7] or 0) for row in told} == {
        (*group, n["opened"], n["won"], n["lost"], worth[group]) for group, n in counted.items()
    }
    assert len(told) == len(counted) > 10


@pytest.mark.parametrize("months", [1, 3, 12])
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_the_trend_is_what_a_recount_of_the_events_gives(made_up, moment, months):
    sums: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    seen: dict[str, set[int]] = defaultdict(set)

    def number_of(day):
        return (day.year * 12 + day.month - 1) // months

    def adds(currency, measure, day, amount):
        sums[currency, measure, number_of(day)] += amount
        seen[currency].add(number_of(day))

    for deal in deals(made_up.events, moment):
        if deal.state == "won":
            adds(deal.currency, "won", deal.closed_on, deal.amount)
    for order in bought(made_up.events, moment):
        if order.confirmed_on:
            adds(order.currency, "booked", order.confirmed_on, order.net)
        for day, net in order.moved:
            adds(order.currency, "revenue", day, net)
    expected = {}
    for currency, periods in seen.items():
        for measure in ("won", "booked", "revenue"):
            for n in range(min(periods), max(periods) + 1):
                value = sums[currency, measure, n]
                before, year = n - 1, n - 12 // months
                expected[n, currency, measure] = (
                    value,
                    value - sums[currency, measure, before] if before >= min(periods) else None,
                    value - sums[currency, measure, year] if year >= min(periods) else None,
                    pytest.approx(float(sum(sums[currency, measure, n - k] for k in range(3)) / 3))
                    if n - 2 >= min(periods)
                    else None,
                )
    period = {1: "month", 3: "quarter", 12: "year"}[months]
    names = ("period", "currency", "measure", "value", "change", "year_change", "moving_average")
    told = made_up.told(SalesTrend(period=period, as_of=moment), *names)
    assert {(number_of(day), *row[:2]): tuple(row[2:]) for day, *row in told} == expected
    assert [row[:3] for row in told] == sorted(row[:3] for row in told)


def test_booked_and_earned_in_the_trend_are_those_of_revenue(made_up):
    trend = {row[:3]: row[3] for row in made_up.told(SalesTrend(), "measure", "period", "currency", "value")}
    for month, currency, booked, revenue in made_up.told(Revenue(), "month", "currency", "booked", "revenue"):
        assert trend["booked", month, currency] == booked
        assert trend["revenue", month, currency] == revenue


@pytest.mark.parametrize("view", [SalesResults(), SalesTrend()], ids=lambda view: view.name)
def test_of_an_empty_log_there_is_nothing_to_tell(company, view):
    assert company.told(view) == []
