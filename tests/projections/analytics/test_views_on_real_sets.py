"""What views tell of real and published histories: the figures that others, or the files alone, give."""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from domain.opportunity import Opportunity
from domain.ticket import Ticket
from projections.analytics.views.customers import CohortRetention, Rfm, TopCustomers
from projections.analytics.views.money import Revenue
from projections.analytics.views.sales import Funnel, Velocity, WinRate
from projections.analytics.views.service import ServiceQuality
from tests.data.sending import DATA, needs, table
from tests.projections.analytics.histories import Histories, in_stage


@pytest.fixture(scope="module")
def lake(lakehouse):
    with lakehouse.open() as lake:
        yield lake


def midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


# -- a hardware seller's pipeline


@pytest.fixture(scope="module")
def hardware(lake):
    """8,800 opportunities; in the place of Engaging stands the default pipeline's Proposal."""
    folder = "crm_sales_opportunities"
    company = Histories(lake)
    office = {row["sales_agent"]: row["regional_office"] for row in table(f"{folder}/sales_teams.csv")}
    for row in table(f"{folder}/sales_pipeline.csv"):
        began = midnight(row["engage_date"] or "2017-12-31")
        agent = {"owner": row["sales_agent"], "team": office[row["sales_agent"]], "source": row["product"]}
        sale = company.opens(began, amount=1, currency="USD", **agent)
        if row["engage_date"]:
            company.moves(sale, began, "Proposal")
        if row["deal_stage"] == "Won":
            company.wins(sale, midnight(row["close_date"]), amount=int(row["close_value"]), currency="USD")
        elif row["deal_stage"] == "Lost":
            closed = midnight(row["close_date"])
            told = {"closed_on": closed.date(), "amount": None}
            company.happens(sale, Opportunity.Lost, closed, **in_stage("Lost"), **told)
    return company


@needs("crm_sales_opportunities")
def test_the_win_rate_is_the_published_one_in_all_by_office_and_by_agent(hardware):
    ((won, lost, open_, rate, worth),) = hardware.told(WinRate(), "won", "lost", "open", "win_rate", "won_value")
    assert (won, lost, open_, worth) == (4_238, 2_473, None, 10_005_534)
    assert round(100 * rate, 2) == 63.15
    assert hardware.told(WinRate(form="cohort"), "open") == [(2_089,)]
    offices = {
        office: (worth, round(rate, 4))
        for office, worth, rate in hardware.told(WinRate(by="team"), "dimension", "won_value", "win_rate")
    }
    assert offices == {"West": (3_568_647, 0.6394), "Central": (3_346_293, 0.6256), "East": (3_090_594, 0.6302)}
    best = max(hardware.told(WinRate(by="owner"), "won_value", "dimension"))
    assert best == (1_153_214, "Darcel Schlecht")


@needs("crm_sales_opportunities")
def test_the_quarters_and_the_products_are_the_published_ones(hardware):
    quarters = hardware.told(WinRate(period="quarter"), "period", "won")
    assert [won for quarter, won in quarters if quarter.year == 2017] == [531, 1_254, 1_257, 1_196]
    products = {
        product: (won, int(worth))
        for product, won, worth in hardware.told(WinRate(by="channel"), "dimension", "won", "won_value")
    }
    assert products["GTXPro"] == (729, 3_510_578)
    assert products["MG Special"] == (793, 43_768)


@needs("crm_sales_opportunities")
def test_the_days_from_engaging_to_winning_are_those_of_the_file(hardware):
    ((days, rate),) = hardware.told(Velocity(), "cycle_days", "win_rate")
    assert round(days, 3) == 51.782
    assert round(rate, 4) == 0.6315
    counted = dict(hardware.told(Funnel(), "stage", "reached"))
    assert (counted["Prospecting"], counted["Proposal"], counted["Won"]) == (8_800, 4_238 + 2_473 + 1_589, 4_238)


# -- a shop for music


@pytest.fixture(scope="module")
def purchases():
    """(customer, day, dollars)"""
    lines = (DATA / "cdnow_sample/CDNOW_sample.txt").read_text(encoding="ascii").split("\n")
    rows = [line.split() for line in lines if line.strip()]
    return [
        (sample, datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC), Decimal(worth))
        for _, sample, day, _, worth in rows
    ]


@pytest.fixture(scope="module")
def music(lake, purchases):
    company = Histories(lake)
    ids: dict[str, object] = defaultdict(uuid4)
    for sample, day, worth in purchases:
        company.orders(ids[sample], day, ("cd", 1, worth), currency="USD")
    return company


@needs("cdnow_sample")
def test_the_shop_sold_what_the_file_says(music):
    told = music.told(Revenue(), "orders", "booked")
    assert sum(orders for orders, _ in told) == 6_919
    assert sum(worth for _, worth in told) == Decimal("244091.94")
    assert len(music.told(TopCustomers(most=100_000))) == 2_357
    assert len(music.told(Rfm(as_of=date(1997, 9, 30)), "frequency")) == 2_357


@needs("cdnow_sample")
def test_each_cohort_came_back_as_often_as_a_recount_of_the_file_says(music, purchases):
    months: dict[str, set[int]] = defaultdict(set)
    for sample, day, _ in purchases:
        months[sample].add(day.year * 12 + day.month - 1)
    size = Counter(min(of) for of in months.values())
    active = Counter((min(of), month - min(of)) for of in months.values() for month in of)
    told = music.told(CohortRetention(as_of=date(1998, 6, 30)), "cohort", "month", "customers", "active")
    assert {(cohort.year * 12 + cohort.month - 1, month): (customers, n) for cohort, month, customers, n in told} == {
        (cohort, month): (size[cohort], active[cohort, month])
        for cohort in size
        for month in range(1998 * 12 + 5 - cohort + 1)
    }
    assert sorted(size.values(), reverse=True)[:3] == sorted({row[2] for row in told}, reverse=True)


# -- a market's reviews


@needs("olist")
def test_the_satisfaction_of_the_market_s_customers(lake):
    company = Histories(lake)
    with gzip.open(next((DATA / "olist").glob("*order_reviews*")), "rt", encoding="utf-8", newline="") as lines:
        scores = [int(row["review_score"]) for row in csv.DictReader(lines)]
    for score in scores:
        ticket = company.opens_ticket(datetime(2018, 1, 1, tzinfo=UTC))
        company.happens(ticket, Ticket.SatisfactionRecorded, datetime(2018, 1, 2, tzinfo=UTC), score=score, cycle=1)
    ((ratings, csat, low, high),) = company.told(ServiceQuality(), "ratings", "csat", "csat_low", "csat_high")
    assert (ratings, csat) == (2_597, pytest.approx((495 + 1_500) / 2_597))
    assert (round(low, 4), round(high, 4)) == (0.7516, 0.7840)
