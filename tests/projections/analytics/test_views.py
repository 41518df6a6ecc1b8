"""What the figures of the lakehouse mean, each on a history small enough to count by hand."""

from __future__ import annotations

import random
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.aggregate import Event, field_names
from domain.service_times import service_times
from domain.ticket import Ticket
from eventlog.envelope import Caller, Recorded
from projections.analytics import FACTS, VIEWS
from projections.analytics.views import Funnel, Revenue, Rfm, ServiceCycles, View, scope
from projections.analytics.views.sales import Forecast

pytestmark = pytest.mark.anyio


def day(month: int, number: int, hour: int = 9) -> str:
    return datetime(2025, month, number, hour, tzinfo=UTC).isoformat()


async def rows(company, lakehouse, view: View, *names: str):
    await lakehouse.settles(company)
    with lakehouse.open(read_only=True) as opened:
        found = opened.ask(company.caller, view).rows.to_pylist()
    return [tuple(row[name] for name in names) for row in found] if names else found


async def went(company, *stages, opened, end=None, **fields):
    """An opportunity that went through these stages, and ended so."""
    opportunity = await company.opportunity(occurred_at=opened, **fields)
    moment = datetime.fromisoformat(opened)
    for stage in stages:
        moment += timedelta(hours=1)
        await company.does("move-opportunity", opportunity_id=opportunity, stage=stage, occurred_at=moment)
    moment += timedelta(hours=1)
    if end == "lost":
        await company.does("lose-opportunity", opportunity_id=opportunity, lost_reason="price", occurred_at=moment)
    elif end:
        await company.does("win-opportunity", opportunity_id=opportunity, occurred_at=moment)
    if end == "reopened":
        await company.does("reopen-opportunity", opportunity_id=opportunity, occurred_at=moment + timedelta(hours=1))
    return opportunity


async def sales(company) -> None:
    await went(company, opened=day(1, 31))  # still where it began
    await went(company, "Proposal", opened=day(1, 5), end="lost")  # passed over Qualification
    await went(company, "Qualification", "Negotiation", "Qualification", "Negotiation", opened=day(1, 6), team="north")
    await went(company, opened=day(1, 7), end="won")  # won from the first stage: passed through all
    await went(company, "Qualification", opened=day(2, 1, 0), end="reopened")  # in February, by a hair


async def test_the_funnel_counts_skips_as_passed_and_re_entries_once(company, lakehouse):
    await sales(company)
    counted = await rows(company, lakehouse, Funnel(), "stage", "reached", "open", "lost", "converted", "share")
    assert counted == [
        ("Prospecting", 5, 1, 0, pytest.approx(4 / 5), 1.0),
        ("Qualification", 4, 0, 0, pytest.approx(4 / 4), pytest.approx(4 / 5)),
        ("Proposal", 4, 0, 1, pytest.approx(3 / 4), pytest.approx(4 / 5)),
        ("Negotiation", 3, 1, 0, pytest.approx(2 / 3), pytest.approx(3 / 5)),
        ("Won", 2, 1, 0, None, pytest.approx(2 / 5)),
    ]
    by_month = await rows(company, lakehouse, Funnel(cohort="month"), "cohort", "stage", "reached")
    assert by_month[:2] == [(date(2025, 1, 1), "Prospecting", 4), (date(2025, 1, 1), "Qualification", 3)]
    assert by_month[5:] == [
        (date(2025, 2, 1), stage, 1) for stage in ("Prospecting", "Qualification", "Proposal", "Negotiation", "Won")
    ]
    january = Funnel(entered_from=date(2025, 1, 6), entered_before=date(2025, 2, 1))
    assert [reached for (reached,) in await rows(company, lakehouse, january, "reached")] == [3, 2, 2, 2, 1]
    of_team = await rows(company, lakehouse, Funnel(team="north"), "stage", "reached", "converted")
    assert of_team[-1] == ("Won", 0, None)
    assert of_team[-2] == ("Negotiation", 1, 0.0)
    # As of the evening before it was reopened nothing else was known of it than that it was won.
    assert (await rows(company, lakehouse, Funnel(as_of=date(2025, 1, 5)), "reached"))[0] == (1,)


