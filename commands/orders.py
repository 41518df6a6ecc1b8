"""What can be asked of orders, from placing to closing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from commands.command import Amount, Command, Crm, Currency, Day, Label, Quantity, Text, handles
from commands.customers import PostalAddress, SystemName, dealing_with
from domain.opportunity import Opportunity
from domain.order import Line, Order, Part

Fraction = Annotated[Decimal, Field(ge=0, le=1, max_digits=7, decimal_places=6, examples=["0.05"])]
"""A share from 0 to 1: 0.15 is 15 %."""
Sum = Annotated[Decimal, Field(ge=0, max_digits=16, decimal_places=2, examples=["1200.00"])]
"""A sum of money to the cent; give it as a string to be exact."""

MOST = Decimal(10) ** 14
"""What an order's lines are worth at most, tax included: as much as the largest amount that can be billed or paid."""


class OrderLine(BaseModel):
    """One line of an order; `discount` and `tax_rate` are fractions from 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sku: Label
    description: Text | None = None
    quantity: Quantity
    unit_price: Amount
    discount: Fraction = Decimal(0)
    tax_rate: Fraction = Decimal(0)


def affordable(lines: tuple[OrderLine, ...]) -> tuple[OrderLine, ...]:
    if sum(line.unit_price * line.quantity * (1 + line.tax_rate) for line in lines) >= MOST:
        raise ValueError("the lines of an order are together worth less than 10^14")
    return lines


Lines = Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=500), AfterValidator(affordable)]


class LinePart(BaseModel):
    """So much of one line; lines are numbered from 1 in the order in which they were placed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    line: Annotated[int, Field(ge=1, le=500)]
    quantity: Quantity


Parts = Annotated[tuple[LinePart, ...], Field(min_length=1, max_length=500)]


class PlaceOrder(Command):
    """Place an order for a customer, as a draft; `number` is its number at its `source` and places one order only."""

    order_id: UUID | None = Field(None, description="Made by the caller, or for you.")
    customer_id: UUID
    opportunity_id: UUID | None = Field(None, description="The won opportunity that it comes from.")
    number: Label | None = Field(None, examples=["10248"])
    source: SystemName | None = None
    owner: Label | None = None
    team: Label | None = None
    currency: Currency = Field(examples=["CNY"])
    lines: Lines
    wanted_by: Day | None = None
    shipping_address: PostalAddress | None = None


@handles(PlaceOrder, creates=True)
async def place_order(command: PlaceOrder, crm: Crm) -> Order:
    order = crm.new(Order, command.order_id)
    await dealing_with(crm, command.customer_id)
    if command.opportunity_id:
        await crm.load(Opportunity, command.opportunity_id)
    order.place(
        command.customer_id,
        command.currency,
        priced(command.lines),
        opportunity_id=command.opportunity_id,
        number=command.number,
        source=command.source,
        owner=command.owner,
        team=command.team,
        wanted_by=command.wanted_by,
        shipping_address=command.shipping_address.value if command.shipping_address else None,
    )
    return order


class AmendOrder(Command):
    """Replace the lines of a draft order; refused once the order is confirmed."""

    order_id: UUID
    lines: Lines


