"""What an order allows and refuses, in sentences; and that goods and money never exceed what was ordered and paid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from commands.command import Command
from commands.customers import PostalAddress, RegisterCustomer
from commands.opportunities import OpenOpportunity, WinOpportunity
from commands.orders import (
    AmendOrder,
    AssignOrder,
    CancelOrder,
    CloseOrder,
    ConfirmOrder,
    DeliverOrder,
    HoldOrder,
    InvoiceOrder,
    LinePart,
    OrderLine,
    PlaceOrder,
    ReceiveReturn,
    RecordPayment,
    RefundOrder,
    ReleaseOrder,
    RequestReturn,
    ShipOrder,
)
from domain.aggregate import Event
from domain.order import (
    InvoiceAlreadyIssued,
    Line,
    MoreThanDelivered,
    MoreThanOrdered,
    MoreThanOwedBack,
    MoreThanRequested,
    MoreThanShipped,
    Moved,
    Order,
    OrderCancelled,
    OrderClosed,
    OrderConfirmed,
    OrderDelivered,
    OrderNotConfirmed,
    OrderOnHold,
    Part,
    label,
    percent,
)
from domain.refusals import MoveOutOfOrder
from tests.domain.anything import ID, events_of, happenings, stream
from tests.scenario import Scenario

D = Decimal
LI, O = UUID(int=10), UUID(int=11)  # noqa: E741  # the order
BOLTS, NUTS = 1, 2

LINES = (
    OrderLine(sku="BOLT", quantity=D(10), unit_price=D("2.50"), discount=D("0.1"), tax_rate=D("0.2")),
    OrderLine(sku="NUT", quantity=D(4), unit_price=D("1.25")),
)
"""22.50 and 4.50 tax, and 5.00: together 32.00."""

registered = RegisterCustomer(customer_id=LI, kind="person", name="李伟")
placed = PlaceOrder(order_id=O, customer_id=LI, currency="CNY", lines=LINES)
confirmed = ConfirmOrder(order_id=O)
shipped = ShipOrder(order_id=O)
delivered = DeliverOrder(order_id=O)
returned = RequestReturn(order_id=O), ReceiveReturn(order_id=O)


def part(line: int, quantity: str | int) -> LinePart:
    return LinePart(line=line, quantity=D(quantity))


def paid(amount: str, method: str = "card") -> RecordPayment:
    return RecordPayment(order_id=O, method=method, amount=D(amount))


def refunded(amount: str | None = None) -> RefundOrder:
    return RefundOrder(order_id=O, method="card", amount=D(amount) if amount else None)


def billed(number: str = "I-1", amount: str | None = None, *parts: LinePart) -> InvoiceOrder:
    return InvoiceOrder(order_id=O, invoice_number=number, amount=D(amount) if amount else None, parts=parts or None)


@pytest.fixture
def crm() -> Scenario:
    return Scenario().given(registered)


def order(crm: Scenario) -> Order:
    found = crm.streams[O]
    assert isinstance(found, Order)
    return found


# Placing and amending


def test_a_placed_order_is_a_draft_with_its_totals(crm: Scenario) -> None:
    crm.when(placed).then(
        (
            Order.Placed,
            {
                "customer_id": LI,
                "quantity": D(14),
                "sales": D("27.500"),
                "net": D("27.50"),
                "tax": D("4.50"),
                "total": D("32.00"),
            },
        )
    )
    assert order(crm).label == "Draft"
    assert order(crm).concerns == LI


def test_an_order_carries_its_number_owner_and_address(crm: Scenario) -> None:
    there = PostalAddress(street="南京路 1", city="上海")
    crm.when(
        placed.model_copy(update={"number": "10248", "source": "shop", "owner": "ann", "shipping_address": there})
    ).then((Order.Placed, {"number": "10248", "owner": "ann", "shipping_address": there.value}))
    assert order(crm).claims == {("order-number", "shop:10248")}


def test_a_won_opportunity_is_named_by_its_order(crm: Scenario) -> None:
    won = UUID(int=12)
    crm.given(
        OpenOpportunity(opportunity_id=won, customer_id=LI, title="Bolts", amount=D(32), currency="CNY"),
        WinOpportunity(opportunity_id=won),
    )
    crm.when(placed.model_copy(update={"opportunity_id": won})).then((Order.Placed, {"opportunity_id": won}))


def test_each_line_is_rounded_to_the_cent_half_to_even_and_its_tax_likewise() -> None:
    line = Line.priced(1, "TEA", D(1), D("0.125"), tax_rate=D("0.5"))
    assert (line.net, line.tax, line.sales) == (D("0.12"), D("0.06"), D("0.125"))


def test_the_parts_of_a_line_are_worth_exactly_the_line(crm: Scenario) -> None:
    thirds = OrderLine(sku="CAKE", quantity=D(3), unit_price=D("3.3333"))
    crm.given(placed.model_copy(update={"lines": (thirds,)}), confirmed, shipped)
    for worth in ("3.33", "3.34", "3.33"):
        crm.when(DeliverOrder(order_id=O, parts=(part(1, 1),))).then((Order.Delivered, {"worth": D(worth)}))


def test_deliveries_and_returns_say_what_each_part_is_worth_before_tax(crm: Scenario) -> None:
    crm.given(placed, confirmed, shipped)
    crm.when(DeliverOrder(order_id=O, parts=(part(BOLTS, 3), part(NUTS, 4))))
    crm.then(
        (Order.Delivered, {"parts": (Moved(BOLTS, D(3), D("6.75")), Moved(NUTS, D(4), D(5))), "worth": D("13.10")})
    )
    crm.given(delivered, RequestReturn(order_id=O))
    crm.when(ReceiveReturn(order_id=O, parts=(part(BOLTS, 3),)))
    crm.then((Order.ReturnReceived, {"parts": (Moved(BOLTS, D(3), D("6.75")),), "worth": D("8.10")}))


def test_a_confirmation_says_what_was_agreed_with_whom(crm: Scenario) -> None:
    crm.given(placed, AmendOrder(order_id=O, lines=LINES[:1])).when(confirmed)
    agreed = {"customer_id": LI, "currency": "CNY", "net": D("22.50"), "tax": D("4.50"), "total": D("27.00")}
    crm.then((Order.Confirmed, agreed))


def test_an_order_needs_a_line_and_is_worth_what_can_be_paid() -> None:
    dear = OrderLine(sku="MINE", quantity=D(10), unit_price=D("99999999999999"))
    for lines in ((), (dear,)):
        with pytest.raises(ValidationError):
            PlaceOrder(customer_id=LI, currency="CNY", lines=lines)


def test_a_draft_can_be_amended_until_it_is_confirmed(crm: Scenario) -> None:
    amended = AmendOrder(order_id=O, lines=LINES[1:])
    crm.given(placed).when(amended).then((Order.Amended, {"total": D("5.00"), "quantity": D(4)}))
    crm.when(amended).then()
    crm.given(confirmed).when(AmendOrder(order_id=O, lines=LINES)).then_refused(OrderConfirmed)


def test_an_order_changes_hands(crm: Scenario) -> None:
    assigned = AssignOrder(order_id=O, owner="ann", team="south")
    crm.given(placed).when(assigned).then((Order.Assigned, {"owner": "ann", "team": "south"}))
    crm.when(assigned).then()


# States


def test_confirming_twice_records_nothing_more(crm: Scenario) -> None:
    crm.given(placed).when(confirmed).then(Order.Confirmed)
    crm.when(confirmed).then()
    assert order(crm).label == "To deliver and bill"


def test_a_draft_is_neither_shipped_nor_billed_nor_held_nor_closed(crm: Scenario) -> None:
    allowed = ["amend-order", "assign-order", "cancel-order", "confirm-order", "record-payment"]
    for asked in (shipped, billed(), HoldOrder(order_id=O), CloseOrder(order_id=O), ReleaseOrder(order_id=O)):
        (crm if O in crm.streams else crm.given(placed)).when(asked).then_refused(OrderNotConfirmed, allowed=allowed)


def test_an_order_on_hold_waits_for_its_release(crm: Scenario) -> None:
    crm.given(placed, confirmed)
    crm.when(HoldOrder(order_id=O, reason="credit check")).then((Order.Held, {"reason": "credit check"}))
    crm.when(HoldOrder(order_id=O)).then()
    assert order(crm).label == "On hold"
    for asked in (shipped, billed(), confirmed):
        crm.when(asked).then_refused(
            OrderOnHold, allowed=["assign-order", "cancel-order", "close-order", "record-payment", "release-order"]
        )
    crm.when(ReleaseOrder(order_id=O)).then(Order.Released)
    crm.when(ReleaseOrder(order_id=O)).then()
    crm.when(shipped).then(Order.Shipped)


def test_a_parcel_on_its_way_arrives_although_the_order_is_on_hold(crm: Scenario) -> None:
    crm.given(placed, confirmed, shipped, HoldOrder(order_id=O)).when(delivered).then(Order.Delivered)


def test_what_was_paid_for_a_cancelled_order_is_owed_back(crm: Scenario) -> None:
    crm.given(placed, confirmed, paid("20"), paid("12", "voucher"))
    assert order(crm).owed_back == 0
    crm.when(CancelOrder(order_id=O, reason="changed my mind")).then((Order.Cancelled, {"reason": "changed my mind"}))
    assert order(crm).owed_back == D(32)
    crm.when(CancelOrder(order_id=O)).then()
    for asked in (confirmed, shipped, billed(), CloseOrder(order_id=O), AmendOrder(order_id=O, lines=LINES)):
        crm.when(asked).then_refused(OrderCancelled, allowed=["assign-order", "record-payment", "refund-order"])
    crm.when(refunded("40")).then_refused(MoreThanOwedBack)
    crm.when(refunded("30")).then((Order.Refunded, {"amount": D(30), "currency": "CNY"}))
    crm.when(refunded()).then((Order.Refunded, {"amount": D(2)}))
    crm.when(refunded()).then()
    assert order(crm).owed_back == 0


def test_an_order_is_not_cancelled_while_the_customer_has_goods_of_it(crm: Scenario) -> None:
    crm.given(placed, confirmed, shipped, delivered).when(CancelOrder(order_id=O)).then_refused(OrderDelivered)
    assert "cancel-order" not in order(crm).moves
    crm.given(*returned).when(CancelOrder(order_id=O)).then(Order.Cancelled)


def test_a_parcel_that_arrives_after_the_cancellation_is_due_until_it_comes_back(crm: Scenario) -> None:
    ten_bolts = ShipOrder(order_id=O, parts=(part(BOLTS, 10),))
    crm.given(placed, confirmed, paid("32"), ten_bolts, CancelOrder(order_id=O), delivered)
    assert order(crm).owed_back == D("5.00")
    crm.given(*returned)
    assert order(crm).owed_back == D("32.00")


def test_a_closed_order_settles_money_and_returns_only(crm: Scenario) -> None:
    nuts = ShipOrder(order_id=O, parts=(part(NUTS, 4),))
    crm.given(placed, confirmed, paid("32"), nuts, delivered).when(CloseOrder(order_id=O)).then(Order.Closed)
    assert order(crm).owed_back == D("27.00")
    for asked in (shipped, billed(), HoldOrder(order_id=O), CancelOrder(order_id=O), confirmed):
        crm.when(asked).then_refused(
            OrderClosed, allowed=["assign-order", "record-payment", "refund-order", "request-return"]
        )
    crm.when(CloseOrder(order_id=O)).then()
    crm.given(*returned)
    assert order(crm).owed_back == D("32.00")


def test_what_was_billed_stays_due_when_an_order_without_goods_is_closed(crm: Scenario) -> None:
    crm.given(placed, confirmed, billed(), paid("32"), CloseOrder(order_id=O))
    assert order(crm).owed_back == 0


def test_the_history_of_an_order_runs_forward(crm: Scenario) -> None:
    earlier = crm.given(placed, confirmed).occurred_at - timedelta(minutes=90)
    crm.when(HoldOrder(order_id=O, occurred_at=earlier)).then_refused(MoveOutOfOrder)


def test_a_payment_may_be_recorded_later_than_it_arrived(crm: Scenario) -> None:
    crm.given(placed, confirmed, shipped, paid("20"))
    crm.when(paid("12").model_copy(update={"occurred_at": datetime(2026, 1, 2, tzinfo=UTC)})).then(
        Order.PaymentRecorded
    )
    assert order(crm).paid_percent == 100


# Shipping, delivering, returning


def test_an_order_is_shipped_part_by_part(crm: Scenario) -> None:
    crm.given(placed, confirmed)
    crm.when(ShipOrder(order_id=O, parts=(part(BOLTS, 3), part(BOLTS, 4)), carrier="SF")).then(
        (Order.Shipped, {"parts": (Part(BOLTS, D(7)),), "quantity": D(7), "carrier": "SF"})
    )
    assert order(crm).shipped_percent == 50
    crm.when(shipped).then((Order.Shipped, {"parts": (Part(BOLTS, D(3)), Part(NUTS, D(4)))}))
    crm.when(shipped).then()
    assert "ship-order" not in order(crm).moves


def test_no_more_is_shipped_than_was_ordered(crm: Scenario) -> None:
    crm.given(placed, confirmed, ShipOrder(order_id=O, parts=(part(BOLTS, 7),)))
    for parts in ((part(BOLTS, 4),), (part(BOLTS, 2), part(BOLTS, 2)), (part(3, 1),)):
        crm.when(ShipOrder(order_id=O, parts=parts)).then_refused(MoreThanOrdered)


def test_no_more_arrives_than_was_shipped(crm: Scenario) -> None:
    crm.given(placed, confirmed).when(delivered).then()
    crm.given(ShipOrder(order_id=O, parts=(part(BOLTS, 7),)))
    crm.when(DeliverOrder(order_id=O, parts=(part(BOLTS, 8),))).then_refused(MoreThanShipped)
    crm.when(DeliverOrder(order_id=O, parts=(part(BOLTS, 2),))).then((Order.Delivered, {"worth": D("5.40")}))
    crm.when(delivered).then((Order.Delivered, {"quantity": D(5)}))
    assert order(crm).delivered_percent == 50


def test_no_more_is_returned_than_was_delivered_or_asked_for(crm: Scenario) -> None:
    crm.given(placed, confirmed, shipped, delivered)
    crm.when(RequestReturn(order_id=O, parts=(part(NUTS, 5),))).then_refused(MoreThanDelivered)
    crm.when(ReceiveReturn(order_id=O, parts=(part(NUTS, 1),))).then_refused(MoreThanRequested)
    crm.when(RequestReturn(order_id=O, parts=(part(NUTS, 3),), reason="rusty")).then(
        (Order.ReturnRequested, {"quantity": D(3), "reason": "rusty"})
    )
    crm.when(RequestReturn(order_id=O, parts=(part(NUTS, 2),))).then_refused(MoreThanDelivered)
    crm.when(ReceiveReturn(order_id=O, parts=(part(NUTS, 2),))).then((Order.ReturnReceived, {"worth": D("2.50")}))
    crm.when(ReceiveReturn(order_id=O)).then((Order.ReturnReceived, {"quantity": D(1), "worth": D("1.25")}))
    assert order(crm).returned_percent == percent(D(3), D(14))


# Billing, paying, refunding


def test_an_order_that_is_delivered_and_billed_is_completed(crm: Scenario) -> None:
    crm.given(placed, confirmed, shipped, delivered)
    assert order(crm).label == "To bill"
    crm.when(InvoiceOrder(order_id=O, invoice_number="I-1", due_on=date(2026, 2, 1))).then(
        (Order.Invoiced, {"amount": D("32.00"), "currency": "CNY", "due_on": date(2026, 2, 1)})
    )
    assert order(crm).label == "Completed"


def test_an_order_is_billed_by_sums_and_by_lines_but_never_beyond_its_total(crm: Scenario) -> None:
    crm.given(placed, confirmed).when(billed("I-1", None, part(BOLTS, 5))).then(
        (Order.Invoiced, {"amount": D("13.50")})
    )
    crm.when(billed("I-2", None, part(BOLTS, 6))).then_refused(MoreThanOrdered)
    crm.when(billed("I-2", "18.51")).then_refused(MoreThanOrdered)
    crm.when(billed("I-1", "1")).then_refused(InvoiceAlreadyIssued)
    crm.when(billed("I-2", "18")).then((Order.Invoiced, {"parts": ()}))
    crm.when(billed("I-3", None, part(NUTS, 1))).then_refused(MoreThanOrdered)
    crm.when(billed("I-3")).then((Order.Invoiced, {"amount": D("0.50")}))
    crm.when(billed("I-4")).then()
    assert order(crm).label == "To deliver"


def test_money_paid_too_much_is_recorded_and_owed_back(crm: Scenario) -> None:
    crm.given(placed, paid("20")).when(paid("13", "voucher")).then(
        (Order.PaymentRecorded, {"method": "voucher", "amount": D(13), "currency": "CNY"})
    )
    assert (order(crm).paid_percent, order(crm).owed_back, order(crm).outstanding) == (D(100), D(1), D(0))


def test_only_what_was_paid_for_returned_goods_is_refunded(crm: Scenario) -> None:
    crm.given(placed, confirmed, shipped, delivered, paid("30"), *returned[:1])
    crm.when(refunded("1")).then_refused(MoreThanOwedBack)
    crm.given(ReceiveReturn(order_id=O, parts=(part(NUTS, 4),)))
    assert (order(crm).due, order(crm).owed_back) == (D("27.00"), D("3.00"))
    crm.when(refunded()).then((Order.Refunded, {"amount": D("3.00")}))
    assert (order(crm).owed_back, order(crm).outstanding) == (D(0), D(0))


def test_the_label_follows_from_the_state_and_the_percents() -> None:
    whole, half = D(100), D(50)
    assert label("confirmed", half, half) == "To deliver and bill"
    assert label("confirmed", whole, half) == "To bill"
    assert label("confirmed", half, whole) == "To deliver"
    assert label("confirmed", whole, whole) == "Completed"
    assert label("cancelled", whole, whole) == "Cancelled"


def test_a_percentage_is_100_only_when_all_is_done() -> None:
    assert percent(D("999999.99"), D(1000000)) == D("99.99")
    assert percent(D(5), D(4)) == percent(D(0), D(0)) == 100


# Laws


@given(happenings(events_of(Order), max_size=12))
def test_any_events_fold_in_any_order(happened: list[tuple[type[Event], dict[str, Any]]]) -> None:
    folded = Order.fold(ID, stream(happened))
    assert folded.version == len(happened)
    assert folded.moves
    assert folded.label
    assert folded.owed_back >= 0
    assert isinstance(folded.claims, frozenset)
    assert folded.paid_percent <= 100


def test_an_order_without_an_address_folds_when_its_customer_is_forgotten() -> None:
    crm = Scenario().given(registered)
    crm.given(placed.model_copy(update={"shipping_address": PostalAddress(city="上海")}))
    assert order(crm).shipping_address is not None
    forgotten = {**vars(crm.recorded[0]), "shipping_address": None}
    assert Order.fold(O, [Order.Placed(**forgotten)]).shipping_address is None


PARTS = st.none() | st.lists(st.builds(part, st.integers(1, 3), st.integers(1, 6)), min_size=1, max_size=3).map(tuple)
SUMS = st.decimals("0.01", "40", places=2)


class AnyLifeOfAnOrder(RuleBasedStateMachine):
    """Orders live any life; a plain model of sums says what may not be exceeded, and `moves` tells what is possible."""

    def __init__(self) -> None:
        super().__init__()
        self.crm = Scenario().given(registered, placed)
        self.history: list[Event] = list(self.crm.recorded)
        self.bound = {BOLTS: D(10), NUTS: D(4)}
        self.invoices = 0

    @property
    def order(self) -> Order:
        return order(self.crm)

    def ask(self, command: Command, name: str, *, for_all: bool = False) -> None:
        possible = name in self.order.moves
        self.crm.when(command)
        if for_all:
            assert bool(self.crm.recorded) == possible, f"{name} among the moves: {possible}"
        if self.crm.refused is not None:
            assert self.crm.recorded == []
            assert self.crm.refused.allowed == self.order.moves
        if self.crm.recorded:
            assert possible, f"{name} was recorded, but not among the moves"
        self.history += self.crm.recorded

    @rule(lines=st.sampled_from([LINES, LINES[:1], LINES[::-1]]))
    def amend(self, lines: tuple[OrderLine, ...]) -> None:
        self.ask(AmendOrder(order_id=O, lines=lines), "amend-order")
        if self.crm.recorded:
            self.bound = {number: line.quantity for number, line in enumerate(lines, 1)}

    @rule(asked=st.sampled_from([ConfirmOrder, HoldOrder, ReleaseOrder]))
    def go_on(self, asked: type[Any]) -> None:
        self.ask(
            asked(order_id=O), {ConfirmOrder: "confirm-order", HoldOrder: "hold-order"}.get(asked, "release-order")
        )

    @precondition(lambda self: len(self.history) > 8)
    @rule(asked=st.sampled_from([CancelOrder, CloseOrder]))
    def end(self, asked: type[Any]) -> None:
        self.ask(asked(order_id=O), "cancel-order" if asked is CancelOrder else "close-order")

    @rule(parts=PARTS)
    def ship(self, parts: Any) -> None:
        self.ask(ShipOrder(order_id=O, parts=parts), "ship-order", for_all=parts is None)

    @rule(parts=PARTS)
    def deliver(self, parts: Any) -> None:
        self.ask(DeliverOrder(order_id=O, parts=parts), "deliver-order", for_all=parts is None)

    @rule(parts=PARTS)
    def request_return(self, parts: Any) -> None:
        self.ask(RequestReturn(order_id=O, parts=parts), "request-return", for_all=parts is None)

    @rule(parts=PARTS)
    def receive_return(self, parts: Any) -> None:
        self.ask(ReceiveReturn(order_id=O, parts=parts), "receive-return", for_all=parts is None)

    @rule(what=st.fixed_dictionaries({"amount": SUMS}) | st.fixed_dictionaries({"parts": PARTS}))
    def invoice(self, what: dict[str, Any]) -> None:
        self.invoices += 1
        self.ask(InvoiceOrder(order_id=O, invoice_number=f"I-{self.invoices}", **what), "invoice-order")

    @rule(amount=SUMS)
    def pay(self, amount: Decimal) -> None:
        self.ask(RecordPayment(order_id=O, method="card", amount=amount), "record-payment")

    @rule(amount=st.none() | SUMS)
    def refund(self, amount: Decimal | None) -> None:
        self.ask(RefundOrder(order_id=O, method="card", amount=amount), "refund-order", for_all=amount is None)

    def moved(self, kind: Any) -> dict[int, Decimal]:
        sums = dict.fromkeys(self.bound, D(0))
        for event in self.history:
            if isinstance(event, kind):
                for p in event.parts:
                    sums[p.line] += p.quantity
        return sums

    @invariant()
    def parts_are_worth_their_share_of_the_line_before_tax(self) -> None:
        *_, lines = [()] + [event.lines for event in self.history if isinstance(event, Order.Placed | Order.Amended)]
        for kind in (Order.Delivered, Order.ReturnReceived):
            parts: list[Any] = [p for event in self.history if isinstance(event, kind) for p in event.parts]
            for line in lines:
                moved = self.moved(kind)[line.number]
                assert sum((p.net for p in parts if p.line == line.number), D(0)) == line.net_worth(moved)

    def money(self, kind: Any, field: str = "amount") -> Decimal:
        return sum((getattr(event, field) for event in self.history if isinstance(event, kind)), D(0))

    @invariant()
    def goods_never_exceed(self) -> None:
        steps = [self.moved(k) for k in (Order.Shipped, Order.Delivered, Order.ReturnRequested, Order.ReturnReceived)]
        for whole, done in zip([self.bound, *steps], steps, strict=False):
            assert all(D(0) <= done[line] <= whole[line] for line in self.bound)
        assert all(quantity <= self.bound[line] for line, quantity in self.moved(Order.Invoiced).items())

    @invariant()
    def money_never_exceeds(self) -> None:
        total = [event.total for event in self.history if isinstance(event, Order.Placed | Order.Amended)][-1]
        came_back = self.money(Order.ReturnReceived, "worth")
        assert self.money(Order.Invoiced) <= total
        assert came_back <= self.money(Order.Delivered, "worth") <= total
        assert self.money(Order.Refunded) <= self.money(Order.PaymentRecorded)
        assert self.order.owed_back == 0 or self.order.outstanding == 0
        if self.moved(Order.ReturnReceived) == self.bound:
            assert came_back == total
        if self.order.state == "cancelled":
            kept = self.money(Order.Delivered, "worth") - came_back
            owed = self.money(Order.PaymentRecorded) - self.money(Order.Refunded) - kept
            assert self.order.owed_back == max(owed, D(0))

    @invariant()
    def the_state_is_nothing_but_the_fold(self) -> None:
        live = {name: value for name, value in vars(self.order).items() if name not in {"now", "_pending"}}
        again = vars(Order.fold(O, self.history))
        assert live == {name: again[name] for name in live}


TestAnyLifeOfAnOrder = AnyLifeOfAnOrder.TestCase
TestAnyLifeOfAnOrder.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_orders_made_without_an_id_are_separate(crm: Scenario) -> None:
    crm.given(placed.model_copy(update={"order_id": None}), placed.model_copy(update={"order_id": uuid4()}))
    assert len(crm.streams) == 3