async def test_the_funnel_as_it_was_known_at_a_position(company, lakehouse):
    opportunity = await company.opportunity()
    known_at = await lakehouse.settles(company)
    await company.does("win-opportunity", opportunity_id=opportunity)
    assert [r for (r,) in await rows(company, lakehouse, Funnel(known_at=known_at), "reached")] == [1, 0, 0, 0, 0]
    assert [r for (r,) in await rows(company, lakehouse, Funnel(), "reached")] == [1, 1, 1, 1, 1]


async def test_a_view_is_asked_as_of_a_moment_of_either_clock_too(company, lakehouse):
    opened, won = datetime(2025, 1, 1, 9, tzinfo=UTC), datetime(2025, 1, 1, 12, tzinfo=UTC)
    opportunity = await company.opportunity(occurred_at=opened)
    await company.does("win-opportunity", opportunity_id=opportunity, occurred_at=won)
    await lakehouse.settles(company)
    for view, won_by_then in (
        (Funnel(as_of=won - timedelta(seconds=1)), 0),
        (Funnel(as_of=won), 1),
        (Funnel(as_of=won.date()), 1),
        (Funnel.model_validate({"as_of": "2025-01-01T11:59:59Z"}), 0),
        (Funnel(known_at=datetime.now(UTC)), 1),
    ):
        assert (await rows(company, lakehouse, view, "reached"))[-1] == (won_by_then,), view
    assert await rows(company, lakehouse, Funnel(known_at=won), "reached") == [], "it was learned today"


async def test_a_forecast_category_that_was_taken_back_is_that_of_the_stage_it_has_come_to(company, lakehouse):
    opportunity = await company.opportunity(amount=100, currency="CNY")

    async def forecast():
        return (await rows(company, lakehouse, Forecast(), "commit", "best_case", "pipeline"))[0]

    await company.does("change-forecast-category", opportunity_id=opportunity, forecast_category="Omitted")
    await company.does("move-opportunity", opportunity_id=opportunity, stage="Proposal")
    assert await forecast() == (0, 0, 0)
    await company.does("change-forecast-category", opportunity_id=opportunity, forecast_category=None)
    assert await forecast() == (0, 100, 100)
    await company.does("move-opportunity", opportunity_id=opportunity, stage="Negotiation")
    assert await forecast() == (100, 100, 100)


async def test_versions_of_a_pipeline_have_their_own_funnels(company, lakehouse):
    won_and_lost = [
        {"label": "Signed", "type": "won", "probability": "1", "forecast_category": "Closed"},
        {"label": "Gone", "type": "lost", "probability": "0", "forecast_category": "Omitted"},
    ]

    def stage(label: str) -> dict[str, str]:
        return {"label": label, "type": "open", "probability": "0.5", "forecast_category": "Pipeline"}

    pipeline = await company.does("publish-pipeline", name="Fairs", stages=[stage("Met"), *won_and_lost])
    await went(company, opened=day(3, 1), pipeline_id=pipeline, end="won")
    await company.does(
        "amend-pipeline", pipeline_id=pipeline, stages=[stage("Met"), stage("Written to"), *won_and_lost]
    )
    await went(company, "Written to", opened=day(3, 2), pipeline_id=pipeline)
    counted = await rows(company, lakehouse, Funnel(pipeline_id=pipeline), "pipeline_version", "stage", "reached")
    assert counted == [(1, "Met", 1), (1, "Signed", 1), (2, "Met", 1), (2, "Written to", 1), (2, "Signed", 0)]


