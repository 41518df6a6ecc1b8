"""What models foretell from: purchases and deals as of a day, and next actions, each counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from projections.analytics.foretelling import came_back
from projections.analytics.views.outlook import DealOutlook, NextBestActions, PurchaseHistories
from tests.projections.analytics import test_views
from tests.projections.analytics.test_views import day, went

pytestmark = pytest.mark.anyio

END = date(2025, 12, 31)


async def rows(company, lakehouse, view, *names):
    """As told by the lakehouse, ids as such."""

    def plain(value):
        if isinstance(value, list):
            return [plain(item) for item in value]
        return UUID(value) if isinstance(value, str) and len(value) == 36 else value

    found = await test_views.rows(company, lakehouse, view, *names)
    return [tuple(map(plain, row)) if names else row for row in found]


async def bought(company, customer, moment: str, price: str, currency: str = "CNY"):
    """An order that was confirmed at once."""
    lines = [{"sku": "pump", "quantity": 1, "unit_price": price}]
    order = await company.order(customer, lines=lines, currency=currency, occurred_at=moment)
    await company.does("confirm-order", order_id=order, occurred_at=moment)
    return order


HISTORY = ("customer_id", "repeats", "last_days", "age_days", "mean_value")


async def test_a_purchase_history_counts_days_after_the_first_purchase(company, lakehouse):
    often, once = await company.customer(), await company.customer()
    draft = await company.order(once, occurred_at=day(1, 1))
    await bought(company, often, day(1, 1), "100")
    await bought(company, often, day(1, 11, 9), "20")
    await bought(company, often, day(1, 11, 15), "0")  # on the same day, for nothing
    cancelled = await bought(company, often, day(1, 20), "1000")
    await company.does("cancel-order", order_id=cancelled, occurred_at=day(1, 25))
    await bought(company, often, day(1, 31), "40")
    await bought(company, once, day(1, 31), "7")
    found = await rows(company, lakehouse, PurchaseHistories(as_of=date(2025, 2, 10)), *HISTORY)
    assert found == sorted([(often, 2, 30, 40, 30.0), (once, 0, 0, 10, None)])
    # On the 20th it was not cancelled yet, and of what came later nothing was known.
    found = await rows(company, lakehouse, PurchaseHistories(as_of=date(2025, 1, 20)), *HISTORY)
    assert found == [(often, 2, 19, 19, pytest.approx(510.0))]
    assert draft


async def test_of_an_empty_log_and_of_drafts_there_are_no_histories(company, lakehouse):
    assert await rows(company, lakehouse, PurchaseHistories()) == []
    assert await rows(company, lakehouse, DealOutlook()) == []
    assert await rows(company, lakehouse, NextBestActions()) == []
    await company.order(await company.customer())
    assert await rows(company, lakehouse, PurchaseHistories()) == []


async def test_a_currency_without_a_rate_is_told_and_never_summed(company, lakehouse):
    both, one = await company.customer(), await company.customer()
    await bought(company, both, day(1, 1), "100", "EUR")
    await bought(company, both, day(2, 1), "50", "USD")
    await bought(company, one, day(2, 1), "10", "EUR")
    names = ("customer_id", "value", "without_rate")
    view = PurchaseHistories(as_of=END, currency="EUR")
    assert await rows(company, lakehouse, view, *names) == sorted([(both, None, ["USD"]), (one, 10.0, [])])
    rated = PurchaseHistories.model_validate({"as_of": END, "currency": "EUR", "rates": {"USD": "0.9"}})
    assert await rows(company, lakehouse, rated, *names) == sorted([(both, pytest.approx(145), []), (one, 10.0, [])])
    # Asked for in none, two currencies have nothing in common.
    told = await rows(company, lakehouse, PurchaseHistories(as_of=END), *names)
    assert told == sorted([(both, None, ["EUR", "USD"]), (one, None, ["EUR"])])
    rates = PurchaseHistories.model_validate({"as_of": END, "rates": {"USD": "0.9", "EUR": "1"}})
    assert await rows(company, lakehouse, rates, *names) == told, "a rate is of the currency asked for"


async def test_what_was_returned_or_retracted_is_worth_nothing(company, lakehouse):
    customer = await company.customer()
    await bought(company, customer, day(1, 1), "100")
    returned = await bought(company, customer, day(1, 5), "50")
    part = [{"line": 1, "quantity": 1}]
    for command, fields in (
        ("ship-order", {}),
        ("deliver-order", {}),
        ("request-return", {"parts": part}),
        ("receive-return", {"parts": part}),
    ):
        await company.does(command, order_id=returned, occurred_at=day(1, 6), **fields)
    names = ("repeats", "value", "mean_value")
    assert await rows(company, lakehouse, PurchaseHistories(as_of=END), *names) == [(1, 100.0, 0.0)]
    assert await rows(company, lakehouse, PurchaseHistories(as_of=date(2025, 1, 5)), *names) == [(1, 150.0, 50.0)]


async def test_who_was_merged_since_is_not_taken_for_one_who_left(company, lakehouse):
    one, same, other = [await company.customer() for _ in range(3)]
    for customer in (one, same, other):
        await bought(company, customer, day(1, 1), "100")
    await bought(company, same, day(3, 1), "100")
    await company.does("merge-customers", survivor_id=one, merged_id=same)
    await lakehouse.settles(company)
    cut = date(2025, 1, 31)
    with lakehouse.open(read_only=True) as opened:
        before, after = [
            opened.ask(company.caller, view).rows for view in (PurchaseHistories(as_of=cut), PurchaseHistories())
        ]
    assert len(before) == 3
    known, returned = came_back(before, after, cut)
    told = zip((UUID(str(id)) for id in known["customer_id"].to_pylist()), returned, strict=True)
    assert dict(told) == {one: True, other: False}


async def test_one_tenant_sees_nothing_of_another(company, lakehouse):
    from dataclasses import replace

    await bought(company, await company.customer(), day(1, 1), "100")
    await lakehouse.settles(company)
    with lakehouse.open(read_only=True) as opened:
        for view in (PurchaseHistories(as_of=END), DealOutlook(as_of=END), NextBestActions(as_of=date(2025, 1, 20))):
            assert opened.ask(replace(company.caller, tenant="another"), view).rows.num_rows == 0


async def test_deals_say_where_they_stand_and_since_when(company, lakehouse):
    lines = [
        {"sku": "hose", "quantity": 10, "unit_price": 5},
        {"sku": "pump", "quantity": 1, "unit_price": 200, "discount": "0.5"},
    ]
    back = await went(company, "Proposal", "Qualification", opened=day(1, 1), team="north")
    await company.does("set-product-lines", opportunity_id=back, currency="CNY", lines=lines, occurred_at=day(1, 2))
    won = await went(company, "Proposal", opened=day(1, 10), end="won")
    names = ("opportunity_id", "state", "stage", "product", "amount", "age_days", "stage_days", "moves", "steps_back")
    assert await rows(company, lakehouse, DealOutlook(as_of=date(2025, 1, 31)), *names) == sorted(
        [
            (back, "open", "Qualification", "pump", 150.0, 30, 30, 2, 1),
            (won, "won", "Proposal", None, 1000.0, 0, 0, 1, 0),
        ]
    )
    before = await rows(
        company, lakehouse, DealOutlook(as_of=datetime(2025, 1, 1, 9, tzinfo=UTC)), "state", "stage", "moves"
    )
    assert before == [("open", "Prospecting", 0)]


async def test_a_deal_is_about_what_was_known_of_its_amount_on_that_day(company, lakehouse):
    def lines(sku, price):
        return {"currency": "CNY", "lines": [{"sku": sku, "quantity": 1, "unit_price": price}]}

    deal = await went(company, opened=day(1, 1))
    said = {"opportunity_id": deal}
    await company.does("set-product-lines", **said, **lines("hose", 400), occurred_at=day(1, 3))
    await company.does("change-amount", **said, amount=300, currency="EUR", occurred_at=day(1, 5))
    # What is learned late of an earlier day displaces nothing that was known of a later one.
    await company.does("set-product-lines", **said, **lines("pump", 900), occurred_at=day(1, 2))
    await company.does("win-opportunity", **said, amount=250, currency="EUR", occurred_at=day(1, 7))
    names = ("product", "amount", "currency")
    for until, *told in (
        (1, None, 1000.0, "CNY"),
        (2, "pump", 900.0, "CNY"),
        (4, "hose", 400.0, "CNY"),
        (6, "hose", 300.0, "EUR"),
        (7, "hose", 250.0, "EUR"),
    ):
        assert await rows(company, lakehouse, DealOutlook(as_of=date(2025, 1, until)), *names) == [tuple(told)], until


async def test_next_best_actions_name_their_rule_and_the_events_they_rest_on(company, lakehouse):
    async def event(stream, kind):
        cursor = await company.connection.execute(
            "SELECT event_id FROM log.events WHERE stream_id = %s AND type = %s ORDER BY position DESC LIMIT 1",
            [stream, kind],
        )
        return (await cursor.fetchone())[0]

    regular, new, angry = [await company.customer() for _ in range(3)]
    for month in (1, 2):
        await bought(company, regular, day(month, 1), "10")
    last = await bought(company, regular, day(3, 1), "10")
    first = await bought(company, new, day(6, 10), "10")
    await bought(company, angry, day(6, 10), "10")
    complaint = await company.ticket(customer_id=angry, kind="complaint", occurred_at=day(6, 12))
    deal = await went(company, "Proposal", opened=day(5, 1), customer_id=new)
    names = ("rule", "customer_id", "about", "evidence")
    confirmed = "order.confirmed"
    assert await rows(company, lakehouse, NextBestActions(as_of=date(2025, 6, 30)), *names) == [
        ("revive-deal", new, deal, await event(deal, "opportunity.stage_moved")),
        ("second-purchase", new, new, await event(first, confirmed)),
        ("settle-first", angry, complaint, await event(complaint, "ticket.opened")),
        ("win-back", regular, regular, await event(last, confirmed)),
    ]
    await company.does("deactivate-customer", customer_id=new)
    told = await rows(company, lakehouse, NextBestActions(), "rule", "customer_id")
    assert new not in [customer for _, customer in told], "nobody sells to whom we have given up"
    await company.does("resolve-ticket", ticket_id=complaint, resolution="paid back", occurred_at=day(6, 13))
    assert ("second-purchase", angry) in await rows(
        company, lakehouse, NextBestActions(as_of=date(2025, 6, 30)), "rule", "customer_id"
    )
