"""Stage durations: how long each opportunity stayed in each stage, visit by visit."""

from __future__ import annotations

from typing import Any, LiteralString

from domain.opportunity import Opportunity
from eventlog.envelope import Recorded
from projections.opportunities import OPPORTUNITIES, StageMove
from projections.projection import Projection, Row, Table, on
from projections.resource import Resource


class StageDurations(Projection):
    """One row for each visit to a stage, won and lost being stages too. A visit ends when the next one begins, so the
    durations of an opportunity sum exactly to its last move less its opening, however often it was reopened."""

    per_event = True
    when = "entered_at"
    table = Table(
        "stage_durations",
        key=("tenant", "opportunity_id", "version"),
        columns={
            "tenant": "text",
            "opportunity_id": "uuid",
            "version": "integer",
            "position": "bigint NOT NULL",
            "stage": "text",
            "stage_rank": "integer",
            "stage_type": "text",
            "from_stage": "text",
            "entered_at": "timestamptz NOT NULL",
        },
        indexes=("(tenant, entered_at, opportunity_id, version)",),
    )

    def key(self, recorded: Recorded) -> tuple[Any, ...]:
        return recorded.tenant, recorded.stream_id, recorded.version

    @on(Opportunity.Opened, Opportunity.StageMoved, Opportunity.Won, Opportunity.Lost, Opportunity.Reopened)
    def entered(self, row: Row, event: StageMove, recorded: Recorded) -> None:
        row["position"] = recorded.position
        row["entered_at"] = recorded.occurred_at
        row["stage"], row["stage_rank"], row["stage_type"] = event.stage, event.stage_rank, event.stage_type
        row["from_stage"] = None if isinstance(event, Opportunity.Opened) else event.from_stage


LEFT_AT: LiteralString = (
    "(SELECT n.entered_at FROM {rows} n WHERE n.tenant = t.tenant"
    " AND n.opportunity_id = t.opportunity_id AND n.version > t.version ORDER BY n.version LIMIT 1)"
)

STAGE_DURATION_ROWS = StageDurations()
STAGE_DURATIONS = Resource(
    "stage_durations",
    STAGE_DURATION_ROWS,
    stream="opportunity",
    key=("opportunity_id", "version"),
    only="NOT EXISTS (SELECT FROM {opportunities} o"
    " WHERE o.tenant = t.tenant AND o.id = t.opportunity_id AND o.retracted)",
    beside={"opportunities": OPPORTUNITIES.rows},
    sort="entered_at",
    computed={
        "left_at": ("moment", LEFT_AT),
        "seconds": ("number", "extract(epoch FROM (" + LEFT_AT + ") - t.entered_at)"),
    },
)
"""`left_at` and `seconds` (exact to the microsecond) are null for the stage it is in now."""
