"""An order: what one customer buys, and how far it is shipped, delivered, billed, paid and returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal, localcontext
from typing import Any
from uuid import UUID

from domain.aggregate import Changes, Event, Fact, Move, Personal
from domain.refusals import Refusal
from domain.sharing import Sharing, Unsharing
from domain.undoing import Reference, Reinstatement, Retractable, Retraction, Undoing
from domain.values import CENT, Address, cents

NOTHING = Decimal(0)
Quantities = dict[int, Decimal]
"""How much of each line, by line number."""


@dataclass(frozen=True)
class Line:
    """One line of an order. `discount` and `tax_rate` are fractions (0.15 is 15 %). `net` and `tax` are what this line
    costs, each rounded to the cent when the line was made, so that a later rule never changes an old order."""

    number: int
    sku: str
    description: str | None
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    tax_rate: Decimal
    net: Decimal
    tax: Decimal

    @classmethod
    def priced(
        cls,
        number: int,
        sku: str,
        quantity: Decimal,
        unit_price: Decimal,
        *,
        description: str | None = None,
        discount: Decimal = NOTHING,
        tax_rate: Decimal = NOTHING,
    ) -> Line:
        """The rule of rounding: the net of a line to the cent, half to even; its tax is computed from that rounded net
        and rounded likewise; an order's totals are plain sums of its lines."""
        net = cents(after_discount(unit_price, quantity, discount))
        return cls(number, sku, description, quantity, unit_price, discount, tax_rate, net, cents(net * tax_rate))

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax

    @property
    def sales(self) -> Decimal:
        """What the line sells for after discount, before tax, not rounded."""
        return after_discount(self.unit_price, self.quantity, self.discount)

    def worth(self, quantity: Decimal) -> Decimal:
        """The gross of so much of this line, to the cent; all of it is worth exactly the line's gross."""
        return self._part_of(self.gross, quantity)

    def net_worth(self, quantity: Decimal) -> Decimal:
        """The same before tax."""
        return self._part_of(self.net, quantity)

    def _part_of(self, whole: Decimal, quantity: Decimal) -> Decimal:
        return whole if quantity >= self.quantity else cents(whole * quantity / self.quantity)


@dataclass(frozen=True)
class Part:
    """So much of one line: a position of a shipment, a delivery, an invoice or a return."""

    line: int
    quantity: Decimal


@dataclass(frozen=True)
class Moved(Part):
    """So much of one line that the customer got or gave back, and what it is worth before tax."""

    net: Decimal | None
    """None in events of the first version, which did not say it"""


def without_net(state: dict[str, Any]) -> None:
    """Parts of the first version of an event."""
    state["parts"] = [{**part, "net": None} for part in state["parts"]]


class OrderRefusal(Refusal):
    """An order's way of saying no."""

    def __init__(self, order: Order, message: str) -> None:
        super().__init__(message, order.moves)


class OrderNotConfirmed(OrderRefusal):
    """The order is a draft that nobody has confirmed."""

    def __init__(self, order: Order) -> None:
        super().__init__(order, "The order is still a draft; confirm it first.")


class OrderConfirmed(OrderRefusal):
    """The order is confirmed, its lines are agreed."""

    def __init__(self, order: Order) -> None:
        super().__init__(order, "The order is confirmed already.")


class OrderOnHold(OrderRefusal):
    """The order waits until somebody releases it."""

    def __init__(self, order: Order) -> None:
        super().__init__(order, "The order is on hold; release it first.")


class OrderCancelled(OrderRefusal):
    """The order was cancelled: only what was under way still settles."""

    def __init__(self, order: Order) -> None:
        super().__init__(order, "The order was cancelled.")


class OrderClosed(OrderRefusal):
    """The order was closed: only money and returns still settle."""

    def __init__(self, order: Order) -> None:
        super().__init__(order, "The order was closed.")


class OrderDelivered(OrderRefusal):
    """The customer has goods of this order, so it cannot be cancelled any more."""

    def __init__(self, order: Order) -> None:
        super().__init__(order, "The customer has goods of this order; take them back first, or close the order.")


