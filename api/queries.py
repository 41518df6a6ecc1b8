"""Routes of analysts' own SQL: asking a query, and cancelling one."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, ValidationError

from api import body
from api.analytics import Analysing
from api.answers import PATIENCE_S, AsOf, Fresh, House, Reading
from api.document import typed
from api.door import visit
from api.errors import invalid
from api.tables import FORMATS, MEDIA_TYPES, format_of
from commands.dispatch import NotFound
from projections.analytics.lake import reflected
from projections.analytics.views import View

router = APIRouter(tags=["analytics"])

LISTEN_S = 0.2
"""How often it is looked whether somebody still waits for the answer."""


class SqlRequest(AsOf):
    """A query, as of when, and how it is to be answered."""

    sql: str = Field(
        min_length=1,
        max_length=100_000,
        description="One SELECT in DuckDB's SQL, over the facts and the views' definitions by their bare names; or"
        " SHOW TABLES, DESCRIBE or SUMMARIZE of one.",
        examples=["FROM payments SELECT currency, what, sum(amount) AS amount GROUP BY ALL"],
    )
    query_id: UUID | None = Field(None, description="Its id, by which it can be cancelled; made when absent.")
    format: Literal["json", "csv", "parquet", "arrow"] | None = Field(None, description="Else by `Accept`.")
    limit: int = Field(
        10_000, ge=1, le=1_000_000, description="At most so many rows; the answer says if there are more."
    )


ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["columns", "rows", "truncated"],
    "properties": {
        "columns": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
        "rows": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        "truncated": {"type": "boolean", "description": "There are more rows than `limit`."},
    },
}


@router.post(
    "/v1/analytics/query",
    summary="Ask the lakehouse in SQL: one SELECT over your company's facts, read-only.",
    description="Tables: every fact, and what the views' definitions make of them (`deals`, `purchases` ...);"
    " `GET /v1/analytics` tells their columns. What SQL calls now (`now()`, `current_date`) is `as_of`. It ends"
    " after `KRONIKA_ANALYTICS_TIMEOUT_S`, when the connection is closed, or when it is cancelled by its id where it"
    " runs. No files, no network, no settings; what is not known to be harmless is refused.",
    operation_id="query-analytics",
    responses={
        200: {
            "description": "The rows.",
            "content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}
            | {"application/json": {"schema": typed("QueryAnswer", ANSWER)}},
        }
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": SqlRequest.model_json_schema()}}}
    },
)
async def asked(request: Request, caller: Analysing, house: House) -> Response:
    came = visit(request.scope)
    body.media_type(came.headers, body.JSON)
    try:
        sent = await body.read(came.headers, request.receive, house.settings.body_max_bytes)
        wanted = SqlRequest.model_validate(body.parsed(sent))
    except ValidationError as error:
        raise invalid(error) from None
    kind = format_of(wanted.format, request.headers.get("accept", ""))
    cut = await wanted.cut(house)
    position = await house.reached(wanted.min_position) if wanted.min_position is not None else None
    if position is not None:
        await house.lakehouse.at_least(house, position, wanted.wait)
    if isinstance(cut.known_at, int):
        await house.lakehouse.at_least(house, cut.known_at, max(wanted.wait, PATIENCE_S))
    id = wanted.query_id or uuid4()
    running = asyncio.create_task(house.sandbox.ask(caller, id, wanted.sql, cut, wanted.limit))
    try:
        while not (await asyncio.wait([running], timeout=LISTEN_S))[0]:
            if await request.is_disconnected():
                return Response(status_code=499)  # nobody reads it
        found = running.result()
    finally:
        running.cancel()
    async with house.reading() as connection:
        reflects = await reflected(connection, found.checkpoints)
        read = Reading(house, connection, reflects, position)
    told = {
        "X-Position": house.token(read.position),
        "X-Query-Id": str(id),
        "X-Truncated": str(found.truncated).lower(),
    }
    made = await asyncio.to_thread(FORMATS[kind], View, found.rows)
    if kind == "json":
        columns = [{"name": field.name, "type": str(field.type)} for field in found.rows.schema]
        answer = read.answer({"columns": columns} | made | {"truncated": found.truncated}, figures=True)
        answer.headers.update(told)
        return answer
    return Response(made, media_type=MEDIA_TYPES[kind], headers=told)


@router.delete(
    "/v1/analytics/query/{id}",
    status_code=204,
    summary="Cancel a query that is running.",
    description="In the process that runs it; 404 when it does not run (any more) or runs elsewhere. Whoever waits for"
    " it can always close the connection.",
    operation_id="cancel-query",
)
async def cancelled(id: UUID, caller: Analysing, house: House, _fresh: Annotated[Fresh, Query()]) -> Response:
    if not house.sandbox.cancel(caller, id):
        raise NotFound("query", id)
    return Response(status_code=204)