async def test_revenue_is_what_was_delivered_less_what_came_back(company, lakehouse):
    customer = await company.customer()
    lines = [
        {"sku": "pump", "quantity": 3, "unit_price": "33.33", "discount": "0.1", "tax_rate": "0.19"},  # net 89.99
        {"sku": "hose", "quantity": 2, "unit_price": 5},
    ]
    order = await company.order(customer, lines=lines, occurred_at=day(1, 10))
    steps = [
        ("confirm-order", {}, day(1, 31, 23)),
        ("ship-order", {}, day(2, 1)),
        ("deliver-order", {"parts": [{"line": 1, "quantity": 1}]}, day(2, 2)),  # 30.00 (29.9967)
        ("deliver-order", {"parts": [{"line": 1, "quantity": 2}, {"line": 2, "quantity": 2}]}, day(3, 1)),
        ("request-return", {"parts": [{"line": 1, "quantity": 3}]}, day(3, 2)),
        ("receive-return", {"parts": [{"line": 1, "quantity": 3}]}, day(4, 2)),
    ]
    for command, fields, moment in steps:
        await company.does(command, order_id=order, occurred_at=moment, **fields)
    one = {"sku": "x", "quantity": 1, "unit_price": 7}
    cancelled = await company.order(customer, occurred_at=day(1, 11), lines=[one])
    await company.does("confirm-order", order_id=cancelled, occurred_at=day(1, 12))
    await company.does("cancel-order", order_id=cancelled, occurred_at=day(5, 1))
    await company.order(customer, occurred_at=day(1, 11))  # a draft
    await company.order(customer, occurred_at=day(1, 12), currency="EUR")

    names = ("month", "currency", "orders", "booked", "cancelled", "delivered", "returned", "revenue")
    counted = await rows(company, lakehouse, Revenue(), *names)
    nothing = Decimal(0)
    assert counted == [
        (date(2025, 1, 1), "CNY", 2, Decimal("106.99"), nothing, nothing, nothing, nothing),
        (date(2025, 2, 1), "CNY", 0, nothing, nothing, Decimal("30.00"), nothing, Decimal("30.00")),
        (date(2025, 3, 1), "CNY", 0, nothing, nothing, Decimal("69.99"), nothing, Decimal("69.99")),
        (date(2025, 4, 1), "CNY", 0, nothing, nothing, nothing, Decimal("89.99"), Decimal("-89.99")),
        (date(2025, 5, 1), "CNY", 0, nothing, Decimal(7), nothing, nothing, nothing),
    ]
    march = Revenue(month_from=date(2025, 3, 1), month_before=date(2025, 4, 1), currency="CNY")
    assert await rows(company, lakehouse, march, "revenue") == [(Decimal("69.99"),)]
    assert await rows(company, lakehouse, Revenue(currency="EUR")) == []


@pytest.mark.long
async def test_what_was_entered_in_error_counts_nowhere_but_in_what_was_known_before(company, lakehouse):
    customer = await company.customer()
    one = {"sku": "x", "quantity": 1, "unit_price": 7}
    for moment in (day(1, 11), day(1, 12)):
        order = await company.order(customer, occurred_at=moment, lines=[one])
        await company.does("confirm-order", order_id=order, occurred_at=moment)
    sale = await went(company, "Proposal", opened=day(1, 13))
    ticket = await company.ticket(customer_id=customer, occurred_at=day(1, 14))
    known_at = await lakehouse.settles(company)
    asked = ((Revenue, "booked"), (Rfm, "frequency"), (Funnel, "reached"), (ServiceCycles, "cycle"))

    async def told(**how):
        return [[value for (value,) in await rows(company, lakehouse, view(**how), name)] for view, name in asked]

    before = await told()
    assert before == [[Decimal(14)], [2], [1, 1, 1, 0, 0], [1]]
    for stream, id, last in (("order", order, 2), ("opportunity", sale, 2), ("ticket", ticket, 1)):
        await company.does("undo-events", stream=stream, id=id, versions=list(range(1, last + 1)))
    assert await told() == [[Decimal(7)], [1], [], []]
    assert await told(as_of=date(2025, 1, 20)) == [[Decimal(7)], [1], [], []]
    assert await told(known_at=known_at) == before
    await company.does("undo-events", stream="order", id=order, versions=[4])
    assert (await told())[:2] == before[:2]


async def test_a_score_recorded_in_error_is_none(company, lakehouse):
    ticket = await company.ticket()
    await company.does("resolve-ticket", ticket_id=ticket, resolution="seal")
    for score in (4, 1):
        await company.does("record-satisfaction", ticket_id=ticket, score=score)
    await company.does("undo-events", stream="ticket", id=ticket, versions=[3, 4])
    assert await rows(company, lakehouse, ServiceCycles(), "score") == [(None,)]


async def bought(company, amounts, last, customer=None):
    customer = customer or await company.customer()
    for amount in amounts:
        line = {"sku": "pump", "quantity": 1, "unit_price": amount}
        order = await company.order(customer, lines=[line], occurred_at=last)
        await company.does("confirm-order", order_id=order, occurred_at=last)
    return customer


