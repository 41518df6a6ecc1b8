"""What can be asked about opportunities: how far they get, how long that takes, what is won, and what is to come."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from domain.pipeline import DEFAULT_PIPELINE_ID, DEFAULT_STAGES
from projections.analytics.views.view import CURRENCY, DAY, DAYS, ID, MONEY, SHARE, TEXT, Chart, Column, View, count

Period = Literal["month", "quarter", "year"]
DEALS = count("opportunities")
RANK = Column("integer", "place in the pipeline")
DIMENSION = Column("text", "value of the dimension asked for")

ENTERED_FROM = Field(None, description="Opened on this day or later.")
ENTERED_BEFORE = Field(None, description="Opened before this day.")
CLOSED_FROM = Field(None, description="Closed on this day or later.")
CLOSED_BEFORE = Field(None, description="Closed before this day.")


class OfPipeline(View):
    """What is asked of the opportunities of a pipeline."""

    entered_from: date | None = ENTERED_FROM
    entered_before: date | None = ENTERED_BEFORE
    pipeline_id: UUID | None = None
    owner: str | None = None
    team: str | None = None
    source: str | None = None

    def parameters(self) -> dict[str, Any]:
        default = [{"rank": stage.rank, "stage": stage.label, "stage_type": stage.type} for stage in DEFAULT_STAGES]
        return super().parameters() | {"default_pipeline": DEFAULT_PIPELINE_ID, "default_stages": default}


class Funnel(OfPipeline):
    """How many opportunities reached each stage of their pipeline, and what part of them went on."""

    name = "funnel"
    columns: ClassVar = {
        "cohort": DAY,
        "pipeline_id": ID,
        "pipeline_version": Column("integer", "version"),
        "rank": RANK,
        "stage": TEXT,
        "reached": DEALS,
        "open": DEALS,
        "lost": DEALS,
        "converted": SHARE,
        "share": SHARE,
    }
    chart = Chart("bars", x="stage", y="reached", facet="cohort", lying=True)

    cohort: Period | None = Field(None, description="By when opened; else all in one.")


class StageTimes(OfPipeline):
    """How long opportunities stay in each stage: median and 90th percentile, those still there counted as censored."""

    name = "stage_times"
    columns: ClassVar = {
        "pipeline_id": ID,
        "pipeline_version": Column("integer", "version"),
        "rank": RANK,
        "stage": TEXT,
        "entered": DEALS,
        "moved_on": DEALS,
        "open": DEALS,
        "mean_days": DAYS,
        "median_days": DAYS,
        "p90_days": DAYS,
    }
    chart = Chart("bars", x="stage", y=("median_days", "p90_days"), lying=True)


class StageSurvival(OfPipeline):
    """Which part of the opportunities is still in a stage so many days after entering it (Kaplan-Meier)."""

    name = "stage_survival"
    columns: ClassVar = {
        "pipeline_id": ID,
        "pipeline_version": Column("integer", "version"),
        "rank": RANK,
        "stage": TEXT,
        "days": DAYS,
        "at_risk": DEALS,
        "moved_on": DEALS,
        "censored": DEALS,
        "survival": SHARE,
    }
    chart = Chart("steps", x="days", y="survival", by="stage")


class WinRate(View):
    """What part of the opportunities is won, by number and by value; by the day they closed, or were opened."""

    name = "win_rate"
    columns: ClassVar = {
        "period": DAY,
        "dimension": DIMENSION,
        "won": DEALS,
        "lost": DEALS,
        "open": DEALS,
        "win_rate": SHARE,
        "currency": CURRENCY,
        "won_value": MONEY,
        "lost_value": MONEY,
        "value_win_rate": SHARE,
    }
    chart = Chart("lines", x="period", y="win_rate", by="dimension")

    form: Literal["close", "cohort"] = Field(
        "close", description="`close`: those closed in a period; `cohort`: those opened in it."
    )
    period: Period | None = Field(None, description="By which periods; else all in one.")
    by: Literal["owner", "team", "channel", "region"] | None = None
    first: date | None = Field(None, description="Closed (or opened, of cohorts) on this day or later.")
    before: date | None = Field(None, description="Closed (or opened) before this day.")
    currency: str | None = None


class Velocity(View):
    """How much is won per day: opportunities times mean value times win rate, divided by the length of the cycle."""

    name = "velocity"
    columns: ClassVar = {
        "currency": CURRENCY,
        "dimension": DIMENSION,
        "opportunities": DEALS,
        "mean_value": Column("real", "currency of the row"),
        "win_rate": SHARE,
        "cycle_days": DAYS,
        "velocity": Column("real", "currency of the row a day"),
    }
    chart = Chart("bars", x="dimension", y="velocity", facet="currency", lying=True)

    closed_from: date | None = CLOSED_FROM
    closed_before: date | None = CLOSED_BEFORE
    by: Literal["owner", "team", "channel", "region"] | None = None


class Forecast(View):
    """What will be won: closed, weighted, commit and best case, and how far what is open covers the target."""

    name = "forecast"
    columns: ClassVar = {
        "currency": CURRENCY,
        "dimension": DIMENSION,
        "open": DEALS,
        "closed": MONEY,
        "weighted": MONEY,
        "commit": MONEY,
        "best_case": MONEY,
        "pipeline": MONEY,
        "coverage": Column("real", "times the gap to the target"),
    }
    chart = Chart("bars", x="dimension", y=("closed", "weighted", "commit", "best_case"), facet="currency")

    close_from: date | None = Field(None, description="To be closed on this day or later.")
    close_before: date | None = Field(None, description="To be closed before this day.")
    by: Literal["owner", "team", "channel", "region"] | None = None
    target: Decimal | None = Field(None, ge=0, description="What is to be won in the period, in each row.")


class ForecastAccuracy(View):
    """How near the weighted forecast came to what was won, by how many days before the end of the month it was made."""

    name = "forecast_accuracy"
    columns: ClassVar = {
        "month": DAY,
        "currency": CURRENCY,
        "days_before": Column("integer", "days before the end of the month"),
        "forecast": MONEY,
        "actual": MONEY,
        "accuracy": Column("real", "1 - |forecast - actual| / actual"),
    }
    chart = Chart("lines", x="days_before", y="accuracy", by="month", facet="currency", countdown=True)

    month_from: date | None = Field(None, description="Months that begin on this day or later; else the last twelve.")
    month_before: date | None = Field(None, description="Months that begin before this day.")


class Slippage(View):
    """How often the expected close is put off, by how much, and how often opportunities go back a stage."""

    name = "slippage"
    columns: ClassVar = {
        "dimension": DIMENSION,
        "opportunities": DEALS,
        "pushed": DEALS,
        "pushes": count("times"),
        "mean_push_days": DAYS,
        "pulled_in": count("times"),
        "regressed": DEALS,
        "regressions": count("times"),
        "pushed_share": SHARE,
        "regressed_share": SHARE,
    }
    chart = Chart("bars", x="dimension", y=("pushed_share", "regressed_share"), lying=True)

    entered_from: date | None = ENTERED_FROM
    entered_before: date | None = ENTERED_BEFORE
    by: Literal["owner", "team", "channel", "region"] | None = None


class Attainment(View):
    """How much of each target is reached: what was won in its period, beside what was to be won."""

    name = "attainment"
    columns: ClassVar = {
        "period": TEXT,
        "first": DAY,
        "before": DAY,
        "owner": TEXT,
        "team": TEXT,
        "whose": TEXT,
        "currency": CURRENCY,
        "target": MONEY,
        "won": MONEY,
        "deals": DEALS,
        "attainment": Column("real", "won / target"),
        "elapsed": SHARE,
    }
    chart = Chart("bars", x="whose", y="attainment", facet="period", lying=True)

    period: str | None = Field(None, description="Targets of this period alone: 2026, 2026-Q4, 2026-11.")
    owner: str | None = None
    team: str | None = None
    currency: str | None = None