class InvoiceAlreadyIssued(OrderRefusal):
    """This invoice has been issued for this order before."""

    def __init__(self, order: Order, invoice_number: str) -> None:
        super().__init__(order, f"Invoice {invoice_number} was issued for this order before.")


class MoreThanAvailable(OrderRefusal):
    """More is asked than there is."""

    def __init__(self, order: Order, asked: str, available: str) -> None:
        super().__init__(order, f"{asked} is asked, but there is only {available}.")


class MoreThanOrdered(MoreThanAvailable):
    """More cannot be shipped or billed than was ordered."""


class MoreThanShipped(MoreThanAvailable):
    """More cannot arrive than was shipped."""


class MoreThanDelivered(MoreThanAvailable):
    """More cannot be returned than was delivered."""


class MoreThanRequested(MoreThanAvailable):
    """More cannot be taken back than was asked to be returned."""


class MoreThanOwedBack(MoreThanAvailable):
    """More cannot be refunded than is owed back."""


FORBIDDEN_BY: dict[str, type[Any]] = {
    "draft": OrderNotConfirmed,
    "confirmed": OrderConfirmed,
    "on_hold": OrderOnHold,
    "cancelled": OrderCancelled,
    "closed": OrderClosed,
}


class Order(Retractable):
    """One sale to one customer. What the business decides (confirm, hold, ship, bill, cancel, close) depends on the
    order's state; what the world does (money arrives, a parcel arrives, goods come back) is recorded in any state."""

    class Placed(Move):
        """`number` is the order's number at its `source` (a web shop, an ERP); `sales` is not rounded, see Line."""

        axis = "state"

        customer_id: UUID
        opportunity_id: UUID | None
        number: str | None
        source: str | None
        owner: str | None
        team: str | None
        currency: str
        lines: tuple[Line, ...]
        quantity: Decimal
        sales: Decimal
        net: Decimal
        tax: Decimal
        total: Decimal
        wanted_by: date | None
        shipping_address: Personal[Address]

        def changes(self) -> Changes:
            return {**super().changes(), ("state",): "draft"}

    class Amended(Move):
        # Of the state axis, so that an amendment cannot be dated before the order was placed.
        axis = "state"

        lines: tuple[Line, ...]
        quantity: Decimal
        sales: Decimal
        net: Decimal
        tax: Decimal
        total: Decimal

        def take_back(self, aggregate: Order, before: Order) -> None:
            aggregate.amend(before.lines)

    class Confirmed(Move):
        """Says what was agreed with whom, as it cannot be amended any more; events of the first version did not."""

        class_version = 2
        axis = "state"
        instead = "A confirmed order is agreed; cancel it."

        customer_id: UUID | None = None
        source: str | None = None
        currency: str | None = None
        net: Decimal | None = None
        tax: Decimal | None = None
        total: Decimal | None = None

        def changes(self) -> Changes:
            return {("state",): "confirmed"}

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """What was agreed stays empty: the event did not say it."""

    class Held(Move):
        axis = "state"

        reason: str | None

        def changes(self) -> Changes:
            return {("state",): "on_hold"}

        def take_back(self, aggregate: Order, before: Order) -> None:
            aggregate.release()

    class Released(Move):
        axis = "state"

        def changes(self) -> Changes:
            return {("state",): "confirmed"}

        def take_back(self, aggregate: Order, before: Order) -> None:
            aggregate.hold()

    class Cancelled(Move):
        axis = "state"
        instead = "A cancelled order stays cancelled; place another one."

        reason: str | None

        def changes(self) -> Changes:
            return {("state",): "cancelled"}

    class Closed(Move):
        axis = "state"
        instead = "A closed order stays closed; place another one for what is left."

        reason: str | None

        def changes(self) -> Changes:
            return {("state",): "closed"}

    class Assigned(Fact):
        owner: str | None
        team: str | None

    # The happenings below carry what they add, never a running total: they may be recorded in another order than they
    # happened, and a sum is right in any order. `quantity` is the sum of the parts, in the order's units; `worth` is
    # what those parts cost, tax included.

    class Shipped(Event):
        instead = "What was shipped is on its way; record its delivery, and its return."

        parts: tuple[Part, ...]
        quantity: Decimal
        carrier: str | None
        tracking_number: str | None

        def apply(self, aggregate: Order) -> None:
            aggregate.shipped = added(aggregate.shipped, self.parts)

    class Delivered(Event):
        class_version = 2
        instead = "What was delivered is with the customer; record its return."

        parts: tuple[Moved, ...]
        quantity: Decimal
        worth: Decimal

        def apply(self, aggregate: Order) -> None:
            aggregate.delivered = added(aggregate.delivered, self.parts)
            aggregate.delivered_worth += self.worth

        upcast_v1_v2 = staticmethod(without_net)

    class Invoiced(Event):
        """`parts` is empty when a sum was billed rather than lines."""

        instead = "An invoice that was issued stands; cancel or close the order, or take the goods back."

        invoice_number: str
        amount: Decimal
        currency: str
        parts: tuple[Part, ...]
        due_on: date | None

        def apply(self, aggregate: Order) -> None:
            aggregate.invoices = (*aggregate.invoices, self.invoice_number)
            aggregate.billed_parts = added(aggregate.billed_parts, self.parts)
            aggregate.billed += self.amount

    class PaymentRecorded(Event):
        instead = "Money that was recorded is refunded once it is owed back."

        method: str
        amount: Decimal
        currency: str
        reference: str | None

        def apply(self, aggregate: Order) -> None:
            aggregate.paid += self.amount

    class ReturnRequested(Event):
        instead = "A return that was asked for is received, or left as it is."

        parts: tuple[Part, ...]
        quantity: Decimal
        reason: str | None

        def apply(self, aggregate: Order) -> None:
            aggregate.return_requested = added(aggregate.return_requested, self.parts)

    class ReturnReceived(Event):
        class_version = 2
        instead = "What came back is here; place another order to send it again."

        parts: tuple[Moved, ...]
        quantity: Decimal
        worth: Decimal

        def apply(self, aggregate: Order) -> None:
            aggregate.returned = added(aggregate.returned, self.parts)
            aggregate.returned_worth += self.worth

        upcast_v1_v2 = staticmethod(without_net)

    class Refunded(Event):
        instead = "Money that was refunded comes back as a payment; record that."

        method: str
        amount: Decimal
        currency: str
        reference: str | None

        def apply(self, aggregate: Order) -> None:
            aggregate.refunded += self.amount

    class Shared(Sharing):
        pass

    class Unshared(Unsharing):
        pass

    class Undone(Undoing):
        pass

    class Retracted(Retraction):
        pass

    class Reinstated(Reinstatement):
        pass

    def __init__(self, id: UUID, now: datetime | None = None) -> None:
        super().__init__(id, now)
        self.state = "draft"
        self.customer_id: UUID | None = None
        self.opportunity_id: UUID | None = None
        self.number: str | None = None
        self.source: str | None = None
        self.owner: str | None = None
        self.team: str | None = None
        self.shared_with: dict[str, str] = {}
        """Who may read it, or write it, besides those who may by their roles"""
        self.currency = ""
        self.lines: tuple[Line, ...] = ()
        self.quantity = self.sales = self.net = self.tax = self.total = NOTHING
        self.wanted_by: date | None = None
        self.shipping_address: Address | None = None
        self.shipped: Quantities = {}
        self.delivered: Quantities = {}
        self.return_requested: Quantities = {}
        self.returned: Quantities = {}
        self.delivered_worth = self.returned_worth = NOTHING
        self.invoices: tuple[str, ...] = ()
        self.billed_parts: Quantities = {}
        self.billed = self.paid = self.refunded = NOTHING

    @property
    def concerns(self) -> UUID:
        return self.customer_id or self.id

    @property
    def claims(self) -> frozenset[tuple[str, str]]:
        """A source's order number is one order: its web hook sent twice places nothing new."""
        if self.retracted:
            return frozenset()
        return frozenset({("order-number", f"{self.source or ''}:{self.number}")} if self.number else ())

    @property
    def references(self) -> frozenset[Reference]:
        named = (("customer", self.customer_id), ("opportunity", self.opportunity_id))
        return frozenset((kind, id) for kind, id in named if id)

    # Deciding

    def place(
        self,
        customer_id: UUID,
        currency: str,
        lines: Iterable[Line],
        *,
        opportunity_id: UUID | None = None,
        number: str | None = None,
        source: str | None = None,
        owner: str | None = None,
        team: str | None = None,
        wanted_by: date | None = None,
        shipping_address: Address | None = None,
    ) -> None:
        self.record(
            self.Placed,
            customer_id=customer_id,
            opportunity_id=opportunity_id,
            number=number,
            source=source,
            owner=owner,
            team=team,
            currency=currency,
            **summed(lines),
            wanted_by=wanted_by,
            shipping_address=shipping_address,
        )

    def amend(self, lines: Iterable[Line]) -> None:
        self._only_when("draft")
        amended = tuple(lines)
        if amended != self.lines:
            self.record(self.Amended, **summed(amended))

    def assign(self, owner: str | None, team: str | None) -> None:
        self.learn(self.Assigned, owner=owner, team=team)

    def confirm(self) -> None:
        if self.state != "confirmed":
            self._only_when("draft")
            self.record(
                self.Confirmed,
                customer_id=self.customer_id,
                source=self.source,
                currency=self.currency,
                net=self.net,
                tax=self.tax,
                total=self.total,
            )

    def hold(self, reason: str | None = None) -> None:
        if self.state != "on_hold":
            self._only_when("confirmed")
            self.record(self.Held, reason=reason)

    def release(self) -> None:
        if self.state != "confirmed":
            self._only_when("on_hold")
            self.record(self.Released)

    def cancel(self, reason: str | None = None) -> None:
        """Nothing more is shipped or billed, and what was paid for goods that the customer has not is owed back."""
        if self.state == "cancelled":
            return
        self._only_when("draft", "confirmed", "on_hold")
        if any(self._with_customer.values()):
            raise OrderDelivered(self)
        self.record(self.Cancelled, reason=reason)

    def close(self, reason: str | None = None) -> None:
        """What is not shipped or billed by now never will be; money and returns may still settle."""
        if self.state != "closed":
            self._only_when("confirmed", "on_hold")
            self.record(self.Closed, reason=reason)

    def ship(
        self, parts: Iterable[Part] | None = None, *, carrier: str | None = None, tracking_number: str | None = None
    ) -> None:
        """Without parts, all that is left."""
        self._only_when("confirmed")
        shipped = self._parts(parts, self._to_ship, MoreThanOrdered)
        if shipped:
            quantity = total_of(shipped)
            self.record(
                self.Shipped, parts=shipped, quantity=quantity, carrier=carrier, tracking_number=tracking_number
            )

    def deliver(self, parts: Iterable[Part] | None = None) -> None:
        """Without parts, all that is on its way. A parcel arrives whatever the office has decided meanwhile."""
        arrived = self._parts(parts, self._on_the_way, MoreThanShipped)
        if arrived:
            self.record(self.Delivered, **self._moved(arrived, self.delivered))

    def invoice(
        self,
        invoice_number: str,
        *,
        amount: Decimal | None = None,
        parts: Iterable[Part] | None = None,
        due_on: date | None = None,
    ) -> None:
        """Bill a sum, or lines, or without either all that is not billed yet."""
        self._only_when("confirmed")
        if invoice_number in self.invoices:
            raise InvoiceAlreadyIssued(self, invoice_number)
        billed = () if parts is None else self._parts(parts, left(self._ordered, self.billed_parts), MoreThanOrdered)
        if amount is None:
            amount = self._worth(billed, self.billed_parts) if billed else self.to_bill
        if amount > self.to_bill:
            raise MoreThanOrdered(self, f"{amount} {self.currency}", f"{self.to_bill} {self.currency} to bill")
        if amount or billed:
            self.record(
                self.Invoiced,
                invoice_number=invoice_number,
                amount=amount,
                currency=self.currency,
                parts=billed,
                due_on=due_on,
            )

    def record_payment(self, method: str, amount: Decimal, reference: str | None = None) -> None:
        """Money that arrived is recorded even when it is too much: the surplus is owed back."""
        self.record(self.PaymentRecorded, method=method, amount=amount, currency=self.currency, reference=reference)

    def request_return(self, parts: Iterable[Part] | None = None, reason: str | None = None) -> None:
        """Without parts, all that was delivered."""
        wanted = self._parts(parts, self._returnable, MoreThanDelivered)
        if wanted:
            self.record(self.ReturnRequested, parts=wanted, quantity=total_of(wanted), reason=reason)

    def receive_return(self, parts: Iterable[Part] | None = None) -> None:
        """Without parts, all that was asked to be returned."""
        came_back = self._parts(parts, self._coming_back, MoreThanRequested)
        if came_back:
            self.record(self.ReturnReceived, **self._moved(came_back, self.returned))

    def refund(self, method: str, amount: Decimal | None = None, reference: str | None = None) -> None:
        """Pay back what is owed back, or a part of it."""
        amount = self.owed_back if amount is None else amount
        if amount > self.owed_back:
            raise MoreThanOwedBack(self, f"{amount} {self.currency}", f"{self.owed_back} {self.currency} owed back")
        if amount:
            self.record(self.Refunded, method=method, amount=amount, currency=self.currency, reference=reference)

    # Derived

    @property
    def moves(self) -> list[str]:
        working = self.state == "confirmed"
        possible = {
            "amend-order": self.state == "draft",
            "assign-order": True,
            "cancel-order": self.state in {"draft", "confirmed", "on_hold"} and not any(self._with_customer.values()),
            "close-order": self.state in {"confirmed", "on_hold"},
            "confirm-order": self.state == "draft",
            "deliver-order": any(self._on_the_way.values()),
            "hold-order": working,
            "invoice-order": working and self.to_bill > 0,
            "receive-return": any(self._coming_back.values()),
            "record-payment": True,
            "refund-order": self.owed_back > 0,
            "release-order": self.state == "on_hold",
            "request-return": any(self._returnable.values()),
            "ship-order": working and any(self._to_ship.values()),
        }
        return [name for name, allowed in possible.items() if allowed] if self.exists else ["place-order"]

    @property
    def label(self) -> str:
        return label(self.state, self.delivered_percent, self.billed_percent)

    @property
    def shipped_percent(self) -> Decimal:
        return percent(sum(self.shipped.values(), NOTHING), self.quantity)

    @property
    def delivered_percent(self) -> Decimal:
        return percent(sum(self.delivered.values(), NOTHING), self.quantity)

    @property
    def returned_percent(self) -> Decimal:
        return percent(sum(self.returned.values(), NOTHING), self.quantity)

    @property
    def billed_percent(self) -> Decimal:
        return percent(self.billed, self.total)

    @property
    def paid_percent(self) -> Decimal:
        return percent(self.paid, self.total)

    @property
    def to_bill(self) -> Decimal:
        return self.total - self.billed

    @property
    def due(self) -> Decimal:
        return due(self.state, self.total, self.billed, self.delivered_worth, self.returned_worth)

    @property
    def owed_back(self) -> Decimal:
        return owed_back(self.due, self.paid, self.refunded)

    @property
    def outstanding(self) -> Decimal:
        """What the customer still has to pay, billed or not."""
        return max(self.due - self.paid + self.refunded, NOTHING)

    @property
    def _ordered(self) -> Quantities:
        return {line.number: line.quantity for line in self.lines}

    @property
    def _to_ship(self) -> Quantities:
        return left(self._ordered, self.shipped)

    @property
    def _on_the_way(self) -> Quantities:
        return left(self.shipped, self.delivered)

    @property
    def _with_customer(self) -> Quantities:
        return left(self.delivered, self.returned)

    @property
    def _returnable(self) -> Quantities:
        return left(self.delivered, self.return_requested)

    @property
    def _coming_back(self) -> Quantities:
        return left(self.return_requested, self.returned)

    def _only_when(self, *states: str) -> None:
        if self.state not in states:
            raise FORBIDDEN_BY[self.state](self)

    def _parts(
        self, asked: Iterable[Part] | None, available: Quantities, refusal: type[MoreThanAvailable]
    ) -> tuple[Part, ...]:
        """What is asked, one part a line; all that is available when nothing is named."""
        if asked is None:
            return tuple(Part(line, quantity) for line, quantity in available.items() if quantity > 0)
        wanted = added({}, asked)
        for line, quantity in wanted.items():
            if quantity > available.get(line, NOTHING):
                raise refusal(self, f"{quantity} of line {line}", f"{available.get(line, NOTHING)} left")
        return tuple(Part(line, quantity) for line, quantity in sorted(wanted.items()))

    def _moved(self, parts: tuple[Part, ...], before: Quantities) -> dict[str, Any]:
        """Parts with what they cost, as Delivered and ReturnReceived carry them."""
        nets = self._steps(parts, before, Line.net_worth)
        moved = tuple(Moved(part.line, part.quantity, nets.get(part.line)) for part in parts)
        return {"parts": moved, "quantity": total_of(parts), "worth": self._worth(parts, before)}

    def _worth(self, parts: tuple[Part, ...], before: Quantities) -> Decimal:
        return sum(self._steps(parts, before, Line.worth).values(), NOTHING)

    def _steps(
        self, parts: tuple[Part, ...], before: Quantities, worth: Callable[[Line, Decimal], Decimal]
    ) -> dict[int, Decimal]:
        """Worth by line, as a step from what was before: rounding never makes the parts cost more or less than the
        whole."""
        after = added(before, parts)
        touched = {part.line for part in parts}
        return {
            line.number: worth(line, after[line.number]) - worth(line, before.get(line.number, NOTHING))
            for line in self.lines
            if line.number in touched
        }


