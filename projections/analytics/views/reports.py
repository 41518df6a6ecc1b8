"""What sales reports tell: who won how much, and how sales go from one period to the next."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from projections.analytics.views.sales import DEALS, DIMENSION, Period
from projections.analytics.views.view import CURRENCY, DAY, MONEY, SHARE, TEXT, Chart, Column, View

MEAN = Column("real", "currency of the row")


class SalesResults(View):
    """Who won how much: opportunities opened, won and lost, their win rate, and what those won are worth."""

    name = "sales_results"
    columns: ClassVar = {
        "period": DAY,
        "dimension": DIMENSION,
        "currency": CURRENCY,
        "opened": DEALS,
        "won": DEALS,
        "lost": DEALS,
        "win_rate": SHARE,
        "won_value": MONEY,
        "mean_value": MEAN,
    }
    chart = Chart("bars", x="dimension", y="won_value", by="period", facet="currency", lying=True)

    by: Literal["owner", "team", "channel", "region"] | None = "owner"
    period: Period | None = Field(None, description="By which periods; else all in one.")
    first: date | None = Field(None, description="Opened, or closed, on this day or later.")
    before: date | None = Field(None, description="Opened, or closed, before this day.")
    currency: str | None = None


class SalesTrend(View):
    """How sales go period by period: what was won, booked and earned, beside the period before and the year before."""

    name = "sales_trend"
    columns: ClassVar = {
        "period": DAY,
        "currency": CURRENCY,
        "measure": TEXT,
        "value": MONEY,
        "change": MONEY,
        "change_share": Column("real", "share of the period before"),
        "year_change": MONEY,
        "year_change_share": Column("real", "share of the year before"),
        "moving_average": MEAN,
    }
    chart = Chart("lines", x="period", y="value", by="measure", facet="currency")

    period: Period = "month"
    period_from: date | None = Field(None, description="Periods that begin on this day or later.")
    period_before: date | None = Field(None, description="Periods that begin before this day.")
    currency: str | None = None
