"""What each read model says of the business, after commands have gone through the log."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from domain.pipeline import DEFAULT_PIPELINE_ID
from eventlog.envelope import Caller
from projections.asking import Ask, ask_of, filter_of
from projections.customer_360 import customer_360
from projections.customer_card import CUSTOMERS
from projections.history import history
from projections.opportunities import OPPORTUNITIES
from projections.orders import ORDERS
from projections.pipeline_board import board
from projections.pipelines import PIPELINES
from projections.receivables import RECEIVABLES, ageing
from projections.stage_durations import STAGE_DURATIONS
from projections.tickets import TICKETS
from projections.timeline import TIMELINE, timeline
from tests.projections.conftest import day

pytestmark = pytest.mark.anyio

STRANGER = Caller("somebody-else", "wu")


async def types(company, customer, query=""):
    pairs = [tuple(part.split("=")) for part in query.split("&") if part]
    page = await timeline(company.connection, company.caller, customer, ask_of(TIMELINE, pairs))
    return [row["type"] for row in page.rows]


# Opportunities, their stages and the board


async def test_an_opportunity_counts_its_moves_and_weighs_its_amount(company):
    id = await company.opportunity(amount="1000.01", occurred_at=day(1))
    for at, stage in ((2, "Proposal"), (3, "Qualification"), (4, "Negotiation")):
        await company.does("move-opportunity", opportunity_id=id, stage=stage, occurred_at=day(at))
    await company.settles()
    row = (await company.list(OPPORTUNITIES, f"id={id}", now=None)).rows[0]
    assert (row["stage"], row["stage_rank"], row["probability"]) == ("Negotiation", 4, Decimal("0.80"))
    assert row["weighted_amount"] == Decimal("800.01")
    assert (row["stage_moves"], row["backward_moves"], row["reopenings"]) == (3, 1, 0)
    assert row["entered_stage_at"] == day(4)
    await company.does("lose-opportunity", opportunity_id=id, lost_reason="price", occurred_at=day(6))
    await company.settles()
    row = await company.row(OPPORTUNITIES, id)
    assert (row["stage_type"], row["closed_at"], row["lost_reason"], row["age_days"]) == ("lost", day(6), "price", 5)
    await company.does("reopen-opportunity", opportunity_id=id, occurred_at=day(7))
    await company.settles()
    row = await company.row(OPPORTUNITIES, id)
    assert (row["stage"], row["closed_at"], row["lost_reason"], row["reopenings"]) == ("Negotiation", None, None, 1)


async def test_stage_durations_sum_exactly_to_close_less_open(company):
    opened = day(1) + timedelta(microseconds=1)
    id = await company.opportunity(occurred_at=opened)
    closed = day(9) + timedelta(microseconds=8)
    await company.does("move-opportunity", opportunity_id=id, stage="Proposal", occurred_at=day(3))
    await company.does("lose-opportunity", opportunity_id=id, lost_reason="price", occurred_at=day(4))
    await company.does("reopen-opportunity", opportunity_id=id, occurred_at=day(5))
    await company.does("win-opportunity", opportunity_id=id, occurred_at=closed)
    await company.settles()
    visits = (await company.list(STAGE_DURATIONS, f"opportunity_id={id}")).rows
    assert [visit["stage"] for visit in visits] == ["Prospecting", "Proposal", "Lost", "Proposal", "Won"]
    assert [visit["left_at"] for visit in visits] == [*[visit["entered_at"] for visit in visits[1:]], None]
    assert (
        sum(visit["seconds"] or 0 for visit in visits)
        == Decimal((closed - opened) // timedelta(microseconds=1)) / 10**6
    )


async def test_the_board_shows_every_open_stage_with_its_worth(company):
    large = await company.opportunity(amount=500, owner="li")
    small = await company.opportunity(amount=100)
    await company.opportunity(amount=70, currency="EUR")
    await company.opportunity(amount=None, currency=None)
    other = await company.opportunity(amount=900, stage="Negotiation")
    await company.does("win-opportunity", opportunity_id=await company.opportunity())
    await company.settles()
    columns = await board(company.connection, company.caller, limit=2)
    assert [column.stage for column in columns] == ["Prospecting", "Qualification", "Proposal", "Negotiation"]
    assert [column.count for column in columns] == [4, 0, 0, 1]
    worth = {(w.currency, w.count, w.amount, w.weighted_amount) for w in columns[0].worth}
    assert worth == {
        ("CNY", 2, Decimal(600), Decimal("60.00")),
        ("EUR", 1, Decimal(70), Decimal("7.00")),
        (None, 1, None, None),
    }
    assert [card["id"] for card in columns[0].opportunities] == [large, small]
    assert [card["id"] for card in columns[3].opportunities] == [other]
    mine = (filter_of(OPPORTUNITIES, "owner", "li"),)
    assert [c.count for c in await board(company.connection, company.caller, filters=mine)] == [1, 0, 0, 0]
    assert [c.count for c in await board(company.connection, STRANGER)] == [0, 0, 0, 0]


async def test_an_amended_pipeline_changes_the_board(company):
    before = await company.opportunity(stage="Proposal")
    stages = [("Talk", "open", 0.5), ("Deal", "won", 1), ("No deal", "lost", 0)]
    stages = [{"label": label, "type": type, "probability": probability} for label, type, probability in stages]
    await company.does("amend-pipeline", pipeline_id=DEFAULT_PIPELINE_ID, stages=stages)
    after = await company.opportunity()
    await company.settles()
    columns = await board(company.connection, company.caller)
    assert [(c.stage, [card["id"] for card in c.opportunities]) for c in columns] == [
        ("Talk", [after]),
        ("Proposal", [before]),
    ]


async def test_an_amended_pipeline_still_tells_the_stages_of_those_that_entered_it_before(company):
    sale = await company.opportunity(stage="Proposal")
    stages = [("Talk", "open", 0.5), ("Deal", "won", 1), ("No deal", "lost", 0)]
    stages = [{"label": label, "type": type, "probability": probability} for label, type, probability in stages]
    await company.does("amend-pipeline", stages=stages)
    await company.settles()
    entered = (await company.row(OPPORTUNITIES, sale))["pipeline_version"]
    told = (await company.row(PIPELINES, DEFAULT_PIPELINE_ID))["stages_by_version"]
    assert told.keys() == {"0", "1"}
    assert [stage["label"] for stage in told[str(entered)]][2] == "Proposal"


async def test_an_opportunity_without_product_lines_has_an_empty_list_of_them(company):
    sale = await company.opportunity()
    await company.settles()
    assert (await company.row(OPPORTUNITIES, sale))["lines"] == []
    await company.does(
        "set-product-lines", opportunity_id=sale, lines=[{"sku": "P", "quantity": 1, "unit_price": 10}], currency="EUR"
    )
    await company.settles()
    assert [line["sku"] for line in (await company.row(OPPORTUNITIES, sale))["lines"]] == ["P"]


# Orders and receivables


async def test_an_orders_axes_move_on_their_own(company):
    order = await company.order(await company.customer())
    await company.does("confirm-order", order_id=order)
    await company.does("ship-order", order_id=order, parts=[{"line": 1, "quantity": 5}])
    await company.does("deliver-order", order_id=order, parts=[{"line": 1, "quantity": 4}])
    await company.does("invoice-order", order_id=order, invoice_number="1", amount=250)
    await company.does("record-payment", order_id=order, method="card", amount=100)
    await company.settles()
    row = await company.row(ORDERS, order)
    percents = [row[f"{axis}_percent"] for axis in ("shipped", "delivered", "billed", "paid", "returned")]
    assert (percents, row["label"]) == ([50, 40, 25, 10, 0], "To deliver and bill")
    assert (row["outstanding"], row["owed_back"]) == (900, 0)
    assert row["progress"] == {"1": {"shipped": "5", "delivered": "4"}}
    await company.does("record-payment", order_id=order, method="bank", amount=900)
    await company.does("request-return", order_id=order, parts=[{"line": 1, "quantity": 1}])
    await company.does("receive-return", order_id=order)
    await company.settles()
    row = await company.row(ORDERS, order)
    assert (row["paid"], row["returned_percent"], row["due"], row["owed_back"]) == (1000, 10, 900, 100)
    await company.does("refund-order", order_id=order, method="bank")
    await company.settles()
    assert (await company.row(ORDERS, order))["owed_back"] == 0


async def test_payments_settle_the_oldest_invoice_first_and_age_counts_from_its_day(company):
    customer = await company.customer()
    order = await company.order(customer, occurred_at=day(1))
    await company.does("confirm-order", order_id=order, occurred_at=day(1))
    for number, amount, due_on in (("A", 300, "2026-01-10"), ("B", 500, "2026-02-10")):
        await company.does(
            "invoice-order", order_id=order, invoice_number=number, amount=amount, due_on=due_on, occurred_at=day(2)
        )
    await company.settles()
    assert (await company.row(RECEIVABLES, order))["payments"] == []
    await company.does("record-payment", order_id=order, method="card", amount=100, occurred_at=day(3))
    await company.order(customer)
    await company.settles()
    (row,) = (await company.list(RECEIVABLES, "outstanding.gt=0")).rows
    assert (row["id"], row["invoiced"], row["paid"], row["outstanding"]) == (order, 800, 100, 700)
    assert [(i["invoice_number"], i["outstanding"]) for i in row["invoices"]] == [("A", "200"), ("B", "500")]
    assert row["due_on"].isoformat() == "2026-01-10"
    today = day(10) + timedelta(days=20)
    (ages,) = await ageing(company.connection, company.caller, today)
    assert (ages["currency"], ages["not_due"], ages["days_1_30"], ages["outstanding"]) == ("CNY", 500, 200, 700)
    (ages,) = await ageing(company.connection, company.caller, today + timedelta(days=100), customer)
    assert (ages["days_61_90"], ages["days_over_90"]) == (500, 200)
    assert await ageing(company.connection, STRANGER, today) == []
    await company.does("record-payment", order_id=order, method="card", amount=700, occurred_at=day(5))
    await company.settles()
    row = await company.row(RECEIVABLES, order)
    assert (row["outstanding"], row["due_on"], len(row["payments"])) == (0, None, 2)


async def test_what_comes_back_is_credited_to_the_newest_invoice(company):
    order = await company.order(await company.customer(), occurred_at=day(1))
    await company.does("confirm-order", order_id=order, occurred_at=day(1))
    for number, due_on in (("A", "2026-01-10"), ("B", "2026-02-10")):
        await company.does(
            "invoice-order", order_id=order, invoice_number=number, amount=500, due_on=due_on, occurred_at=day(2)
        )
    for command in ("ship-order", "deliver-order"):
        await company.does(command, order_id=order, occurred_at=day(3))
    await company.does("request-return", order_id=order, parts=[{"line": 1, "quantity": 2}], occurred_at=day(4))
    await company.does("receive-return", order_id=order, occurred_at=day(5))
    await company.settles()
    row = await company.row(RECEIVABLES, order)
    assert (row["credited"], row["outstanding"]) == (200, 800)
    assert [(Decimal(i["credited"]), Decimal(i["outstanding"])) for i in row["invoices"]] == [(0, 500), (200, 300)]


# Tickets


async def test_a_ticket_tells_how_long_each_cycle_took(company):
    id = await company.ticket(priority="high", occurred_at=day(1))
    await company.does("reply-to-ticket", ticket_id=id, text="We look", occurred_at=day(1, 10))
    await company.does("pause-ticket", ticket_id=id, occurred_at=day(1, 11))
    await company.does("resume-ticket", ticket_id=id, occurred_at=day(1, 13))
    await company.does("resolve-ticket", ticket_id=id, resolution="Seal", occurred_at=day(1, 15))
    await company.settles()
    row = await company.row(TICKETS, id)
    assert (row["first_response_s"], row["paused_s"], row["resolution_s"]) == (3600, 7200, 4 * 3600)
    assert (row["state"], row["queue_place"], row["ended_at"]) == ("resolved", None, day(1, 15))
    await company.does("reopen-ticket", ticket_id=id, occurred_at=day(2))
    await company.does("record-satisfaction", ticket_id=id, score=4, occurred_at=day(3))
    await company.settles()
    row = await company.row(TICKETS, id)
    assert (row["cycle"], row["first_response_s"], row["resolution_s"], row["last_score"]) == (2, None, None, 4)
    assert [(c["cycle"], c["outcome"], c["resolution_s"]) for c in row["cycles"]] == [
        (1, "resolved", "14400"),
        (2, None, None),
    ]


async def test_the_queue_puts_urgent_tickets_first_then_who_waits_longest(company):
    normal = await company.ticket(occurred_at=day(1))
    late = await company.ticket(priority="urgent", occurred_at=day(3))
    early = await company.ticket(priority="urgent", occurred_at=day(2))
    paused = await company.ticket(priority="urgent", occurred_at=day(1))
    await company.does("pause-ticket", ticket_id=paused, occurred_at=day(4))
    await company.settles()
    rows = (await company.list(TICKETS, "sort=queue_place&queue_place.null=false")).rows
    assert [row["id"] for row in rows] == [early, late, normal]


# The customer as a whole


async def test_the_timeline_has_all_streams_of_the_customer_in_one_order(company):
    customer = await company.customer(occurred_at=day(1))
    order = await company.order(customer, occurred_at=day(4))
    await company.ticket(customer_id=customer, occurred_at=day(3))
    await company.does("confirm-order", order_id=order, occurred_at=day(5))
    await company.does(
        "log-interaction", customer_id=customer, channel="call", direction="in", subject="Hi", occurred_at=day(2)
    )
    await company.settles()
    said = ["customer.registered", "customer.interaction_logged", "ticket.opened", "order.placed", "order.confirmed"]
    assert await types(company, customer, "sort=occurred_at") == said
    assert await types(company, customer) == said[::-1]
    assert await types(company, customer, "stream_type=order") == ["order.confirmed", "order.placed"]
    page = await timeline(company.connection, company.caller, customer, Ask(limit=2))
    rest = await timeline(company.connection, company.caller, customer, Ask(limit=10, cursor=page.cursor))
    assert [row["type"] for row in page.rows + rest.rows] == said[::-1]
    assert page.rows[1]["fields"]["total"] == "1000.00"
    assert (await timeline(company.connection, STRANGER, customer, Ask())).rows == []


async def test_an_opportunity_linked_late_is_on_the_timeline_from_its_beginning(company):
    customer = await company.customer(occurred_at=day(2))
    opportunity = await company.opportunity(occurred_at=day(1))
    await company.does(
        "link-opportunity-to-customer", opportunity_id=opportunity, customer_id=customer, occurred_at=day(3)
    )
    await company.settles()
    said = ["opportunity.opened", "customer.registered", "opportunity.customer_linked"]
    assert await types(company, customer, "sort=occurred_at") == said


async def test_an_opportunity_linked_to_another_customer_moves_to_that_ones_timeline(company):
    wrong, right = await company.customer("Wrong"), await company.customer("Right")
    opportunity = await company.opportunity(customer_id=wrong)
    await company.does("link-opportunity-to-customer", opportunity_id=opportunity, customer_id=right)
    await company.settles()
    assert await types(company, wrong) == ["customer.registered"]
    assert await types(company, right) == ["opportunity.customer_linked", "opportunity.opened", "customer.registered"]


async def test_360_shows_a_customer_from_all_sides_as_of_one_position(company):
    customer = await company.customer("李雷", tags=["vip"])
    await company.opportunity(customer_id=customer, amount=1000)
    await company.does("win-opportunity", opportunity_id=await company.opportunity(customer_id=customer, amount=50))
    order = await company.order(customer)
    await company.does("confirm-order", order_id=order)
    await company.does("invoice-order", order_id=order, invoice_number="1")
    await company.does("record-payment", order_id=order, method="card", amount=400)
    await company.ticket(customer_id=customer)
    await company.settles()
    seen = await customer_360(company.connection, company.caller, customer)
    head = await (await company.connection.execute("SELECT max(position) FROM log.events")).fetchone()
    assert (seen.position,) == head
    parts = seen.parts
    assert (parts["card"]["name"], parts["card"]["tags"]) == ("李雷", ["vip"])
    assert [o["amount"] for o in parts["open_opportunities"]] == [1000]
    assert [(o["stage_type"], o["amount"]) for o in parts["closed_opportunities"]] == [("won", 50)]
    assert {t["outcome"]: t["amount"] for t in parts["opportunity_totals"]} == {"open": 1000, "won": 50}
    assert [(t["currency"], t["count"], t["total"], t["paid"]) for t in parts["order_totals"]] == [
        ("CNY", 1, 1000, 400)
    ]
    assert [r["outstanding"] for r in parts["receivables"]] == [600]
    assert [(t["state"], t["count"]) for t in parts["ticket_totals"]] == [("open", 1)]
    assert len(parts["timeline"]) == 9
    assert await customer_360(company.connection, STRANGER, customer) is None
    assert await customer_360(company.connection, company.caller, uuid4()) is None


# History


async def story(company, kind, id, **page):
    return await history(company.connection, company.log.codec, company.caller, kind, id, **page)


async def test_history_says_who_changed_what_from_what_to_what(company):
    id = await company.customer("One", tags=["new"], occurred_at=day(1))
    await company.does("rename-customer", customer_id=id, name="Three", occurred_at=day(3))
    await company.does("rename-customer", customer_id=id, name="Two", occurred_at=day(2))
    await company.does("untag-customer", customer_id=id, tag="new", occurred_at=day(4))
    told = await story(company, "customer", id)
    registered, renamed, late, untagged = told.entries
    assert ("tags.new", None, True) in [(c.field, c.old, c.new) for c in registered.changes]
    assert [(c.field, c.old, c.new) for c in renamed.changes] == [("name", "One", "Three")]
    assert (renamed.actor, renamed.occurred_at) == ("li", day(3))
    assert (late.changes, late.took_effect, late.fields) == ([], False, {"name": "Two", "given": None})
    assert [(c.field, c.old, c.new) for c in untagged.changes] == [("tags.new", True, None)]


async def test_history_is_told_for_every_kind_page_by_page(company):
    customer = await company.customer()
    order = await company.order(customer)
    await company.does("record-payment", order_id=order, method="card", amount=10)
    ticket, opportunity = await company.ticket(), await company.opportunity()
    for kind, id, events in (("order", order, 2), ("ticket", ticket, 1), ("opportunity", opportunity, 1)):
        told = await story(company, kind, id)
        assert [entry.version for entry in told.entries] == list(range(1, events + 1))
        assert all(entry.changes for entry in told.entries)
    first = await story(company, "order", order, limit=1)
    rest = await story(company, "order", order, limit=1, after=first.next_version)
    assert ([e.version for e in first.entries + rest.entries], rest.next_version) == ([1, 2], None)
    assert [(c.field, c.old, c.new) for c in rest.entries[0].changes] == [("paid", "0", "10")]
    assert await story(company, "ticket", order) is None
    assert await story(company, "customer", uuid4()) is None


async def test_a_forgotten_person_reads_none_in_card_and_history(company):
    customer = await company.customer("Secret", emails=["secret@example.com"])
    company.log.keys.destroy(company.caller.tenant, customer)
    await company.settles()
    card = await company.row(CUSTOMERS, customer)
    assert (card["name"], card["emails"]) == (None, None)
    (entry,) = (await story(company, "customer", customer)).entries
    assert entry.fields["name"] is None