@handles(AmendOrder)
async def amend_order(command: AmendOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.amend(priced(command.lines))
    return order


class AssignOrder(Command):
    """Say who looks after an order: a person, a team, or nobody."""

    order_id: UUID
    owner: Label | None = None
    team: Label | None = None


@handles(AssignOrder)
async def assign_order(command: AssignOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.assign(command.owner, command.team)
    return order


class ConfirmOrder(Command):
    """Confirm a draft order: from now on its lines are agreed, and it can be shipped and billed."""

    order_id: UUID


@handles(ConfirmOrder)
async def confirm_order(command: ConfirmOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.confirm()
    return order


class HoldOrder(Command):
    """Put a confirmed order on hold: nothing is shipped or billed until it is released."""

    order_id: UUID


@handles(HoldOrder)
async def hold_order(command: HoldOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.hold(command.reason)
    return order


class ReleaseOrder(Command):
    """Let an order that is on hold go on."""

    order_id: UUID


@handles(ReleaseOrder)
async def release_order(command: ReleaseOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.release()
    return order


class ShipOrder(Command):
    """Ship parts of a confirmed order, or all that is left when no parts are named."""

    order_id: UUID
    parts: Parts | None = None
    carrier: Label | None = None
    tracking_number: Label | None = None


@handles(ShipOrder)
async def ship_order(command: ShipOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.ship(quantities(command.parts), carrier=command.carrier, tracking_number=command.tracking_number)
    return order


class DeliverOrder(Command):
    """Record that shipped parts reached the customer, or all that is on its way when no parts are named."""

    order_id: UUID
    parts: Parts | None = None


@handles(DeliverOrder)
async def deliver_order(command: DeliverOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.deliver(quantities(command.parts))
    return order


class InvoiceOrder(Command):
    """Bill a sum or parts of a confirmed order, or all that is not billed yet when neither is named."""

    order_id: UUID
    invoice_number: Label = Field(examples=["2026-0042"])
    amount: Annotated[Sum, Field(gt=0)] | None = None
    parts: Parts | None = None
    due_on: Day | None = None

    @model_validator(mode="after")
    def either(self) -> InvoiceOrder:
        if self.amount is not None and self.parts is not None:
            raise ValueError("name an amount or parts, not both")
        return self


@handles(InvoiceOrder)
async def invoice_order(command: InvoiceOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.invoice(command.invoice_number, amount=command.amount, parts=quantities(command.parts), due_on=command.due_on)
    return order


class RecordPayment(Command):
    """Record money that arrived for an order, by one method (card, transfer, voucher); send one command per method."""

    order_id: UUID
    method: Label = Field(examples=["card"])
    amount: Sum
    reference: Label | None = None


@handles(RecordPayment)
async def record_payment(command: RecordPayment, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.record_payment(command.method, command.amount, command.reference)
    return order


class RequestReturn(Command):
    """Record that the customer wants to return parts of what was delivered, or all of it when no parts are named."""

    order_id: UUID
    parts: Parts | None = None


@handles(RequestReturn)
async def request_return(command: RequestReturn, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.request_return(quantities(command.parts), command.reason)
    return order


class ReceiveReturn(Command):
    """Record that parts asked to be returned came back, or all of them when no parts are named."""

    order_id: UUID
    parts: Parts | None = None


@handles(ReceiveReturn)
async def receive_return(command: ReceiveReturn, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.receive_return(quantities(command.parts))
    return order


class RefundOrder(Command):
    """Pay back what an order owes its customer (for returns, a cancellation, money paid too much), or a part of it."""

    order_id: UUID
    method: Label
    amount: Annotated[Sum, Field(gt=0)] | None = None
    reference: Label | None = None


@handles(RefundOrder)
async def refund_order(command: RefundOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.refund(command.method, command.amount, command.reference)
    return order


class CancelOrder(Command):
    """Cancel an order of which the customer has nothing; what was already paid is owed back."""

    order_id: UUID


@handles(CancelOrder)
async def cancel_order(command: CancelOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.cancel(command.reason)
    return order


class CloseOrder(Command):
    """Close an order: what is not shipped or billed by now never will be; money and returns may still settle."""

    order_id: UUID


@handles(CloseOrder)
async def close_order(command: CloseOrder, crm: Crm) -> Order:
    order = await crm.load(Order, command.order_id)
    order.close(command.reason)
    return order


def priced(lines: Iterable[OrderLine]) -> list[Line]:
    return [
        Line.priced(
            number,
            line.sku,
            line.quantity,
            line.unit_price,
            description=line.description,
            discount=line.discount,
            tax_rate=line.tax_rate,
        )
        for number, line in enumerate(lines, 1)
    ]


def quantities(parts: Parts | None) -> list[Part] | None:
    return None if parts is None else [Part(part.line, part.quantity) for part in parts]
