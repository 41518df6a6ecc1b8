"""What can be asked about orders and money: what was sold, and what is owed."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from projections.analytics.views.sales import DIMENSION
from projections.analytics.views.view import CURRENCY, DAY, MONEY, Chart, View, count


class Revenue(View):
    """Revenue by month and currency, with the orders booked and cancelled; by product, region, channel or owner."""

    name = "revenue"
    columns: ClassVar = {
        "month": DAY,
        "currency": CURRENCY,
        "dimension": DIMENSION,
        "orders": count("orders"),
        "booked": MONEY,
        "cancelled": MONEY,
        "delivered": MONEY,
        "returned": MONEY,
        "revenue": MONEY,
    }
    chart = Chart("bars", x="month", y="revenue", by="dimension", facet="currency", stacked=True)

    by: Literal["product", "region", "channel", "owner", "team"] | None = None
    month_from: date | None = Field(None, description="Months that begin on this day or later.")
    month_before: date | None = Field(None, description="Months that begin before this day.")
    currency: str | None = None
    owner: str | None = None
    team: str | None = None


class ReceivablesAgeing(View):
    """What is owed to us, by how many days it is overdue."""

    name = "receivables_ageing"
    columns: ClassVar = {
        "currency": CURRENCY,
        "dimension": DIMENSION,
        "age": DIMENSION._replace(unit="days overdue"),
        "invoices": count("invoices"),
        "outstanding": MONEY,
    }
    chart = Chart("bars", x="age", y="outstanding", by="dimension", facet="currency", stacked=True)

    by: Literal["owner", "team", "region"] | None = None