def after_discount(unit_price: Decimal, quantity: Decimal, discount: Decimal) -> Decimal:
    # The usual 28 digits would round the product of the largest price and quantity a command may name.
    with localcontext(prec=60):
        return unit_price * quantity * (1 - discount)


def summed(lines: Iterable[Line]) -> dict[str, Any]:
    """Lines with their sums, as Placed and Amended carry them."""
    lines = tuple(lines)
    net = sum((line.net for line in lines), NOTHING)
    tax = sum((line.tax for line in lines), NOTHING)
    with localcontext(prec=60):
        sales = sum((line.sales for line in lines), NOTHING)
    quantity = sum((line.quantity for line in lines), NOTHING)
    return {"lines": lines, "quantity": quantity, "sales": sales, "net": net, "tax": tax, "total": net + tax}


def added(quantities: Mapping[int, Decimal], parts: Iterable[Part]) -> Quantities:
    after = dict(quantities)
    for part in parts:
        after[part.line] = after.get(part.line, NOTHING) + part.quantity
    return after


def left(whole: Quantities, done: Quantities) -> Quantities:
    return {line: quantity - done.get(line, NOTHING) for line, quantity in whole.items()}


def total_of(parts: Iterable[Part]) -> Decimal:
    return sum((part.quantity for part in parts), NOTHING)


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """0 to 100, to two decimals and rounded down: 100 means all of it. Of nothing, all is done."""
    if whole <= 0 or part >= whole:
        return Decimal(100)
    return (part * 100 / whole).quantize(CENT, rounding=ROUND_DOWN)


def due(state: str, total: Decimal, billed: Decimal, delivered_worth: Decimal, returned_worth: Decimal) -> Decimal:
    """What the customer has to pay for an order, or had to: all of it while it runs; for what was delivered or billed
    once it is closed; for what was delivered when it was cancelled; and never for what came back."""
    whole = {"closed": max(delivered_worth, billed), "cancelled": delivered_worth}.get(state, total)
    return max(whole - returned_worth, NOTHING)


def owed_back(due: Decimal, paid: Decimal, refunded: Decimal) -> Decimal:
    """What the customer has paid beyond what is due and did not get back yet."""
    return max(paid - refunded - due, NOTHING)


def label(state: str, delivered_percent: Decimal, billed_percent: Decimal) -> str:
    """What sales would call the order's standing; derived, never stored."""
    if state != "confirmed":
        return state.replace("_", " ").capitalize()
    open_ends = [name for name, done in (("deliver", delivered_percent), ("bill", billed_percent)) if done < 100]
    return f"To {' and '.join(open_ends)}" if open_ends else "Completed"
