"""The questions whose answers models foretell from: purchases and deals as of a day, and what to do next."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, Field

from projections.analytics.views.view import DAY, ID, TEXT, Chart, View, count

TODAY: Any = Field(default_factory=lambda: datetime.now(UTC).date(), union_mode="left_to_right")


class PurchaseHistories(View):
    """When and for how much each customer bought: what customer value and churn are worked out from."""

    name = "purchase_histories"
    columns: ClassVar = {
        "customer_id": ID,
        "first_purchase": DAY,
        "last_purchase": DAY,
        "repeats": count("purchases"),
    }
    chart = Chart("bars", x="repeats", y="count")

    as_of: AwareDatetime | date | None = TODAY

    currency: str | None = Field(None, description="What values are told in; else the one currency of all purchases.")
    rates: dict[str, Annotated[Decimal, Field(gt=0)]] = Field(
        {}, description="By currency, how much of the one asked for is had for one of it."
    )

    def parameters(self) -> dict[str, Any]:
        # An empty list has no type; a currency without a name has no purchases.
        rates = [{"currency": currency, "rate": float(rate)} for currency, rate in self.rates.items()]
        return super().parameters() | {"rates": [*rates, {"currency": "", "rate": 1.0}]}


class DealOutlook(View):
    """Each opportunity as it stands, with what its chance to be won is worked out from."""

    name = "deal_outlook"
    columns: ClassVar = {"opportunity_id": ID, "state": TEXT, "stage": TEXT}
    chart = Chart("bars", x="stage", y="count")

    as_of: AwareDatetime | date | None = TODAY


class NextBestActions(View):
    """What to do for which customer, by which rule, and the events that it rests on."""

    name = "next_best_actions"
    columns: ClassVar = {"rule": TEXT, "customer_id": ID, "about": ID, "evidence": ID}
    chart = Chart("bars", x="rule", y="count")

    as_of: AwareDatetime | date | None = TODAY
