"""The pipeline board that a sales team opens each morning: the open opportunities by stage, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, sql

from domain.pipeline import DEFAULT_PIPELINE_ID, DEFAULT_STAGES
from eventlog.envelope import Caller
from projections.as_of import rows, rows_at_once, seen
from projections.asking import Filter, condition
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut
from projections.opportunities import OPEN, OPPORTUNITIES
from projections.pipelines import PIPELINES
from projections.query import refuse_untold, scope, shown_rows, shown_to, started, with_merged

CARD = (
    *(
        "id",
        "version",
        "title",
        "stage",
        "customer_id",
        "owner",
        "team",
        "amount",
        "currency",
        "probability",
        "weighted_amount",
    ),
    *("forecast_category", "expected_close", "entered_stage_at", "created_at"),
)

BY = ("stage", "stage_rank", "stage_type")
"""What a board is made by."""


@dataclass(frozen=True)
class Worth:
    """What some opportunities sum to, in one currency; without one, how many have no amount yet."""

    currency: str | None
    count: int
    amount: Decimal | None
    weighted_amount: Decimal | None


@dataclass
class BoardColumn:
    """One stage with what stands in it; `opportunities` are the largest ones."""

    stage: str
    rank: int
    count: int = 0
    worth: list[Worth] = field(default_factory=list)
    opportunities: list[dict[str, Any]] = field(default_factory=list)


async def board(
    connection: AsyncConnection[Any],
    caller: Caller,
    *,
    pipeline_id: UUID = DEFAULT_PIPELINE_ID,
    filters: tuple[Filter, ...] = (),
    limit: int = 20,
    cut: Cut = NOW,
) -> list[BoardColumn]:
    """The open stages of a pipeline in order, empty ones too, with at most `limit` opportunities each; `filters` are
    those of the opportunities."""
    sight = caller.sight(OPPORTUNITIES.stream)
    permit_board(caller, filters)
    filters = await with_merged(connection, caller, filters, rows(CUSTOMERS, cut))
    opportunities = shown_rows(caller, seen(OPPORTUNITIES, cut), rows_at_once(caller, OPPORTUNITIES, cut, OPEN))
    shown = tuple(name for name in CARD if name not in sight.hidden)
    open_ones = sql.SQL("t.pipeline_id = {} AND t.stage_type = 'open'").format(pipeline_id)
    conditions = [shown_to(caller, OPPORTUNITIES), open_ones]
    where = sql.SQL(" AND ").join([*conditions, *(condition(OPPORTUNITIES, asked) for asked in filters)])
    async with connection.pipeline():
        stages = await started(
            connection,
            sql.SQL("SELECT t.stages FROM {} t WHERE {} AND t.id = {}").format(
                shown_rows(caller, seen(PIPELINES, cut), rows(PIPELINES, cut)), scope(caller), pipeline_id
            ),
        )
        sums = await started(connection, sql.SQL(SUMS).format(rows=opportunities, where=where))
        cards = await started(
            connection,
            sql.SQL(CARDS_THEN if cut else CARDS).format(
                rows=opportunities,
                where=where,
                limit=sql.Literal(limit),
                fields=sql.SQL(", ").join(sql.Identifier("t", name) for name in shown),
            ),
        )
    row = await stages.fetchone()
    published = (
        row["stages"]
        if row
        else [asdict(stage) for stage in DEFAULT_STAGES]
        if pipeline_id == DEFAULT_PIPELINE_ID
        else []
    )
    columns = {s["label"]: BoardColumn(s["label"], s["rank"]) for s in published if s["type"] == "open"}
    for found in await sums.fetchall():
        # Opportunities keep the pipeline version that they entered: its stages are shown as long as they stand there.
        column = columns.setdefault(found["stage"], BoardColumn(found["stage"], found["stage_rank"]))
        column.count += found["count"]
        column.worth.append(Worth(found["currency"], found["count"], found["amount"], found["weighted_amount"]))
    for card in await cards.fetchall():
        columns[card["stage"]].opportunities.append({name: card[name] for name in shown})
    return sorted(columns.values(), key=lambda column: (column.rank, column.stage))


def permit_board(caller: Caller, filters: Iterable[Filter]) -> None:
    """Raises Forbidden where the caller is not told what opportunities are ordered or filtered by."""
    restricted = caller.sight(OPPORTUNITIES.stream).restricted
    refuse_untold(OPPORTUNITIES, restricted, [*BY, *(asked.column for asked in filters)])


SUMS = """
SELECT t.stage, min(t.stage_rank) AS stage_rank, t.currency, count(*) AS count, sum(t.amount) AS amount,
       sum(t.weighted_amount) AS weighted_amount
  FROM {rows} t WHERE {where} GROUP BY t.stage, t.currency ORDER BY t.stage, t.currency
"""

CARDS = """
SELECT card.* FROM (SELECT DISTINCT t.stage FROM {rows} t WHERE {where}) s CROSS JOIN LATERAL (
    SELECT {fields} FROM {rows} t WHERE {where} AND t.stage = s.stage
     ORDER BY t.amount DESC NULLS LAST, t.id LIMIT {limit}) card
"""

# As of a moment there is no index by stage and worth: all that was open is gone through once.
CARDS_THEN = """
SELECT card.* FROM (SELECT {fields}, row_number() OVER (PARTITION BY t.stage ORDER BY t.amount DESC NULLS LAST, t.id)
    AS place FROM {rows} t WHERE {where}) card WHERE card.place <= {limit} ORDER BY card.stage, card.place
"""