async def test_rfm_gives_equal_customers_equal_quintiles(company, lakehouse):
    best = await bought(company, [500, 500], day(3, 30))
    good = await bought(company, [600], day(3, 29))
    twins = [await bought(company, [100], day(2, 1)) for _ in range(2)]
    lapsed = await bought(company, [50], day(1, 1))
    await bought(company, [9999], day(4, 2), lapsed)  # after the day
    nobody = await company.order(best, occurred_at=day(3, 31))
    await company.does("confirm-order", order_id=nobody, occurred_at=day(3, 31))
    await company.does("cancel-order", order_id=nobody, occurred_at=day(3, 31, 10))

    asked = Rfm(as_of=date(2025, 3, 31))
    names = ("customer_id", "recency_days", "frequency", "monetary", "r", "f", "m")
    counted = await rows(company, lakehouse, asked, *names)
    assert counted[:2] == [(str(best), 1, 2, Decimal(1000), 5, 5, 5), (str(good), 2, 1, Decimal(600), 4, 1, 4)]
    assert {row[0] for row in counted[2:4]} == {str(twin) for twin in twins}
    assert {row[1:] for row in counted[2:4]} == {(58, 1, Decimal(100), 2, 1, 2)}
    assert counted[4] == (str(lapsed), 89, 1, Decimal(50), 1, 1, 1)


async def test_orders_count_the_same_whether_their_confirmation_says_what_was_agreed_or_not(company, lakehouse):
    """Confirmations and returns of the first version did not say it."""
    customer = await company.customer()
    line = {"sku": "pump", "quantity": 3, "unit_price": "33.33", "discount": "0.1", "tax_rate": "0.19"}  # net 89.99
    order = await company.order(customer, lines=[{**line, "quantity": 9}], source="web", occurred_at=day(1, 10))
    steps = [
        ("amend-order", {"lines": [line]}, day(1, 11)),
        ("confirm-order", {}, day(1, 31, 23)),
        ("ship-order", {}, day(2, 1)),
        ("deliver-order", {}, day(2, 2)),
        ("request-return", {"parts": [{"line": 1, "quantity": 2}]}, day(3, 2)),
        ("receive-return", {"parts": [{"line": 1, "quantity": 1}]}, day(3, 3)),  # 30.00 (29.9967)
        ("receive-return", {"parts": [{"line": 1, "quantity": 1}]}, day(3, 4)),  # 29.99
    ]
    for command, fields, moment in steps:
        await company.does(command, order_id=order, occurred_at=moment, **fields)
    cancelled = await company.order(customer, occurred_at=day(1, 11), lines=[line])
    await company.does("confirm-order", order_id=cancelled, occurred_at=day(1, 12))
    await company.does("cancel-order", order_id=cancelled, occurred_at=day(5, 1))
    await company.order(customer, occurred_at=day(1, 13), lines=[line])  # a draft
    await lakehouse.settles(company)
    silent = """(
        SELECT * REPLACE (CASE WHEN what IN ('placed', 'amended') THEN net END AS net,
                          CASE WHEN what = 'placed' THEN customer_id END AS customer_id)
          FROM lake.order_steps)"""
    with lakehouse.open(read_only=True) as opened:
        for asked, counted in (
            (Rfm(), (1, Decimal("30.00"))),
            (Rfm(as_of=date(2025, 3, 3)), (2, Decimal("149.98"))),  # the other one is not cancelled yet
            (Rfm(as_of=date(2025, 2, 1)), (2, Decimal("179.98"))),
        ):
            told = opened.ask(company.caller, asked).rows.to_pylist()
            assert [(row["frequency"], row["monetary"]) for row in told] == [counted]
            query, parameters = scope(company.caller, asked, FACTS)
            once = opened.connection.execute(query.replace("lake.order_steps", silent), parameters)
            assert once.to_arrow_table().to_pylist() == told


async def test_service_cycles_are_those_that_the_domain_computes(company, lakehouse):
    """400 tickets with any events in any order and at any times, several at the same moment."""
    chance = random.Random(20250101)  # the same tickets every time
    fact, tenant = FACTS["ticket_steps"], company.caller.tenant
    histories = {UUID(int=chance.getrandbits(128)): history(chance) for _ in range(400)}
    recorded = [
        Recorded(n, tenant, "ticket", id, version, 0, id, uuid4(), f"ticket.{what(event)}", 1, moment, moment, "li",
                 None, None, uuid4(), None, "", None, event)
        for n, (id, version, moment, event) in enumerate(
            (id, version, *entry) for id, entries in histories.items() for version, entry in enumerate(entries, 1)
        )
    ]  # fmt: skip
    with lakehouse.open() as opened:
        opened.insert(fact.name, fact.table([row for event in recorded for row in fact.rows(event)]))
        found = opened.ask(company.caller, ServiceCycles()).rows.to_pylist()
        opened.connection.execute("DELETE FROM lake.ticket_steps WHERE tenant = ?", [tenant])

    computed = {
        (id, cycle.started_at, seconds(cycle.first_response), seconds(cycle.resolution), cycle.ended_at)
        for id, entries in histories.items()
        for cycle in service_times(entries)
    }
    names = ("ticket_id", "started_at", "first_response_s", "resolution_s", "ended_at")
    assert {(UUID(row["ticket_id"]), *(row[name] for name in names[1:])) for row in found} == computed
    assert len(found) > 400


