"""What can be asked about customers: who they are, what they are worth, who stays, and what else they could buy."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from projections.analytics.views.view import (
    CURRENCY,
    DAY,
    ID,
    MONEY,
    SHARE,
    TEXT,
    Chart,
    Column,
    View,
    count,
)

CUSTOMERS = count("customers")
ORDERS = count("orders")
QUINTILE = Column("integer", "quintile, 5 the best")


class Rfm(View):
    """Recency, frequency and monetary value of each customer, with their quintiles, as of a day (today)."""

    name = "rfm"
    columns: ClassVar = {
        "customer_id": ID,
        "currency": CURRENCY,
        "last_purchase": DAY,
        "recency_days": Column("integer", "days"),
        "frequency": ORDERS,
        "monetary": MONEY,
        "r": QUINTILE,
        "f": QUINTILE,
        "m": QUINTILE,
    }
    chart = Chart("heat", x="f", y="r", by="count", facet="currency", of="customers")

    as_of: AwareDatetime | date | None = Field(
        default_factory=lambda: datetime.now(UTC).date(), union_mode="left_to_right"
    )
    currency: str | None = None


class CohortRetention(View):
    """What part of the customers who first bought in a month bought again in the months after it."""

    name = "cohort_retention"
    columns: ClassVar = {
        "cohort": DAY,
        "month": Column("integer", "months since the first purchase"),
        "customers": CUSTOMERS,
        "active": CUSTOMERS,
        "retention": SHARE,
    }
    chart = Chart("heat", x="month", y="cohort", by="retention")

    first_from: date | None = Field(None, description="Cohorts of this month or later.")
    first_before: date | None = Field(None, description="Cohorts of months that begin before this day.")


class TopCustomers(View):
    """Who bought for most, and which part of all that is."""

    name = "top_customers"
    columns: ClassVar = {
        "currency": CURRENCY,
        "place": Column("integer", "place"),
        "customer_id": ID,
        "orders": ORDERS,
        "net": MONEY,
        "share": SHARE,
        "cumulative_share": SHARE,
        "last_purchase": DAY,
    }
    chart = Chart("bars", x="place", y="net", facet="currency")

    bought_from: date | None = Field(None, description="Purchases on this day or later.")
    bought_before: date | None = Field(None, description="Purchases before this day.")
    currency: str | None = None
    most: int = Field(100, ge=1, le=100_000, description="So many of each currency.")


class WhiteSpace(View):
    """Which products the best customers have not bought yet: product by customer."""

    name = "white_space"
    columns: ClassVar = {
        "customer_id": ID,
        "place": Column("integer", "place"),
        "sku": TEXT,
        "bought": Column("quantity", "units of the product"),
        "white": Column("integer", "1 where nothing was bought"),
        "buyers_share": SHARE,
    }
    chart = Chart("heat", x="sku", y="place", by="bought")

    customers: int = Field(50, ge=1, le=1_000, description="So many customers, those who bought most often first.")
    products: int = Field(50, ge=1, le=1_000, description="So many products, those with most buyers first.")


class CustomerDistribution(View):
    """How customers, and what they buy, are spread over a dimension."""

    name = "customer_distribution"
    columns: ClassVar = {
        "dimension": Column("text", "value of the dimension asked for"),
        "customers": CUSTOMERS,
        "share": SHARE,
        "active": CUSTOMERS,
        "buyers": CUSTOMERS,
        "currency": CURRENCY,
        "net": MONEY,
    }
    chart = Chart("bars", x="dimension", y="customers", lying=True)

    by: Literal["region", "industry", "size", "tier", "kind", "owner", "team", "channel"] = "region"
    currency: str | None = Field(None, description="Of which purchases buyers and net are told; else of all.")


class CustomerGrowth(View):
    """How many customers came, were merged and were deactivated in each month, and how many there were at its end."""

    name = "customer_growth"
    columns: ClassVar = {
        "month": DAY,
        "registered": CUSTOMERS,
        "merged": CUSTOMERS,
        "deactivated": CUSTOMERS,
        "customers": CUSTOMERS,
    }
    chart = Chart("lines", x="month", y=("customers", "registered"))


class Channels(View):
    """Which channel brings most, and for how much: customers, opportunities, what is won, revenue, and cost."""

    name = "channels"
    columns: ClassVar = {
        "channel": TEXT,
        "customers": CUSTOMERS,
        "opportunities": count("opportunities"),
        "won": count("opportunities"),
        "win_rate": SHARE,
        "orders": ORDERS,
        "currency": CURRENCY,
        "won_value": MONEY,
        "net": MONEY,
        "cost": MONEY,
        "cost_per_customer": Column("real", "currency of the row"),
    }
    chart = Chart("bars", x="channel", y=("won_value", "net", "cost"), facet="currency", lying=True)

    first: date | None = Field(None, description="Registered, opened or bought on this day or later.")
    before: date | None = Field(None, description="Registered, opened or bought before this day.")


class MasterData(View):
    """How complete and how fresh the master data of customers is, field by field."""

    name = "master_data"
    columns: ClassVar = {
        "field": TEXT,
        "kind": TEXT,
        "customers": CUSTOMERS,
        "filled": CUSTOMERS,
        "share": SHARE,
    }
    chart = Chart("bars", x="field", y="share", by="kind", lying=True)

    fresh_days: int = Field(365, ge=1, le=36_500, description="Verified within so many days counts as fresh.")
