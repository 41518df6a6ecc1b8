"""What products have to do with one another: which are bought together, and which come next."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from projections.analytics.views.customers import ORDERS
from projections.analytics.views.view import DAYS, SHARE, TEXT, Chart, Column, View, count

LIFT = Column("real", "times as often as by chance")
WIDEST = Field(
    100, ge=2, le=1_000, description="What was bought with more products than this at once is left out altogether."
)


class Baskets(View):
    """Which products are bought together: of each two support, confidence and lift."""

    name = "baskets"
    columns: ClassVar = {
        "sku": TEXT,
        "with_sku": TEXT,
        "orders": ORDERS,
        "support": SHARE,
        "confidence": SHARE,
        "lift": LIFT,
    }
    chart = Chart("heat", x="sku", y="with_sku", by="lift")

    support: Annotated[Decimal, Field(ge=0, le=1, decimal_places=8)] = Field(
        Decimal("0.001"), description="Pairs that are in at least this share of the orders."
    )
    widest: int = WIDEST


class NextProducts(View):
    """What customers buy next: after a purchase with one product, which new one is in their next purchase."""

    name = "next_products"
    columns: ClassVar = {
        "sku": TEXT,
        "next_sku": TEXT,
        "purchases": count("purchases"),
        "share": SHARE,
        "lift": LIFT,
        "median_days": DAYS,
    }
    chart = Chart("heat", x="sku", y="next_sku", by="share")

    least: int = Field(1, ge=1, description="What came next at least so many times.")
    widest: int = WIDEST
