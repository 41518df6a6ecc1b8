"""Receivables: what was invoiced, what was paid for it, and what is still owed since when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, sql
from psycopg.rows import dict_row

from domain.order import Order, due, owed_back
from eventlog.envelope import Caller, Recorded
from projections.as_of import family_of, rows, seen
from projections.cut import NOW, Cut
from projections.projection import Row, Table, on
from projections.query import shown_rows, shown_to
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, BY_UPDATED, ROW_KEY, STREAM_COLUMNS, StreamRows

NOTHING = Decimal(0)


class Receivables(StreamRows):
    """One row an order, with its invoices and payments. Payments settle the oldest invoice first; what the customer
    need not pay any more (returns, a cancellation) is credited to the newest first."""

    version = 3
    aggregate = Order
    table = Table(
        "receivables",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "customer_id": "uuid",
            "number": "text",
            "owner": "text",
            "team": "text",
            "state": "text",
            "currency": "text",
            "total": "numeric",
            "delivered_worth": "numeric",
            "returned_worth": "numeric",
            "invoiced": "numeric",
            "credited": "numeric",
            "paid": "numeric",
            "refunded": "numeric",
            "outstanding": "numeric",
            "owed_back": "numeric",
            "due_on": "date",
            "invoices": "jsonb",
            "payments": "jsonb",
        },
        indexes=(
            BY_CREATED,
            BY_UPDATED,
            "(tenant, customer_id)",
            "(tenant, due_on, id)",
            "(tenant, outstanding, id)",
        ),
    )

    @on(Order.Delivered)
    def delivered(self, row: Row, event: Order.Delivered, recorded: Recorded) -> None:
        row["delivered_worth"] = (row["delivered_worth"] or NOTHING) + event.worth

    @on(Order.ReturnReceived)
    def returned(self, row: Row, event: Order.ReturnReceived, recorded: Recorded) -> None:
        row["returned_worth"] = (row["returned_worth"] or NOTHING) + event.worth

    @on(Order.Invoiced)
    def was_invoiced(self, row: Row, event: Order.Invoiced, recorded: Recorded) -> None:
        row["invoiced"] = (row["invoiced"] or NOTHING) + event.amount
        invoice = {
            "invoice_number": event.invoice_number,
            "issued_on": recorded.occurred_at.date().isoformat(),
            "due_on": (event.due_on or recorded.occurred_at.date()).isoformat(),
            "amount": str(event.amount),
        }
        row["invoices"] = [*(row["invoices"] or ()), invoice]

    @on(Order.PaymentRecorded)
    def was_paid(self, row: Row, event: Order.PaymentRecorded, recorded: Recorded) -> None:
        row["paid"] = (row["paid"] or NOTHING) + event.amount
        row["payments"] = [*(row["payments"] or ()), payment(event, event.amount, recorded)]

    @on(Order.Refunded)
    def was_refunded(self, row: Row, event: Order.Refunded, recorded: Recorded) -> None:
        row["refunded"] = (row["refunded"] or NOTHING) + event.amount
        row["payments"] = [*(row["payments"] or ()), payment(event, -event.amount, recorded)]

    def derive(self, row: Row) -> None:
        for name in ("delivered_worth", "returned_worth", "invoiced", "paid", "refunded"):
            row[name] = row[name] or NOTHING
        owed = due(
            row["state"] or "draft",
            row["total"] or NOTHING,
            row["invoiced"],
            row["delivered_worth"],
            row["returned_worth"],
        )
        received = row["paid"] - row["refunded"]
        row["credited"] = max(row["invoiced"] - owed, NOTHING)
        row["outstanding"] = max(row["invoiced"] - row["credited"] - received, NOTHING)
        row["owed_back"] = owed_back(owed, row["paid"], row["refunded"])
        row["invoices"] = settled(row["invoices"] or (), row["credited"], received)
        row["payments"] = row["payments"] or []
        row["due_on"] = min(
            (date.fromisoformat(i["due_on"]) for i in row["invoices"] if Decimal(i["outstanding"])), default=None
        )


def payment(event: Order.PaymentRecorded | Order.Refunded, amount: Decimal, recorded: Recorded) -> dict[str, Any]:
    """Money in, or out (negative), as the row lists it."""
    paid_on = recorded.occurred_at.date().isoformat()
    return {"method": event.method, "amount": str(amount), "paid_on": paid_on, "reference": event.reference}


def settled(invoices: Iterable[dict[str, Any]], credit: Decimal, received: Decimal) -> list[dict[str, Any]]:
    """The invoices, oldest due first, with what of each is credited, paid and outstanding."""
    in_order = sorted(invoices, key=lambda i: (i["due_on"], i["issued_on"], i["invoice_number"]))
    after_credit = []
    for invoice in reversed(in_order):
        credited = min(credit, Decimal(invoice["amount"]))
        credit -= credited
        after_credit.append((invoice, credited))
    done = []
    for invoice, credited in reversed(after_credit):
        owed = Decimal(invoice["amount"]) - credited
        paid = min(max(received, NOTHING), owed)
        received -= paid
        done.append(invoice | {"credited": str(credited), "paid": str(paid), "outstanding": str(owed - paid)})
    return done


RECEIVABLE_ROWS = Receivables()
RECEIVABLES = Resource(
    "receivables",
    RECEIVABLE_ROWS,
    stream="order",
    only="t.invoiced > 0",
    sort="due_on",
    computed={"days_overdue": ("integer", "greatest(({now} AT TIME ZONE 'UTC')::date - t.due_on, 0)")},
)


async def ageing(
    connection: AsyncConnection[Any], caller: Caller, now: datetime, customer_id: UUID | None = None, cut: Cut = NOW
) -> list[dict[str, Any]]:
    """What is outstanding as of `now`, by currency and how long overdue: `not_due`, `days_1_30`, `days_31_60`,
    `days_61_90`, `days_over_90` and `outstanding`, the sum of these; of one customer, or of all."""
    cursor = connection.cursor(row_factory=dict_row)
    customers = None if customer_id is None else await family_of(connection, caller, customer_id, cut)
    await cursor.execute(ageing_statement(caller, now, customers, cut))
    return await cursor.fetchall()


def ageing_statement(caller: Caller, now: datetime, customers: list[UUID] | None, cut: Cut = NOW) -> sql.Composed:
    return sql.SQL(
        "SELECT t.currency, coalesce(sum(i.outstanding) FILTER (WHERE days <= 0), 0) AS not_due,"
        " coalesce(sum(i.outstanding) FILTER (WHERE days BETWEEN 1 AND 30), 0) AS days_1_30,"
        " coalesce(sum(i.outstanding) FILTER (WHERE days BETWEEN 31 AND 60), 0) AS days_31_60,"
        " coalesce(sum(i.outstanding) FILTER (WHERE days BETWEEN 61 AND 90), 0) AS days_61_90,"
        " coalesce(sum(i.outstanding) FILTER (WHERE days > 90), 0) AS days_over_90, sum(i.outstanding) AS outstanding"
        " FROM {rows} t"
        " CROSS JOIN jsonb_to_recordset(t.invoices) AS i(outstanding numeric, due_on date)"
        " CROSS JOIN LATERAL (SELECT ({now} AT TIME ZONE 'UTC')::date - i.due_on AS days) age"
        " WHERE {shown} AND t.outstanding > 0 AND {customer} GROUP BY t.currency ORDER BY t.currency"
    ).format(
        rows=shown_rows(caller, seen(RECEIVABLES, cut), rows(RECEIVABLES, cut)),
        now=sql.Literal(now),
        shown=shown_to(caller, RECEIVABLES),
        customer=sql.SQL("true") if customers is None else sql.SQL("t.customer_id = ANY ({})").format(customers),
    )
