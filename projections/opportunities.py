"""Opportunities as they stand: stage, worth, forecast, and how they moved."""

from __future__ import annotations

from decimal import localcontext
from typing import LiteralString

from domain.opportunity import Opportunity
from domain.values import cents
from eventlog.envelope import Recorded
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, BY_UPDATED, ROW_KEY, STREAM_COLUMNS, StreamRows, by_owner

OPEN: LiteralString = "stage_type = 'open'"
StageMove = Opportunity.Opened | Opportunity.StageMoved | Opportunity.Won | Opportunity.Lost | Opportunity.Reopened


class Opportunities(StreamRows):
    """Each possible sale, won and lost ones included; the pipeline board is a question to this table."""

    version = 7  # without product lines it has an empty list of them
    aggregate = Opportunity
    passing = (OPEN,)
    table = Table(
        "opportunities",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "title": "text",
            "customer_id": "uuid",
            "contact": "text",
            "pipeline_id": "uuid",
            "pipeline_version": "integer",
            "stage": "text",
            "stage_rank": "integer",
            "stage_type": "text",
            "entered_stage_at": "timestamptz",
            "left_stage": "text",
            "probability": "numeric",
            "forecast_category": "text",
            "forecast_override": "text",
            "amount": "numeric",
            "currency": "text",
            "weighted_amount": "numeric",
            "expected_close": "date",
            "closed_on": "date",
            "closed_at": "timestamptz",
            "lost_reason": "text",
            "lost_explanation": "text",
            "lines": "jsonb",
            "competitors": "jsonb",
            "owner": "text",
            "team": "text",
            "shared_with": "jsonb",
            "source": "text",
            "stage_moves": "integer",
            "backward_moves": "integer",
            "reopenings": "integer",
        },
        indexes=(
            BY_CREATED,
            BY_UPDATED,
            "(tenant, amount, id)",
            "(tenant, expected_close, id)",
            "(tenant, closed_on, id)",
            *by_owner("amount", "expected_close", "stage"),
            "USING gin (shared_with) WHERE shared_with <> '{}'",
            "(tenant, customer_id, created_at)",
            "(tenant, subject_id) WHERE customer_id <> subject_id",
            "(tenant, pipeline_id, stage, amount DESC NULLS LAST, id) WHERE stage_type = 'open'",
        ),
    )

    @on(Opportunity.Opened, Opportunity.StageMoved, Opportunity.Won, Opportunity.Lost, Opportunity.Reopened)
    def moved(self, row: Row, event: StageMove, recorded: Recorded) -> None:
        row["entered_stage_at"] = recorded.occurred_at
        closing = isinstance(event, Opportunity.Won | Opportunity.Lost)
        row["closed_at"] = recorded.occurred_at if closing else None
        row["lost_explanation"] = event.explanation if isinstance(event, Opportunity.Lost) else None
        moves, back, reopenings = (row[name] or 0 for name in ("stage_moves", "backward_moves", "reopenings"))
        if isinstance(event, Opportunity.StageMoved):
            moves, back = moves + 1, back + (event.stage_rank < event.from_stage_rank)
        row["stage_moves"], row["backward_moves"] = moves, back
        row["reopenings"] = reopenings + isinstance(event, Opportunity.Reopened)

    def derive(self, row: Row) -> None:
        row["lines"] = row["lines"] or []
        known = row["amount"] is not None and row["probability"] is not None
        with localcontext(prec=60):
            row["weighted_amount"] = cents(row["amount"] * row["probability"]) if known else None


OPPORTUNITY_ROWS = Opportunities()
OPPORTUNITIES = Resource(
    "opportunities",
    OPPORTUNITY_ROWS,
    stream="opportunity",
    sets=("competitors",),
    maps=("shared_with",),
    computed={
        "age_days": ("number", "round(extract(epoch FROM coalesce(t.closed_at, {now}) - t.created_at) / 86400, 2)"),
        "days_in_stage": ("number", "round(extract(epoch FROM {now} - t.entered_stage_at) / 86400, 2)"),
    },
)
