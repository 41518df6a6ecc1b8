"""What can be asked about service: how soon customers are answered and helped, and how content they are."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field

from projections.analytics.views.sales import DIMENSION, Period
from projections.analytics.views.view import DAY, DAYS, ID, MOMENT, SECONDS, SHARE, TEXT, Chart, Column, View, count

CYCLES = count("service cycles")


class ServiceCycles(View):
    """Every service cycle of every ticket, with its response and resolution times."""

    name = "service_cycles"
    columns: ClassVar = {
        "ticket_id": ID,
        "cycle": Column("integer", "number within the ticket"),
        "customer_id": ID,
        "kind": TEXT,
        "priority": TEXT,
        "channel": TEXT,
        "product": TEXT,
        "category": TEXT,
        "team": TEXT,
        "started_at": MOMENT,
        "ended_at": MOMENT,
        "ended_as": TEXT,
        "first_response_s": SECONDS,
        "resolution_s": SECONDS,
        "score": Column("integer", "1 to 5, 5 the best"),
    }
    chart = Chart("bars", x="kind", y="count", by="ended_as", stacked=True, of="service cycles")

    started_from: date | None = None
    started_before: date | None = None
    kind: str | None = None
    team: str | None = None


class ServiceQuality(View):
    """Response and resolution times, reopenings and satisfaction, by period and by team, priority or kind."""

    name = "service_quality"
    columns: ClassVar = {
        "period": DAY,
        "dimension": DIMENSION,
        "cycles": CYCLES,
        "answered": CYCLES,
        "first_response_median_s": SECONDS,
        "first_response_p90_s": SECONDS,
        "resolved": CYCLES,
        "resolution_median_s": SECONDS,
        "resolution_p90_s": SECONDS,
        "resolution_rate": SHARE,
        "reopened": CYCLES,
        "reopen_rate": SHARE,
        "ratings": count("ratings"),
        "csat": SHARE,
        "csat_low": SHARE,
        "csat_high": SHARE,
    }
    chart = Chart("lines", x="period", y="csat", by="dimension")

    period: Period | None = Field(None, description="By when the cycle started; else all in one.")
    by: Literal["team", "priority", "kind", "channel", "product", "category"] | None = None
    started_from: date | None = None
    started_before: date | None = None


class ServiceAttainment(View):
    """Which part of the service cycles that ended was answered, and resolved, within limits; and what is late now."""

    name = "service_attainment"
    columns: ClassVar = {
        "period": DAY,
        "dimension": DIMENSION,
        "cycles": CYCLES,
        "first_response_met": CYCLES,
        "first_response_missed": CYCLES,
        "first_response_attainment": SHARE,
        "first_response_open_breached": CYCLES,
        "resolution_met": CYCLES,
        "resolution_missed": CYCLES,
        "resolution_attainment": SHARE,
        "resolution_open_breached": CYCLES,
    }
    chart = Chart("lines", x="period", y=("first_response_attainment", "resolution_attainment"))

    first_response_within: int = Field(4 * 3_600, ge=0, description="Seconds to the first public reply; else 4 hours.")
    resolution_within: int = Field(2 * 86_400, ge=0, description="Seconds until resolved; else 2 days.")
    period: Period | None = Field(None, description="By when the cycle ended; else all in one.")
    by: Literal["team", "priority", "kind", "channel", "product", "category"] | None = None
    ended_from: date | None = Field(None, description="Ended on this day or later.")
    ended_before: date | None = Field(None, description="Ended before this day.")


class Backlog(View):
    """How many service cycles are open, and for how long."""

    name = "backlog"
    columns: ClassVar = {
        "dimension": DIMENSION,
        "open": CYCLES,
        "unanswered": CYCLES,
        "median_days": DAYS,
        "p90_days": DAYS,
        "oldest_days": DAYS,
    }
    chart = Chart("bars", x="dimension", y=("median_days", "p90_days"), lying=True)

    by: Literal["team", "priority", "kind", "channel", "product", "category"] | None = None