def seconds(took: timedelta | None) -> float | None:
    return None if took is None else took.total_seconds()


def history(chance: random.Random) -> list[tuple[datetime, Event]]:
    """Of one ticket: opened, then anything, in no order of time, and some at the same moment."""
    start, id = datetime(2025, 1, 1, tzinfo=UTC), uuid4()
    cycle, happened = 1, []
    for version in range(1, chance.randint(2, 16)):
        kind = Ticket.Opened if version == 1 else chance.choice(ANY)
        cycle += kind is Ticket.Reopened
        moment = start + timedelta(minutes=chance.randint(0, 12) + 2 * version)
        told = {"cycle": cycle, "author": chance.choice(["agent", "customer"]), "public": chance.random() < 0.8}
        values = {name: told.get(name) for name in field_names(kind)}
        happened.append((moment, kind(originator_id=id, originator_version=version, timestamp=moment, **values)))
    return happened


ANY = [
    Ticket.Replied,
    Ticket.Replied,
    Ticket.Paused,
    Ticket.Resumed,
    Ticket.Resolved,
    Ticket.Closed,
    Ticket.Reopened,
    Ticket.Assigned,
]


def what(event: Event) -> str:
    return type(event).__name__.lower()


async def test_a_service_cycle_carries_its_outcome_and_score(company, lakehouse):
    ticket = await company.ticket(occurred_at=day(1, 1, 8), team="north")
    steps = [
        ("reply-to-ticket", {"author": "agent", "text": "We look into it."}, 10),
        ("pause-ticket", {}, 11),
        ("resume-ticket", {}, 13),
        ("resolve-ticket", {"resolution": "A new seal."}, 14),
        ("record-satisfaction", {"score": 2}, 15),
        ("record-satisfaction", {"score": 4}, 16),
        ("reopen-ticket", {}, 17),
        ("close-ticket", {}, 18),
    ]
    for command, fields, hour in steps:
        await company.does(command, ticket_id=ticket, occurred_at=day(1, 1, hour), **fields)
    names = ("cycle", "ended_as", "first_response_s", "resolution_s", "score", "team")
    assert await rows(company, lakehouse, ServiceCycles(), *names) == [
        (1, "resolved", 7200.0, 4 * 3600.0, 4, "north"),
        (2, "unresolved", None, None, None, "north"),
    ]


OF_MORE = (
    *("rfm", "next_best_actions", "forecast_accuracy", "receivables_ageing", "baskets", "next_products"),
    "attainment",
)
"""What needs more than one customer, a month that is over, an invoice, a second product or purchase, a target."""


@pytest.mark.parametrize("view", list(VIEWS.values()), ids=list(VIEWS))
async def test_another_tenant_sees_nothing_and_an_empty_log_is_an_answer(company, lakehouse, view):
    await went(company, opened=day(1, 1), end="won")
    await bought(company, [100], day(1, 2))
    await company.ticket(occurred_at=day(1, 3))
    await lakehouse.settles(company)
    with lakehouse.open(read_only=True) as opened:
        assert opened.ask(company.caller, view()).rows.num_rows > 0 or view.name in OF_MORE
        assert opened.ask(Caller("nobody", "li"), view()).rows.num_rows == 0
        assert opened.ask(Caller("' OR '1'='1", "li"), view()).rows.num_rows == 0


@pytest.mark.parametrize("view", list(VIEWS.values()), ids=list(VIEWS))
def test_no_view_reaches_past_its_scope(view):
    query, parameters = scope(Caller("acme", "li"), view(), FACTS)
    for fact in FACTS:
        scoped = rf"\b{fact} AS (NOT MATERIALIZED )?\(SELECT \* FROM lake\.{fact} WHERE tenant = \$tenant"
        assert query.count(f"lake.{fact}") == len(re.findall(scoped, query))
    assert "lake." not in view.sql()
    assert parameters["tenant"] == "acme"
