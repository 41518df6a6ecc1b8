"""What somebody did is taken back by the business's own rules, dated now; else it is said what to do instead."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from commands.customers import (
    DeactivateCustomer,
    GiveConsent,
    LinkContact,
    LogInteraction,
    RegisterCustomer,
    SetParent,
    VerifyCustomer,
    WithdrawConsent,
)
from commands.opportunities import (
    ChangeAmount,
    ChangeForecastCategory,
    MoveOpportunity,
    OfferedLine,
    OpenOpportunity,
    SetProductLines,
    WinOpportunity,
)
from commands.orders import ConfirmOrder, HoldOrder, OrderLine, PlaceOrder, RecordPayment
from commands.tickets import (
    EscalateTicket,
    MergeTicket,
    OpenTicket,
    PauseTicket,
    RecordSatisfaction,
    ReplyToTicket,
    ResolveTicket,
)
from commands.undoing import UndoEvents
from domain.correction import NotUndone
from domain.customer import Customer
from domain.opportunity import Opportunity
from domain.order import Order
from domain.ticket import Ticket
from tests.scenario import Scenario

ACME, LI, WANG, PUMPS, ORDER, TICKET, OTHER = (UUID(int=n) for n in range(60, 67))

acme = RegisterCustomer(customer_id=ACME, kind="organisation", name="Acme")
li = RegisterCustomer(customer_id=LI, kind="person", name="李伟")
wang = RegisterCustomer(customer_id=WANG, kind="person", name="王芳")
opened = OpenOpportunity(opportunity_id=PUMPS, title="20 pumps", amount=Decimal(1000), currency="CNY")
placed = PlaceOrder(
    order_id=ORDER, customer_id=ACME, currency="CNY", lines=(OrderLine(sku="pump", quantity=1, unit_price=9),)
)
ticket = OpenTicket(ticket_id=TICKET, kind="fault", channel="email", subject="Pump leaks")
other = OpenTicket(ticket_id=OTHER, kind="fault", channel="email", subject="Leaking pump")


def undone(kind: str, id: UUID, *versions: int) -> UndoEvents:
    return UndoEvents(stream=kind, id=id, versions=versions)


@pytest.fixture
def crm():
    return Scenario()


def why(crm) -> str:
    assert isinstance(crm.refused, NotUndone), crm.refused
    return str(crm.refused)


def test_a_deactivation_in_error_is_taken_back_and_that_too(crm):
    crm.given(acme, DeactivateCustomer(customer_id=ACME))
    crm.when(undone("customer", ACME, 2)).then(Customer.Reactivated, (Customer.Undone, {"undone_version": 2}))
    crm.when(undone("customer", ACME, 2)).then()
    crm.when(undone("customer", ACME, 3)).then(Customer.Deactivated, (Customer.Undone, {"undone_version": 4}))
    crm.when(undone("customer", ACME, 6)).then(Customer.Reactivated, Customer.Undone)


def test_stages_are_gone_back_one_by_one(crm):
    crm.given(opened)
    for stage in ("Qualification", "Negotiation"):
        crm.given(MoveOpportunity(opportunity_id=PUMPS, stage=stage))
    crm.when(undone("opportunity", PUMPS, 2))
    assert "later change" in why(crm)
    crm.when(undone("opportunity", PUMPS, 2, 3)).then(
        (Opportunity.StageMoved, {"stage": "Qualification"}),
        Opportunity.Undone,
        (Opportunity.StageMoved, {"stage": "Prospecting", "probability": Decimal("0.10")}),
        Opportunity.Undone,
    )


def test_a_sale_won_in_error_is_open_again_for_what_it_was_worth_and_as_it_was_forecast(crm):
    crm.given(opened, ChangeForecastCategory(opportunity_id=PUMPS, forecast_category="Commit"))
    crm.given(WinOpportunity(opportunity_id=PUMPS, amount=Decimal(5)))
    crm.when(undone("opportunity", PUMPS, 3)).then(
        (Opportunity.Reopened, {"stage": "Prospecting"}),
        (Opportunity.AmountChanged, {"amount": Decimal(1000), "currency": "CNY"}),
        (Opportunity.ForecastCategoryChanged, {"forecast_category": "Commit", "override": True}),
        Opportunity.Undone,
    )
    crm.when(undone("opportunity", PUMPS, 4))
    assert "win or lose it again" in why(crm)


def test_what_is_agreed_of_a_closed_sale_is_not_corrected(crm):
    lines = SetProductLines(opportunity_id=PUMPS, lines=(OfferedLine(sku="pump", quantity=1, unit_price=7),))
    crm.given(opened, lines, ChangeAmount(opportunity_id=PUMPS, amount=Decimal(9), currency="CNY"))
    crm.when(undone("opportunity", PUMPS, 2))
    assert "later change" in why(crm)
    crm.when(undone("opportunity", PUMPS, 2, 3)).then(
        (Opportunity.AmountChanged, {"amount": Decimal(1000)}),
        Opportunity.Undone,
        (Opportunity.ProductLinesSet, {"lines": ()}),
        (Opportunity.AmountChanged, {"amount": Decimal(1000)}),
        Opportunity.Undone,
    )
    crm.given(MoveOpportunity(opportunity_id=PUMPS, stage="Proposal"))


def test_an_order_held_in_error_is_released_but_what_was_confirmed_paid_or_said_is_not_unsaid(crm):
    crm.given(acme, placed, ConfirmOrder(order_id=ORDER), HoldOrder(order_id=ORDER))
    crm.given(RecordPayment(order_id=ORDER, method="card", amount=Decimal(9)))
    crm.when(undone("order", ORDER, 3)).then(Order.Released, Order.Undone)
    crm.when(undone("order", ORDER, 4))
    assert "refunded" in why(crm)
    crm.when(undone("order", ORDER, 2))
    assert "cancel it" in why(crm)
    crm.given(LogInteraction(customer_id=ACME, channel="call", direction="in", subject="hello"))
    crm.when(undone("customer", ACME, 2))
    assert "log what is right" in why(crm)


def test_a_ticket_resolved_in_error_starts_another_cycle_and_one_merged_stays_so(crm):
    crm.given(ticket, other, PauseTicket(ticket_id=TICKET))
    crm.when(undone("ticket", TICKET, 2)).then(Ticket.Resumed, Ticket.Undone)
    crm.given(ResolveTicket(ticket_id=TICKET, resolution="seal"), RecordSatisfaction(ticket_id=TICKET, score=1))
    crm.when(undone("ticket", TICKET, 6)).then((Ticket.SatisfactionRecorded, {"score": None}), Ticket.Undone)
    crm.when(undone("ticket", TICKET, 5)).then((Ticket.Reopened, {"cycle": 2}), Ticket.Undone)
    crm.given(EscalateTicket(ticket_id=TICKET, team="second", reason="hard"))
    corrected = (Ticket.EscalationCorrected, {"level": 1, "named_team": True, "team": None})
    crm.when(undone("ticket", TICKET, 11)).then(corrected, Ticket.Undone)
    crm.given(ReplyToTicket(ticket_id=TICKET, text="Sorry"))
    crm.when(undone("ticket", TICKET, 14))
    assert "another reply" in why(crm)
    crm.given(MergeTicket(ticket_id=TICKET, into_id=OTHER))
    for id, version in ((TICKET, 15), (OTHER, 2)):
        crm.when(undone("ticket", id, version))
        assert "stay one" in why(crm)


def test_where_nothing_was_known_before_nothing_is_known_again(crm):
    crm.given(acme, GiveConsent(customer_id=ACME, channel="email"), VerifyCustomer(customer_id=ACME, method="call"))
    cleared = (Customer.ConsentCleared, {"channel": "email"})
    crm.when(undone("customer", ACME, 2)).then(cleared, Customer.Undone)
    crm.when(undone("customer", ACME, 4)).then((Customer.ConsentGiven, {"channel": "email"}), Customer.Undone)
    unknown = (Customer.VerificationCorrected, {"verified_at": None, "verified_by": None})
    crm.when(undone("customer", ACME, 3)).then(unknown, Customer.Undone)
    crm.given(WithdrawConsent(customer_id=ACME, channel="email"))
    crm.when(undone("customer", ACME, 10)).then((Customer.ConsentGiven, {"channel": "email"}), Customer.Undone)


def test_an_account_never_gets_two_primary_contacts_by_undoing(crm):
    crm.given(acme, li, wang, LinkContact(customer_id=ACME, contact_id=LI, role="buyer", primary=True))
    crm.given(LinkContact(customer_id=ACME, contact_id=LI, role="buyer"))
    crm.given(LinkContact(customer_id=ACME, contact_id=WANG, role="buyer", primary=True))
    crm.when(undone("customer", ACME, 3))
    assert "primary" in why(crm)
    crm.when(undone("customer", ACME, 3, 4)).then(
        Customer.ContactUnlinked, Customer.Undone, (Customer.ContactLinked, {"primary": True}), Customer.Undone
    )


def test_what_others_refer_to_is_retracted_after_them(crm):
    crm.given(acme, li, SetParent(customer_id=LI, parent_id=ACME))
    crm.when(undone("customer", ACME, 1))
    assert "Others refer" in why(crm)
    crm.when(undone("customer", LI, 1, 2)).then(Customer.Retracted, (Customer.Undone, {"undone_version": 1}))
    crm.when(undone("customer", ACME, 1)).then(Customer.Retracted, Customer.Undone)


def test_a_thing_is_not_retracted_while_something_of_it_stands(crm):
    crm.given(acme, LogInteraction(customer_id=ACME, channel="call", direction="in", subject="hello"))
    crm.when(undone("customer", ACME, 1))
    assert "Other events" in why(crm)
    crm.when(undone("customer", ACME, 7))
    assert "no version 7" in why(crm)
    crm.when(undone("customer", ACME, 1, 2)).then(Customer.Retracted, Customer.Undone)
    crm.when(undone("customer", ACME, 2)).then()
