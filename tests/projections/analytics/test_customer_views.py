"""What the figures of customers, money and service mean, each on a history small enough to count by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from math import sqrt
from random import Random
from typing import Any, cast
from uuid import uuid4

import pytest

from domain.customer import Customer
from domain.order import Order, Part
from domain.service_times import service_times, wall_clock, without
from domain.ticket import Ticket
from projections.analytics.views.customers import (
    Channels,
    CohortRetention,
    CustomerDistribution,
    CustomerGrowth,
    MasterData,
    Rfm,
    TopCustomers,
    WhiteSpace,
)
from projections.analytics.views.money import ReceivablesAgeing, Revenue
from projections.analytics.views.service import Backlog, ServiceAttainment, ServiceQuality
from tests.projections.analytics.histories import Histories, at
from tests.projections.analytics.test_views import history

END = date(2025, 6, 30)
RESUMED = cast("Any", Ticket.Resumed)(originator_id=uuid4(), originator_version=1, timestamp=at(1, 1), answered=True)


@pytest.fixture(scope="module")
def lake(lakehouse):
    with lakehouse.open() as lake:
        yield lake


@pytest.fixture
def company(lake):
    return Histories(lake)


def merged(company, customer, into, moment) -> None:
    company.happens(customer, Customer.MergedInto, moment, into_id=into, handed_over=())


# -- money


def test_revenue_by_product_region_channel_and_owner(company):
    south = company.registers(at(1, 1), region="south")
    order = company.orders(south, at(1, 5), ("pump", 2, 200), ("hose", 1, 30), owner="li", source="web")
    for line, quantity, moment in ((1, 1, at(2, 1)), (1, 1, at(3, 1)), (2, 1, at(3, 1))):
        parts = (Part(line, Decimal(quantity)),)
        company.happens(order, Order.Delivered, moment, parts=parts, quantity=Decimal(quantity), worth=Decimal(1))
    company.happens(south, Customer.Classified, at(4, 1), dimension="region", value="north")
    assert company.told(Revenue(by="product"), "month", "dimension", "orders", "booked", "revenue") == [
        (date(2025, 1, 1), "hose", 1, Decimal(30), Decimal(0)),
        (date(2025, 1, 1), "pump", 1, Decimal(200), Decimal(0)),
        (date(2025, 2, 1), "pump", 0, Decimal(0), Decimal(100)),
        (date(2025, 3, 1), "hose", 0, Decimal(0), Decimal(30)),
        (date(2025, 3, 1), "pump", 0, Decimal(0), Decimal(100)),
    ]
    for by, told in (("channel", "web"), ("owner", "li"), ("region", "north")):
        assert {row[0] for row in company.told(Revenue(by=by), "dimension")} == {told}
    assert {row[0] for row in company.told(Revenue(by="region", as_of=date(2025, 3, 31)), "dimension")} == {"south"}


def billed(company, order, moment, amount, due, number="R1") -> None:
    told = {"invoice_number": number, "amount": Decimal(amount), "currency": "CNY", "due_on": due, "parts": ()}
    company.happens(order, Order.Invoiced, moment, **told)


def paid(company, order, moment, amount, kind=Order.PaymentRecorded) -> None:
    company.happens(order, kind, moment, method="card", amount=Decimal(amount), currency="CNY")


def test_payments_settle_the_oldest_invoice_and_credits_the_newest(company):
    order = company.orders(company.registers(at(1, 1)), at(1, 2), ("pump", 1, 300), owner="li")
    billed(company, order, at(1, 3), 100, date(2025, 2, 2), "R1")
    billed(company, order, at(1, 4), 200, date(2025, 5, 31), "R2")
    paid(company, order, at(1, 20), 130)
    paid(company, order, at(1, 21), 10, Order.Refunded)
    asked = {"as_of": date(2025, 6, 30), "by": "owner"}
    names = ("dimension", "age", "invoices", "outstanding")
    assert company.told(ReceivablesAgeing(**asked), *names) == [
        ("li", "not due", 0, Decimal(0)),
        ("li", "1-30", 1, Decimal(180)),  # 120 came in: all of R1 and 20 of R2
        ("li", "31-60", 0, Decimal(0)),
        ("li", "61-90", 0, Decimal(0)),
        ("li", "over 90", 0, Decimal(0)),
    ]
    assert company.told(ReceivablesAgeing(as_of=date(2025, 1, 10)), "age", "outstanding")[0] == (
        "not due",
        Decimal(300),
    )
    company.happens(order, Order.Delivered, at(6, 1), parts=(), quantity=Decimal(1), worth=Decimal(300))
    company.happens(order, Order.ReturnReceived, at(6, 2), parts=(), quantity=Decimal(1), worth=Decimal(50))
    assert company.told(ReceivablesAgeing(**asked), "outstanding")[1] == (Decimal(130),), "50 came back"
    company.happens(order, Order.Cancelled, at(6, 3))
    assert sum(row[0] for row in company.told(ReceivablesAgeing(**asked), "outstanding")) == Decimal(130)


@pytest.mark.parametrize(
    ("overdue", "age"),
    [(0, "not due"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (60, "31-60"), (90, "61-90"), (91, "over 90")],
)
def test_an_invoice_is_overdue_from_the_day_after_it_is_due(company, overdue, age):
    order = company.orders(company.registers(at(1, 1)), at(1, 2), ("pump", 1, 300))
    billed(company, order, at(1, 3), 300, date(2025, 2, 1))
    day = date(2025, 2, 1) + timedelta(days=overdue)
    assert company.told(ReceivablesAgeing(as_of=day), "age", "invoices").count((age, 1)) == 1


# -- customers


def test_retention_is_of_those_who_first_bought_in_that_month(company):
    twice, once, late = (company.registers(at(1, 1)) for _ in range(3))
    for customer, moment in (
        (twice, at(1, 5)),
        (twice, at(1, 9)),
        (twice, at(3, 1)),
        (once, at(1, 31)),
        (late, at(2, 1)),
    ):
        company.orders(customer, moment)
    company.orders(late, at(3, 3), confirmed=False)
    assert company.told(
        CohortRetention(as_of=date(2025, 3, 31)), "cohort", "month", "customers", "active", "retention"
    ) == [
        (date(2025, 1, 1), 0, 2, 2, 1.0),
        (date(2025, 1, 1), 1, 2, 0, 0.0),
        (date(2025, 1, 1), 2, 2, 1, 0.5),
        (date(2025, 2, 1), 0, 1, 1, 1.0),
        (date(2025, 2, 1), 1, 1, 0, 0.0),
    ]


def test_what_a_merged_customer_bought_is_its_survivor_s_and_parted_again_its_own(company):
    best, same, further = (company.registers(at(1, 1)) for _ in range(3))
    for customer in (best, same, further):
        company.orders(customer, at(1, 5))
    merged(company, further, same, at(2, 1))
    merged(company, same, best, at(2, 2))
    names = ("place", "customer_id", "orders", "net", "share")
    assert company.told(TopCustomers(), *names) == [(1, str(best), 3, Decimal(300), 1.0)]
    assert company.told(Rfm(as_of=END), "customer_id", "frequency") == [(str(best), 3)]
    assert company.told(TopCustomers(as_of=date(2025, 1, 31)), "orders") == [(1,), (1,), (1,)]
    company.happens(same, Customer.Unmerged, at(3, 1), from_id=best)
    assert [row[1:3] for row in company.told(TopCustomers(), *names)] == [(str(same), 2), (str(best), 1)]


def test_top_customers_by_what_they_kept(company):
    first, second = company.registers(at(1, 1)), company.registers(at(1, 1))
    order = company.orders(first, at(1, 5), ("pump", 3, 300))
    company.happens(
        order, Order.ReturnReceived, at(2, 1), parts=(Part(1, Decimal(2)),), quantity=Decimal(2), worth=Decimal(1)
    )
    company.orders(second, at(1, 6), ("pump", 1, 300))
    company.happens(company.orders(second, at(1, 7)), Order.Cancelled, at(1, 8))
    names = ("customer_id", "net", "share", "cumulative_share")
    assert company.told(TopCustomers(), *names) == [
        (str(second), Decimal(300), 0.75, 0.75),
        (str(first), Decimal(100), 0.25, 1.0),
    ]
    assert company.told(TopCustomers(most=1), "customer_id") == [(str(second),)]


def test_white_space_is_what_a_customer_has_not_bought(company):
    regular, other = company.registers(at(1, 1)), company.registers(at(1, 1))
    company.orders(regular, at(1, 5), ("pump", 2, 100))
    company.orders(regular, at(1, 6), ("hose", 1, 100))
    company.orders(other, at(1, 6), ("pump", 5, 100))
    assert company.told(WhiteSpace(), "place", "customer_id", "sku", "bought", "white", "buyers_share") == [
        (1, str(regular), "pump", Decimal(2), 0, 1.0),
        (1, str(regular), "hose", Decimal(1), 0, 0.5),
        (2, str(other), "pump", Decimal(5), 0, 1.0),
        (2, str(other), "hose", Decimal(0), 1, 0.5),
    ]
    assert len(company.told(WhiteSpace(customers=1, products=1))) == 1


def test_customers_by_what_is_known_of_them_then(company):
    south, east = company.registers(at(1, 1), region="south", source="fair"), company.registers(at(1, 2), region="east")
    company.orders(south, at(1, 5))
    company.happens(east, Customer.Deactivated, at(2, 1))
    gone = company.registers(at(1, 3), region="south")
    merged(company, gone, south, at(1, 4))
    company.registers(at(1, 3))
    names = ("dimension", "customers", "share", "active", "buyers", "currency", "net")
    assert company.told(CustomerDistribution(), *names) == [
        ("east", 1, pytest.approx(1 / 3), 0, 0, None, None),
        ("south", 1, pytest.approx(1 / 3), 1, 1, "CNY", Decimal(100)),
        (None, 1, pytest.approx(1 / 3), 1, 0, None, None),
    ]
    company.happens(east, Customer.Classified, at(3, 1), dimension="region", value=None)
    company.happens(east, Customer.Classified, at(2, 1), dimension="region", value="west")  # learned late, of before
    assert company.told(CustomerDistribution(), "dimension", "customers") == [(None, 2), ("south", 1)]
    assert ("west", 1) in company.told(CustomerDistribution(as_of=date(2025, 2, 10)), "dimension", "customers")
    assert company.told(CustomerDistribution(by="channel"), "dimension", "customers") == [(None, 2), ("fair", 1)]


def test_the_number_of_customers_month_by_month(company):
    first, second, _ = (company.registers(moment) for moment in (at(1, 1), at(1, 31), at(3, 1)))
    merged(company, second, first, at(3, 2))
    company.happens(first, Customer.Deactivated, at(4, 1))
    assert company.told(CustomerGrowth()) == [
        (date(2025, 1, 1), 2, 0, 0, 2),
        (date(2025, 3, 1), 1, 1, 0, 2),
        (date(2025, 4, 1), 0, 0, 1, 2),
    ]


def test_channels_are_compared_by_their_own_source(company):
    customer = company.registers(at(1, 1), source="fair")
    company.wins(company.opens(at(1, 2), source="fair"), at(1, 9), amount=700)
    company.loses(company.opens(at(1, 2), source="fair"), at(1, 9))
    company.orders(customer, at(1, 20), source="web")
    names = ("channel", "customers", "opportunities", "won", "win_rate", "orders", "currency", "won_value", "net")
    assert company.told(Channels(), *names) == [
        ("fair", 1, 2, 1, 0.5, 0, "CNY", Decimal(700), Decimal(0)),
        ("web", 0, 0, 0, None, 1, "CNY", Decimal(0), Decimal(100)),
    ]
    assert company.told(Channels(first=date(2025, 1, 15)), "channel", "orders") == [("web", 1)]


def test_what_a_channel_costs_stands_beside_what_it_brings(company):
    for source in ("fair", "fair", "web"):
        company.registers(at(1, 5), source=source)
    company.wins(company.opens(at(1, 2), source="fair"), at(1, 9), amount=700)
    january = company.costs(at(2, 1), "fair", date(2025, 1, 1), 300)
    company.costs(at(3, 1), "fair", date(2025, 2, 1), 100)
    company.costs(at(3, 1), "fair", date(2025, 2, 1), 50, currency="EUR")
    names = ("channel", "currency", "customers", "won_value", "cost", "cost_per_customer")
    assert company.told(Channels(), *names) == [
        ("fair", "CNY", 2, Decimal(700), Decimal(400), 200.0),
        ("fair", "EUR", 2, Decimal(0), Decimal(50), 25.0),
        ("web", None, 1, None, None, None),
    ]
    assert company.costs(at(3, 2), "fair", date(2025, 1, 1), 360) == january, "the same cost, known better"
    of_january = Channels(first=date(2025, 1, 1), before=date(2025, 2, 1))
    assert company.told(of_january, *names)[0] == ("fair", "CNY", 2, Decimal(700), Decimal(360), 180.0)
    then = Channels(as_of=date(2025, 3, 1))
    assert company.told(then, "cost")[0] == (Decimal(400),), "as it was known to be then"


def test_what_a_channel_brings_in_two_currencies_stands_in_two_rows(company):
    customer = company.registers(at(1, 1), source="fair")
    company.registers(at(1, 1), source="mail")
    company.opens(at(1, 2), source="fair", amount=None)
    company.wins(company.opens(at(1, 2), source="fair"), at(1, 9), amount=700)
    company.orders(customer, at(1, 20), source="fair", currency="EUR")
    names = ("channel", "currency", "customers", "opportunities", "won", "orders", "won_value", "net")
    assert company.told(Channels(), *names) == [
        ("fair", "CNY", 1, 1, 1, 0, Decimal(700), Decimal(0)),
        ("fair", "EUR", 1, 0, 0, 1, Decimal(0), Decimal(100)),
        ("fair", None, 1, 1, 0, 0, None, None),
        ("mail", None, 1, 0, 0, 0, None, None),
    ]


def test_what_is_bought_in_two_currencies_is_told_by_the_one_asked_for(company):
    south, other = company.registers(at(1, 1), region="south"), company.registers(at(1, 1), region="south")
    company.orders(south, at(1, 5))
    company.orders(other, at(1, 5), currency="EUR")
    names = ("customers", "buyers", "currency", "net")
    assert company.told(CustomerDistribution(), *names) == [(2, 2, None, None)]
    assert company.told(CustomerDistribution(currency="EUR"), *names) == [(2, 1, "EUR", Decimal(100))]


def test_master_data_is_complete_or_stale_field_by_field(company):
    company.registers(at(1, 1), kind="person", region="south")
    checked = company.registers(at(1, 1), region="east", industry="steel")
    company.happens(checked, Customer.Verified, at(6, 1))
    company.happens(company.registers(at(1, 1), region="east"), Customer.Deactivated, at(1, 2))
    told = {row[:2]: row[2:] for row in company.told(MasterData(as_of=END, fresh_days=40))}
    assert told["region", "organisation"] == (1, 1, 1.0)
    assert told["industry", "organisation"] == (1, 1, 1.0)
    assert told["industry", "person"] == (1, 0, 0.0)
    assert told["verified", "organisation"] == (1, 1, 1.0)
    stale = {row[:2]: row[2:] for row in company.told(MasterData(as_of=END, fresh_days=20))}
    assert stale["verified", "organisation"] == (1, 0, 0.0)


# -- service


def resolved(company, opened, hours, score=None, **values):
    ticket = company.opens_ticket(opened, **values)
    company.happens(ticket, Ticket.Replied, opened + timedelta(hours=1), author="agent", public=True, cycle=1)
    company.happens(ticket, Ticket.Resolved, opened + timedelta(hours=hours), cycle=1)
    if score:
        told = {"score": score, "cycle": 1}
        company.happens(ticket, Ticket.SatisfactionRecorded, opened + timedelta(hours=hours + 1), **told)
    return ticket


def test_service_quality_with_reopenings_and_the_interval_of_wilson(company):
    for hours, score in ((2, 5), (4, 4), (6, 1), (8, None)):
        ticket = resolved(company, at(1, 10), hours, score, team="north")
    company.happens(ticket, Ticket.Reopened, at(1, 12), cycle=2)
    company.opens_ticket(at(1, 11), team="north")
    names = ("cycles", "answered", "resolved", "resolution_median_s", "reopened", "reopen_rate", "ratings", "csat")
    (told,) = company.told(ServiceQuality(by="team", as_of=END), "dimension", *names)
    assert told == ("north", 6, 4, 4, 5 * 3600.0, 1, 0.25, 3, pytest.approx(2 / 3))
    ((low, high),) = company.told(ServiceQuality(as_of=END), "csat_low", "csat_high")
    n, p, z = 3, 2 / 3, 1.959964  # the interval of Wilson (1927), written out anew
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (low, high) == tuple(
        pytest.approx((p + z * z / (2 * n) + sign * half) / (1 + z * z / n)) for sign in (-1, 1)
    )
    assert (round(low, 3), round(high, 3)) == (0.208, 0.939)


def test_the_backlog_is_as_old_as_on_that_day(company):
    for opened in (at(1, 1), at(1, 11), at(1, 21)):
        company.opens_ticket(opened, team="north")
    resolved(company, at(1, 1), 1)
    asked = Backlog(as_of=at(1, 31))
    assert company.told(asked, "open", "unanswered", "median_days", "p90_days", "oldest_days") == [
        (3, 3, 20.0, pytest.approx(28.0), 30.0)
    ]
    assert company.told(Backlog(as_of=at(1, 5), by="team"), "dimension", "open") == [("north", 1)]


def test_service_that_was_in_time_is_met_and_what_is_still_open_and_late_stands_apart(company):
    hour = timedelta(hours=1)
    resolved(company, at(1, 10), 30, team="north")  # answered after an hour
    resolved(company, at(1, 10), 60, team="north")
    late = company.opens_ticket(at(1, 10), team="north")
    company.happens(late, Ticket.Replied, at(1, 10) + 5 * hour, author="agent", public=True, cycle=1)
    company.happens(late, Ticket.Resolved, at(1, 10) + 6 * hour, cycle=1)
    for hours in (3, 5):  # closed without an answer: too soon to be late, and late
        company.happens(company.opens_ticket(at(1, 10), team="north"), Ticket.Closed, at(1, 10) + hours * hour, cycle=1)
    waiting = company.opens_ticket(at(1, 10), team="south")
    company.happens(waiting, Ticket.Paused, at(1, 10) + 3 * hour)
    names = ("dimension", "cycles", "first_response_met", "first_response_missed", "first_response_attainment")
    asked = {"by": "team", "as_of": at(1, 20)}
    assert company.told(ServiceAttainment(**asked), *names, "first_response_open_breached") == [
        ("north", 5, 2, 2, 0.5, 0),
        ("south", 0, 0, 0, None, 0),  # it waits for the customer
    ]
    names = ("dimension", "resolution_met", "resolution_missed", "resolution_attainment", "resolution_open_breached")
    assert company.told(ServiceAttainment(**asked), *names) == [
        ("north", 2, 1, pytest.approx(2 / 3), 0),
        ("south", 0, 0, None, 0),
    ]
    company.happens(waiting, Ticket.Resumed, at(1, 12))
    names = ("first_response_open_breached", "resolution_open_breached")
    assert company.told(ServiceAttainment(**asked), "dimension", *names)[1] == ("south", 1, 1)
    strict = ServiceAttainment(**asked, first_response_within=3600, resolution_within=6 * 3600)
    assert company.told(strict, "first_response_met", "resolution_met") == [(2, 1), (0, 0)]
    by_month = ServiceAttainment(period="month", as_of=at(2, 3))
    assert company.told(by_month, "period", "cycles", *names) == [
        (date(2025, 1, 1), 5, 0, 0),
        (date(2025, 2, 1), 0, 1, 1),
    ]
    ended = {"ended_from": date(2025, 1, 11), "ended_before": date(2025, 1, 12), "as_of": at(2, 3)}
    assert company.told(ServiceAttainment(**ended), "cycles") == [(1,)]


@pytest.mark.parametrize("until", [timedelta(minutes=20), timedelta(days=1)], ids=str)
def test_attainment_is_what_the_domain_s_service_times_give(company, until):
    """Tickets with any events in any order, but reopened only once they had ended: each cycle by what `service_times`
    says of it."""
    chance, moment = Random(20250102), at(1, 1, 0) + until
    counted = dict.fromkeys(list(ServiceAttainment.columns)[2:], 0)
    for _ in range(500):
        happened, ticket = history(chance), uuid4()
        if not all(cycle.ended_at for cycle in service_times(happened)[:-1]):
            continue
        for when, event in happened:
            company.happens(ticket, type(event), when, **vars(event))
        seen = [entry for entry in happened if entry[0] <= moment]
        for cycle in service_times([*seen, (moment, RESUMED)]):  # a pause lasts until then
            worked = without(cycle.pauses, cycle.started_at, cycle.ended_at or moment, wall_clock)
            counted["cycles"] += cycle.ended_at is not None
            for name, took, limit in (
                ("first_response", cycle.first_response, timedelta(minutes=3)),
                ("resolution", cycle.resolution, timedelta(minutes=9)),
            ):
                if (worked if took is None else took) > limit:
                    counted[f"{name}_missed" if cycle.ended_at else f"{name}_open_breached"] += 1
                elif took is not None and cycle.ended_at:
                    counted[f"{name}_met"] += 1
    for name in ("first_response", "resolution"):
        met, missed = counted[f"{name}_met"], counted[f"{name}_missed"]
        counted[f"{name}_attainment"] = pytest.approx(met / (met + missed))
    asked = ServiceAttainment(as_of=moment, first_response_within=180, resolution_within=540)
    assert company.told(asked, *counted) == [tuple(counted.values())]
    assert min(counted[name] for name in counted if not name.endswith("attainment")) > 0


@pytest.mark.parametrize(
    "view",
    [Revenue(by="region"), ReceivablesAgeing(), CohortRetention(), TopCustomers(), WhiteSpace(), CustomerDistribution(),
     CustomerGrowth(), Channels(), MasterData(), ServiceQuality(), ServiceAttainment(), Backlog()],
    ids=lambda view: view.name,
)  # fmt: skip
def test_of_an_empty_log_there_is_nothing_to_tell(company, view):
    assert company.told(view) == []


def test_orders_of_nothing_and_of_someone_nobody_knows_are_answers(company):
    stranger = uuid4()
    company.orders(stranger, at(1, 5), ("gift", 1, 0))
    assert company.told(TopCustomers(), "customer_id", "net", "share") == [(str(stranger), Decimal(0), None)]
    assert company.told(CustomerDistribution()) == []
    assert company.told(Revenue(), "booked") == [(Decimal(0),)]
