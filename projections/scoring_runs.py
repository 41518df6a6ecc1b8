"""Scoring runs: what was scored, by which model, from what, and what came of it."""

from __future__ import annotations

from typing import LiteralString

from domain.scoring import ScoringRun
from eventlog.envelope import Recorded
from projections.projection import Row, Table, on
from projections.resource import Resource
from projections.stream_rows import BY_CREATED, ROW_KEY, STREAM_COLUMNS, StreamRows


class ScoringRuns(StreamRows):
    """Each run."""

    version = 5  # told_in
    aggregate = ScoringRun
    table = Table(
        "scoring_runs",
        key=ROW_KEY,
        columns=STREAM_COLUMNS
        | {
            "state": "text",
            "subject": "text",
            "model": "text",
            "as_of": "date",
            "horizon_days": "integer",
            "currency": "text",
            "rates": "jsonb",
            "margin": "numeric",
            "discount": "numeric",
            "valued_share": "numeric",
            "alert_below": "numeric",
            "opens_tickets": "boolean",
            "results": "uuid",
            "reflects": "bigint",
            "code": "text",
            "parameters": "jsonb",
            "likelihood": "numeric",
            "measures": "jsonb",
            "calibration": "jsonb",
            "scored": "integer",
            "at_risk": "integer",
            "without_rate": "jsonb",
            "sha256": "text",
            "told_in": "text",
            "why": "text",
        },
        indexes=(BY_CREATED, "(created_recorded_at) WHERE state = 'asked'"),
    )

    @on(ScoringRun.Requested)
    def begun(self, row: Row, event: ScoringRun.Requested, recorded: Recorded) -> None:
        """A run that fails never says what was tried, nor which rates were missing: there are none of either."""
        row["calibration"], row["without_rate"] = [], []


SHOWS: LiteralString = "(SELECT max(e.epoch) || '.' || t.reflects FROM log.epochs e)"

SCORING_RUN_ROWS = ScoringRuns()
SCORING_RUNS = Resource(
    "scoring_runs",
    SCORING_RUN_ROWS,
    stream="scoring_run",
    maps=("rates", "parameters", "measures"),
    lists=("without_rate",),
    hidden=("results", "reflects"),
    computed={"shows": ("text", SHOWS)},
)
"""`shows` is the position up to which events were counted."""
