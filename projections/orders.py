"""Orders with their axes: state, delivered, billed, paid and returned, each on its own; labels are derived."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from domain.order import Order, Part, due, label, owed_back, percent, total_of
from eventlog.envelope import Recorded
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, BY_UPDATED, ROW_KEY, STREAM_COLUMNS, StreamRows, by_owner

NOTHING = Decimal(0)
SUMS = (
    "shipped",
    "delivered",
    "delivered_worth",
    "return_requested",
    "returned",
    "returned_worth",
    "billed",
    "paid",
    "refunded",
)
"""What happenings add up to: quantities in the order's units, the rest in its currency."""


class Orders(StreamRows):
    """Each order. `progress` says of each line, by its number, how much of it was shipped, delivered, billed, asked to
    be returned and returned."""

    version = 6  # those of each owner that changed last
    aggregate = Order
    table = Table(
        "orders",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "customer_id": "uuid",
            "opportunity_id": "uuid",
            "number": "text",
            "source": "text",
            "owner": "text",
            "team": "text",
            "shared_with": "jsonb",
            "state": "text",
            "label": "text",
            "currency": "text",
            "lines": "jsonb",
            "progress": "jsonb",
            "quantity": "numeric",
            "sales": "numeric",
            "net": "numeric",
            "tax": "numeric",
            "total": "numeric",
            "wanted_by": "date",
            "shipping_address": "jsonb",
            **dict.fromkeys(SUMS, "numeric"),
            "shipped_percent": "numeric",
            "delivered_percent": "numeric",
            "billed_percent": "numeric",
            "paid_percent": "numeric",
            "returned_percent": "numeric",
            "due": "numeric",
            "outstanding": "numeric",
            "owed_back": "numeric",
            "confirmed_at": "timestamptz",
            "shipped_at": "timestamptz",
            "delivered_at": "timestamptz",
            "ended_at": "timestamptz",
        },
        indexes=(
            BY_CREATED,
            BY_UPDATED,
            "(tenant, total, id)",
            *by_owner("total", "state"),
            "USING gin (shared_with) WHERE shared_with <> '{}'",
            "(tenant, customer_id, created_at)",
            "(tenant, number)",
            "(tenant, opportunity_id) WHERE opportunity_id IS NOT NULL",
            "(tenant, state, created_at, id)",
        ),
    )

    @on(Order.Confirmed)
    def confirmed(self, row: Row, event: Order.Confirmed, recorded: Recorded) -> None:
        row["confirmed_at"] = recorded.occurred_at

    @on(Order.Cancelled, Order.Closed)
    def ended(self, row: Row, event: Order.Cancelled | Order.Closed, recorded: Recorded) -> None:
        row["ended_at"] = recorded.occurred_at

    @on(Order.Shipped)
    def shipped(self, row: Row, event: Order.Shipped, recorded: Recorded) -> None:
        add(row, "shipped", total_of(event.parts), event.parts)
        row["shipped_at"] = max(row["shipped_at"] or recorded.occurred_at, recorded.occurred_at)

    @on(Order.Delivered)
    def delivered(self, row: Row, event: Order.Delivered, recorded: Recorded) -> None:
        add(row, "delivered", total_of(event.parts), event.parts)
        add(row, "delivered_worth", event.worth)
        row["delivered_at"] = max(row["delivered_at"] or recorded.occurred_at, recorded.occurred_at)

    @on(Order.Invoiced)
    def invoiced(self, row: Row, event: Order.Invoiced, recorded: Recorded) -> None:
        add(row, "billed", event.amount, event.parts)

    @on(Order.PaymentRecorded)
    def was_paid(self, row: Row, event: Order.PaymentRecorded, recorded: Recorded) -> None:
        add(row, "paid", event.amount)

    @on(Order.ReturnRequested)
    def return_requested(self, row: Row, event: Order.ReturnRequested, recorded: Recorded) -> None:
        add(row, "return_requested", total_of(event.parts), event.parts)

    @on(Order.ReturnReceived)
    def returned(self, row: Row, event: Order.ReturnReceived, recorded: Recorded) -> None:
        add(row, "returned", total_of(event.parts), event.parts)
        add(row, "returned_worth", event.worth)

    @on(Order.Refunded)
    def was_refunded(self, row: Row, event: Order.Refunded, recorded: Recorded) -> None:
        add(row, "refunded", event.amount)

    def derive(self, row: Row) -> None:
        for name in SUMS:
            row[name] = row[name] or NOTHING
        state, quantity, total = row["state"] or "draft", row["quantity"] or NOTHING, row["total"] or NOTHING
        row["state"] = state
        for axis in ("shipped", "delivered", "returned"):
            row[f"{axis}_percent"] = percent(row[axis], quantity)
        row["billed_percent"], row["paid_percent"] = percent(row["billed"], total), percent(row["paid"], total)
        row["label"] = label(state, row["delivered_percent"], row["billed_percent"])
        row["due"] = due(state, total, row["billed"], row["delivered_worth"], row["returned_worth"])
        row["outstanding"] = max(row["due"] - row["paid"] + row["refunded"], NOTHING)
        row["owed_back"] = owed_back(row["due"], row["paid"], row["refunded"])


def add(row: Row, axis: str, amount: Decimal, parts: Iterable[Part] = ()) -> None:
    """Add to a sum of the order and, line by line, to its progress on that axis."""
    row[axis] = (row[axis] or NOTHING) + amount
    progress = row["progress"] or {}
    for part in parts:
        line = progress.get(str(part.line), {})
        done = Decimal(line.get(axis, 0)) + part.quantity
        progress = progress | {str(part.line): line | {axis: format(done, "f")}}
    row["progress"] = progress


ORDER_ROWS = Orders()
ORDERS = Resource("orders", ORDER_ROWS, stream="order", maps=("shared_with",))
