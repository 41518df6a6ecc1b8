"""The questions whose answers models foretell from: purchases and deals as of a day, and what to do next."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BeforeValidator, Field, WithJsonSchema

from projections.analytics.views.view import (
    CURRENCIES,
    CURRENCY,
    DAY,
    DAYS,
    FLAG,
    ID,
    SHARE,
    TEXT,
    Chart,
    Column,
    View,
    count,
)

TODAY: Any = Field(default_factory=lambda: datetime.now(UTC).date(), union_mode="left_to_right")


def rates_of(given: Any) -> Any:
    """Rates as they stand in an address: "USD:0.9,CNY:0.125"."""
    if not isinstance(given, str):
        return given
    pairs = [part.partition(":") for part in given.split(",") if part.strip()]
    if not all(colon for _, colon, _ in pairs):
        raise ValueError("rates are told as USD:0.9, with commas between")
    return {currency.strip(): rate.strip() for currency, _, rate in pairs}


Rates = Annotated[
    dict[str, Annotated[Decimal, Field(gt=0)]],
    BeforeValidator(rates_of),
    WithJsonSchema({"type": "string", "examples": ["USD:0.9,CNY:0.125"]}),
]

VALUE = Column("real", "currency of the row")
RECENT = count("purchases")


class PurchaseHistories(View):
    """When and for how much each customer bought: what customer value and churn are worked out from."""

    name = "purchase_histories"
    columns: ClassVar = {
        "customer_id": ID,
        "first_purchase": DAY,
        "last_purchase": DAY,
        "repeats": count("purchases"),
        "last_days": Column("integer", "days"),
        "age_days": Column("integer", "days"),
        "currency": CURRENCY,
        "value": VALUE,
        "mean_value": VALUE,
        "first_value": VALUE,
        "last_value": VALUE,
        "gap_mean": DAYS,
        "gap_deviation": DAYS,
        "last_gap": Column("integer", "days"),
        "recent_30": RECENT,
        "recent_90": RECENT,
        "recent_180": RECENT,
        "without_rate": CURRENCIES,
    }
    chart = Chart("bars", x="repeats", y="count", of="customers")

    as_of: AwareDatetime | date | None = TODAY

    currency: str | None = Field(None, description="What values are told in; else the one currency of all purchases.")
    rates: Rates = Field({}, description="By currency, how much of the one asked for is had for one of it.")

    def parameters(self) -> dict[str, Any]:
        # An empty list has no type; a currency without a name has no purchases.
        rates = [{"currency": currency, "rate": float(rate)} for currency, rate in self.rates.items()]
        return super().parameters() | {"rates": [*rates, {"currency": "", "rate": 1.0}]}


class DealOutlook(View):
    """Each opportunity as it stands, with what its chance to be won is worked out from."""

    name = "deal_outlook"
    columns: ClassVar = {
        "opportunity_id": ID,
        "pipeline_id": ID,
        "state": TEXT,
        "stage": TEXT,
        "owner": TEXT,
        "team": TEXT,
        "source": TEXT,
        "product": TEXT,
        "amount": VALUE,
        "currency": CURRENCY,
        "customer": FLAG,
        "opened_on": DAY,
        "closed_on": DAY,
        "age_days": Column("integer", "days"),
        "stage_days": Column("integer", "days"),
        "moves": count("times"),
        "steps_back": count("times"),
        "quarter_ends": FLAG,
    }
    chart = Chart("bars", x="stage", y="count", by="state", stacked=True, of="opportunities")

    as_of: AwareDatetime | date | None = TODAY


class Calibration(View):
    """Chances that a model foretold, and how often it then happened; good ones lie on the line of what was foretold."""

    name = "calibration"
    columns: ClassVar = {"count": count("cases"), "foretold": SHARE, "happened": SHARE}
    chart = Chart("lines", x="foretold", y=("happened", "foretold"))


class NextBestActions(View):
    """What to do for which customer, by which rule, and the events that it rests on."""

    name = "next_best_actions"
    columns: ClassVar = {"rule": TEXT, "customer_id": ID, "about": ID, "evidence": ID}
    chart = Chart("bars", x="rule", y="count", of="actions")

    as_of: AwareDatetime | date | None = TODAY
