"""Routes of scores: what models have said of a customer or an opportunity so far, and all that one run has said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import pyarrow as pa
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.analytics import ALONE, PICTURES
from api.answers import Calling, Fresh, House, Reading, reading
from commands.dispatch import permit
from projections.analytics.charts import drawn
from projections.analytics.views.outlook import Calibration
from projections.asking import MOST_ROWS, SOME_ROWS, Ask
from projections.customer_card import CUSTOMERS
from projections.opportunities import OPPORTUNITIES
from projections.query import check, get
from projections.resource import Resource
from projections.scores import scores_in, scores_of
from projections.scoring_runs import SCORING_RUNS

router = APIRouter(tags=["scores"])


class Latest(Fresh):
    """How many scores are shown."""

    limit: int = Field(20, ge=1, le=MOST_ROWS)


class Some(Fresh):
    """Which scores of a run are shown."""

    after: UUID | None = Field(None, description="Go on after this one: `next` of the answer before.")
    limit: int = Field(SOME_ROWS, ge=1, le=MOST_ROWS)


class Factor(BaseModel):
    """What speaks for it, or against."""

    feature: str = Field(description="What is known of the customer or opportunity.", examples=["weeks silent"])
    adds: float = Field(
        description="To the logarithm of the odds to return or be won, against what is usual; below 0 it takes.",
        examples=[-1.2],
    )


NUMBERS = (
    "By name; null where it cannot be told (a currency without a rate, or too little was spent). Of bg-nbd,"
    " mbg-nbd and pareto-nbd: `alive`, the probability that it still is a customer; `purchases`, on how many"
    " days to expect one within the run's `horizon_days`; `value`, what one is worth on average in the long run;"
    " `lifetime_value`, what all to be expected within these days leave over by the run's `margin`, less its"
    " `discount` a year. Of churn: `returns` and `churns`, the probabilities to buy within these days, and not"
    " to. Of all these: `spent`, on all purchases until `as_of`, less what came back. Of opportunities: `wins`,"
    " the probability to be won in the end."
)


class Score(BaseModel):
    """What a run has said of one customer or opportunity, and where that comes from."""

    run_id: UUID
    model: str = Field(examples=["bg-nbd"])
    as_of: date
    subject: UUID
    currency: str | None = Field(
        description="What `spent`, `value` and `lifetime_value` are told in; null where nothing is.",
        examples=["EUR"],
    )
    numbers: dict[str, float | None] = Field(description=NUMBERS, examples=[{"alive": 0.7266, "purchases": 1.226}])
    reasons: list[Factor] = Field(
        description="Of churn and opportunities the weightiest, the first the most; of other models none."
    )
    at_risk: bool = Field(description="A valued customer whose `alive` or `returns` is below the run's `alert_below`.")
    scored_at: datetime
    code: str = Field(description="The versions of the models and of the libraries under them.")
    sha256: str = Field(description="Of all scores of the run.")
    position: str = Field(description="Events up to this position were counted.", examples=["1.42"])


class History(BaseModel):
    """The latest scores first."""

    items: list[Score]


class Scores(BaseModel):
    """Some scores of a run, by the ids of those scored."""

    items: list[Score]
    next: UUID | None = Field(description="Send it as `after`; null at the end.")


@router.get(
    "/v1/customers/{id}/scores",
    summary="What models have said of a customer so far: every finished run, the latest first.",
    response_model=History,
)
async def of_customer(id: UUID, caller: Calling, house: House, asked: Annotated[Latest, Query()]) -> Response:
    return await history(CUSTOMERS, id, caller, house, asked)


@router.get(
    "/v1/opportunities/{id}/scores",
    summary="How likely an opportunity was held to be won so far: every finished run, the latest first.",
    response_model=History,
)
async def of_opportunity(id: UUID, caller: Calling, house: House, asked: Annotated[Latest, Query()]) -> Response:
    return await history(OPPORTUNITIES, id, caller, house, asked)


async def history(resource: Resource, id: UUID, caller: Calling, house: House, asked: Latest) -> Response:
    permit(caller, "read", resource.stream)
    async with reading(house, caller, asked, [SCORING_RUNS.projection.name, resource.projection.name]) as read:
        await there(read, caller, resource, id)
        rows = await scores_of(read.connection, caller, id, asked.limit)
        return read.answer({"items": [read.row(row) for row in rows]})


@router.get(
    "/v1/scoring-runs/{id}/scores",
    summary="All that a finished run has said, page by page.",
    response_model=Scores,
)
async def of_run(id: UUID, caller: Calling, house: House, asked: Annotated[Some, Query()]) -> Response:
    permit(caller, "read", SCORING_RUNS.stream)
    async with reading(house, caller, asked, [SCORING_RUNS.projection.name]) as read:
        await there(read, caller, SCORING_RUNS, id)
        rows = await scores_in(read.connection, caller, id, asked.after, asked.limit)
        following = rows[-1]["subject"] if len(rows) == asked.limit else None
        return read.answer({"items": [read.row(row) for row in rows], "next": following})


PARTS = pa.schema([("count", pa.int64()), ("foretold", pa.float64()), ("happened", pa.float64())])


def calibration_as(kind: str) -> Callable[..., Awaitable[Response]]:
    async def calibration(id: UUID, caller: Calling, house: House, asked: Annotated[Fresh, Query()]) -> Response:
        permit(caller, "read", SCORING_RUNS.stream)
        check(caller, SCORING_RUNS, Ask(fields=("calibration",)))
        async with reading(house, caller, asked, [SCORING_RUNS.projection.name]) as read:
            row = await there(read, caller, SCORING_RUNS, id, "calibration")
            told = [
                {"count": part["count"], "foretold": float(part["foretold"]), "happened": float(part["happened"])}
                for part in row["calibration"] or ()
            ]
            stands = read.stands
        body = await asyncio.to_thread(drawn, Calibration, pa.Table.from_pylist(told, PARTS), kind)
        return Response(body, media_type=PICTURES[kind], headers=stands | {"Content-Security-Policy": ALONE})

    return calibration


for kind, media_type in PICTURES.items():
    router.add_api_route(
        f"/v1/scoring-runs/{{id}}/calibration.{kind}",
        calibration_as(kind),
        summary=f"How a run's chances compare with what then happened: drawn as {kind.upper()}.",
        description="Of chances for what the model had not seen, in equal parts from the least to the most likely."
        " The figures are the run's `calibration`. Of models of buying and leaving nothing is drawn.",
        operation_id=f"calibration-{kind}",
        responses={200: {"description": "The picture.", "content": {media_type: {}}}},
        response_class=Response,
    )


async def there(read: Reading, caller: Calling, resource: Resource, id: UUID, *fields: str) -> dict[str, Any]:
    """The row, with these fields. Raises NotFound, Retracted and Forbidden."""
    page = await get(read.connection, caller, resource, id, fields=("id", "version", *fields))
    for row in read.rows(resource, page):
        return row
    raise await read.missing(caller, resource.stream, id)
