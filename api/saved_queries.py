"""Routes of saved queries: those that a caller may see, when each ran, and what it was answered."""

from __future__ import annotations

import asyncio
import io
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from pyarrow import parquet
from pydantic import AwareDatetime, BaseModel, Field

from api.answers import Calling, Fresh, House, reading
from api.document import typed
from api.kronika import Kronika
from api.tables import FORMATS, MEDIA_TYPES, format_of
from commands.dispatch import NotFound, permit
from eventlog.envelope import Caller
from projections.analytics import FACTS
from projections.analytics.views import View
from projections.analytics.views.view import definitions_of, named, permit_fact
from projections.asking import MOST_ROWS, SOME_ROWS
from projections.query_runs import answer_of, runs_of
from projections.saved_queries import SAVED_QUERY_ROWS, queries_for, query_for

router = APIRouter(tags=["analytics"])


class Some(Fresh):
    """Which queries are shown."""

    after: UUID | None = Field(None, description="Go on after this one: `next` of the answer before.")
    limit: int = Field(SOME_ROWS, ge=1, le=MOST_ROWS)


class Latest(Fresh):
    """How many runs are shown."""

    limit: int = Field(SOME_ROWS, ge=1, le=MOST_ROWS)


class Which(Fresh):
    """Which run, and in which format it is told."""

    due_at: AwareDatetime | None = Field(None, description="The run that was due then; else the latest good one.")
    format: Literal["json", "csv", "parquet", "arrow"] | None = Field(None, description="Else by `Accept`.")


class SavedQuery(BaseModel):
    """One saved query."""

    id: UUID
    version: int
    position: str = Field(examples=["1.42"])
    owner: str
    name: str
    sql: str
    shared: bool
    cron: str | None = Field(description="When it is asked; null when it is not.", examples=["30 6 * * 1-5"])
    zone: str | None
    keep: int | None = Field(description="Of so many runs the answers are kept.")
    created_at: datetime
    updated_at: datetime


class SavedQueries(BaseModel):
    """Some queries, by their ids."""

    items: list[SavedQuery]
    next: UUID | None = Field(description="Send it as `after`; null at the end.")


class Run(BaseModel):
    """One run, and of what it was made."""

    due_at: datetime
    state: Literal["finished", "failed"]
    why: str | None = Field(description="Why it failed.")
    version: int = Field(description="Of the query: what it asked then is in its history.")
    position: str = Field(description="Events up to this position were counted.", examples=["1.42"])
    code: str
    ended_at: datetime
    rows: int | None
    truncated: bool | None = Field(description="There were more rows than are kept.")
    sha256: str | None = Field(description="Of the answer as Parquet.")


class Runs(BaseModel):
    """The latest first."""

    items: list[Run]


@router.get(
    "/v1/saved-queries",
    summary="Your saved queries, and those that others of your company share.",
    operation_id="list-saved-queries",
    response_model=SavedQueries,
)
async def listed(caller: Calling, house: House, asked: Annotated[Some, Query()]) -> Response:
    permit(caller, "read", "saved_query")
    async with reading(house, caller, asked, [SAVED_QUERY_ROWS.name]) as read:
        rows = await queries_for(read.connection, caller, asked.after, asked.limit)
        following = rows[-1]["id"] if len(rows) == asked.limit else None
        return read.answer({"items": [read.row(row) for row in rows], "next": following})


@router.get(
    "/v1/saved-queries/{id}",
    summary="One saved query.",
    operation_id="get-saved-query",
    response_model=SavedQuery,
)
async def one(id: UUID, caller: Calling, house: House, asked: Annotated[Fresh, Query()]) -> Response:
    permit(caller, "read", "saved_query")
    async with reading(house, caller, asked, [SAVED_QUERY_ROWS.name]) as read:
        row = await visible(read.connection, caller, id)
        return read.answer(read.row(row), version=row["version"])


@router.get(
    "/v1/saved-queries/{id}/runs",
    summary="When a saved query was asked, and what came of it; the latest run first.",
    description="It is asked at its times, with what its owner may see; of times that were missed, the last is made up"
    " for. A run counts what was recorded when it was due, however late it is made.",
    operation_id="runs-of-saved-query",
    response_model=Runs,
)
async def runs(id: UUID, caller: Calling, house: House, asked: Annotated[Latest, Query()]) -> Response:
    permit(caller, "read", "saved_query")
    async with reading(house, caller, asked, [SAVED_QUERY_ROWS.name]) as read:
        await visible(read.connection, caller, id)
        found = await runs_of(read.connection, caller.tenant, id, asked.limit)
        return read.answer({"items": [told(house, vars(run)) for run in found]})


ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows.",
        "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}
        | {
            "application/json": {
                "schema": typed(
                    "KeptAnswer",
                    {
                        "type": "object",
                        "required": ["run", "columns", "rows"],
                        "properties": {
                            "run": {"type": "object", "additionalProperties": True},
                            "columns": {"type": "array", "items": {"type": "object"}},
                            "rows": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
                        },
                    },
                )
            }
        },
    }
}


@router.get(
    "/v1/saved-queries/{id}/answer",
    summary="What a saved query was answered: the latest time, or at one of its times.",
    operation_id="answer-of-saved-query",
    responses=ANSWER,
    response_class=Response,
)
async def answer(
    request: Request, id: UUID, caller: Calling, house: House, asked: Annotated[Which, Query()]
) -> Response:
    kind = format_of(asked.format, request.headers.get("accept", ""))
    permit(caller, "read", "saved_query")
    permit(caller, "read", "analytics")
    async with reading(house, caller, asked, [SAVED_QUERY_ROWS.name]) as read:
        query = await visible(read.connection, caller, id)
        found = await answer_of(read.connection, caller.tenant, id, asked.due_at)
    if found is None:
        raise NotFound("answer of saved query", id)
    run, stored = found
    permit_facts(caller, query["sql"] if run.version == query["version"] else None)
    rows = await asyncio.to_thread(parquet.read_table, io.BytesIO(stored))
    body = await asyncio.to_thread(FORMATS[kind], View, rows)
    stands = {"X-Position": house.token(run.reflects), "X-Due-At": run.due_at.isoformat()}
    response: Response
    if kind == "json":
        columns = [{"name": field.name, "type": str(field.type)} for field in rows.schema]
        response = read.answer({"run": told(house, vars(run)), "columns": columns} | body)
    else:
        response = Response(body, media_type=MEDIA_TYPES[kind])
    response.headers.update(stands)
    return response


def permit_facts(caller: Caller, sql: str | None) -> None:
    """Raises Forbidden unless the caller is told all that a query rests on: its owner may be told more. Of a query that
    has been changed since it is not looked up what it rested on; whoever is told everything may see."""
    texts = [] if sql is None else [sql, *definitions_of(sql).values()]
    for fact in FACTS if sql is None else named(FACTS, texts):
        permit_fact(caller, FACTS[fact])


async def visible(connection: AsyncConnection[Any], caller: Caller, id: UUID) -> dict[str, Any]:
    """Raises NotFound for what is not there, and for another's that is not shared."""
    row = await query_for(connection, caller, id)
    if row is None:
        raise NotFound("saved_query", id)
    return row


def told(house: Kronika, run: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name != "reflects"} | {
        "position": house.token(run["reflects"])
    }
