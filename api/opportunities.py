"""Routes of sales: the board of a pipeline, and how long an opportunity stayed in each stage."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.answers import AsOf, Calling, House, asked_of, reading_as_of
from api.document import typed
from api.errors import bad_parameters
from api.reads import SCHEMAS, answering, parameters, resting_on, rows_schema
from commands.dispatch import NotFound, permit
from domain.pipeline import DEFAULT_PIPELINE_ID
from projections.as_of import listed, seen
from projections.asking import MOST_ROWS, Ask, Filter, filter_of
from projections.opportunities import OPPORTUNITIES
from projections.parked import parked
from projections.pipeline_board import BoardColumn, board, permit_board
from projections.pipelines import PIPELINES
from projections.stage_durations import STAGE_DURATIONS

router = APIRouter(tags=["opportunities"])


class Board(BaseModel):
    """Which board is asked for; further parameters filter its opportunities."""

    model_config = ConfigDict(extra="allow")

    pipeline_id: UUID = DEFAULT_PIPELINE_ID
    limit: int = Field(20, ge=0, le=MOST_ROWS)

    @classmethod
    def asked(cls, given: list[tuple[str, str]]) -> Board:
        try:
            return cls.model_validate(dict(given))
        except ValidationError as error:
            raise bad_parameters(error) from None


class BoardAnswer(BaseModel):
    """A pipeline's open stages in order, with what stands in each."""

    pipeline_id: UUID
    stages: list[BoardColumn]


def board_parameters() -> list[dict[str, Any]]:
    """Those of the list of opportunities, but without pages: a board is seen whole."""
    pipeline = {"type": "string", "format": "uuid", "default": str(DEFAULT_PIPELINE_ID)}
    largest = {"type": "integer", "minimum": 0, "maximum": MOST_ROWS, "default": 20}
    paging = {"sort", "fields", "limit", "cursor", "total", "pipeline_id"}
    return [
        {
            "name": "pipeline_id",
            "in": "query",
            "required": False,
            "description": "The default one when absent.",
            "schema": pipeline,
        },
        {
            "name": "limit",
            "in": "query",
            "required": False,
            "description": "Of the opportunities in each stage, how many are shown.",
            "schema": largest,
        },
        *(parameter for parameter in parameters(OPPORTUNITIES) if parameter["name"] not in paging),
    ]


@router.get(
    "/v1/pipeline",
    summary="The board: open opportunities by stage, with what they are worth and the largest of each.",
    openapi_extra={"parameters": board_parameters()},
    response_model=BoardAnswer,
)
async def columns(request: Request, caller: Calling, house: House) -> Response:
    """Counts and sums are of all that the filters let pass, by currency. The default pipeline is shown here from the
    beginning, and listed among the pipelines as soon as it is published or amended."""
    permit(caller, "read", OPPORTUNITIES.stream)
    moment, others = asked_of(request)
    asked = Board.asked(others)
    filters = tuple(filter_of(OPPORTUNITIES, name, text) for name, text in others if name not in Board.model_fields)
    permit_board(caller, filters)
    async with reading_as_of(house, caller, moment, resting_on(filters, OPPORTUNITIES, PIPELINES)) as (read, cut):
        stages = await board(
            read.connection, caller, pipeline_id=asked.pipeline_id, filters=filters, limit=asked.limit, cut=cut
        )
        if not stages:
            raise NotFound("pipeline", asked.pipeline_id)
        for event in await parked(read.connection, seen(OPPORTUNITIES, cut).projection.name):
            if event.tenant == caller.tenant:
                read.note(OPPORTUNITIES.name, [event])
        return read.answer({"pipeline_id": asked.pipeline_id, "stages": stages})


@router.get(
    "/v1/opportunities/{id}/stages",
    summary="How long an opportunity stayed in each stage, visit by visit.",
    responses=answering(
        typed(
            "StagesVisited",
            {
                "type": "object",
                "properties": {
                    "opportunity_id": SCHEMAS["id"],
                    "stages": rows_schema(STAGE_DURATIONS),
                    "seconds": SCHEMAS["number"],
                },
            },
        )
    ),
)
async def stages(id: UUID, caller: Calling, house: House, asked: Annotated[AsOf, Query()]) -> Response:
    """A visit ends when the next begins: the seconds sum exactly to the last move less the opening. The stage it is in
    now has none yet."""
    permit(caller, "read", OPPORTUNITIES.stream)
    async with reading_as_of(house, caller, asked, [STAGE_DURATIONS]) as (read, cut):
        ask = Ask((Filter("opportunity_id", "eq", id),), sort="version", limit=MOST_ROWS)
        page = await listed(read.connection, caller, STAGE_DURATIONS, ask, cut, about=[id])
        visits = read.rows(STAGE_DURATIONS, page)
        if not visits:
            raise await read.missing(caller, STAGE_DURATIONS.stream, id)
        seconds = sum((visit["seconds"] or Decimal(0) for visit in visits), Decimal(0))
        return read.answer({"opportunity_id": id, "stages": visits, "seconds": seconds})
