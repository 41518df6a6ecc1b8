"""Routes of the analytic views: what can be asked, each view in several formats, and drawn; made from VIEWS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError

from api.answers import PATIENCE_S, AsOf, Calling, Fresh, House, Reading, reading
from api.document import typed
from api.errors import BadRequest, bad_parameters
from api.reads import clocks
from api.tables import FORMATS, MEDIA_TYPES, Format, format_of
from commands.dispatch import permit
from eventlog.envelope import Caller
from projections.analytics import FACTS, VIEWS
from projections.analytics.charts import drawn
from projections.analytics.lake import Reading as Rows
from projections.analytics.lake import reflected
from projections.analytics.macros import script
from projections.analytics.sandbox.offered import Table, tables
from projections.analytics.sandbox.running import tables_of
from projections.analytics.views import Column, View, permit_view
from projections.analytics.views.view import told_to
from projections.asking import BadQuery
from projections.cut import Cut

Endpoint = Callable[..., Awaitable[Response]]


async def analysing(caller: Calling) -> Caller:
    """Who asks, and may ask the lakehouse. Raises Forbidden."""
    permit(caller, "read", "analytics")
    return caller


Analysing = Annotated[Caller, Depends(analysing)]

MOST = 1_000_000
SOME = 100_000

KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "flag": {"type": "boolean"},
    "id": {"type": "string", "format": "uuid"},
    "date": {"type": "string", "format": "date"},
    "moment": {"type": "string", "format": "date-time"},
    "integer": {"type": "integer"},
    "real": {"type": "number"},
    "money": {"type": "string", "description": "A decimal, exact.", "examples": ["1200.50"]},
    "quantity": {"type": "string", "description": "A decimal, exact.", "examples": ["3.000000"]},
}


class HowTold(AsOf):
    """As of when, how fresh, in which format, and how many rows."""

    format: Literal["json", "csv", "parquet", "arrow", "series"] | None = Field(
        None, description="Else by `Accept`: JSON, CSV, Parquet, Arrow (a stream); `series` is JSON ready for a chart."
    )
    limit: int = Field(SOME, ge=1, le=MOST, description="At most so many rows; the answer says when there are more.")


class ColumnAnswer(BaseModel):
    """One column of a view's answer."""

    name: str
    kind: str = Field(description=f"One of {', '.join(KINDS)}.")
    unit: str = Field(description="Empty where there is none.")


class ViewAnswer(BaseModel):
    """One view: what it answers, what its figures mean, and how it is asked."""

    name: str
    path: str
    summary: str
    definition: str = Field(description="What each figure means, exactly.")
    columns: list[ColumnAnswer]
    parameters: dict[str, Any] = Field(description="By name, each as a JSON schema.")


class TableColumn(BaseModel):
    """One column of a table."""

    name: str
    type: str = Field(description="As DuckDB calls it.", examples=["DECIMAL(18,4)"])


class TableAnswer(BaseModel):
    """One table that your own SQL may name."""

    name: str
    definition: str = Field(description="What a row of it is.")
    columns: list[TableColumn]


class ViewsAnswer(BaseModel):
    """Every view, and every table for your own SQL."""

    views: list[ViewAnswer]
    tables: list[TableAnswer] = Field(description="Those that `POST /v1/analytics/query` offers you.")


router = APIRouter(tags=["analytics"])


@router.get(
    "/v1/analytics",
    summary="What can be asked of the lakehouse: every view with its definition, columns and parameters; every table.",
    operation_id="list-analytics",
    response_model=ViewsAnswer,
)
async def views(caller: Analysing, house: House, fresh: Annotated[Fresh, Query()]) -> Response:
    every_table = await asyncio.to_thread(tables)
    offered = tables_of([name for name, fact in FACTS.items() if told_to(caller, fact)])
    async with reading(house, caller, fresh) as read:
        return read.answer(
            {
                "views": [described(view) for view in VIEWS.values()],
                "tables": [described_table(name, every_table[name]) for name in offered],
            }
        )


@router.get(
    "/v1/analytics/views.sql",
    summary="The views as macros, for a DuckDB or BI tool of your own that has attached the lakehouse.",
    description="A script: `FROM kronika.win_rate('your tenant', by := 'owner')` then answers what"
    " `/v1/analytics/win-rate` does, and `FROM kronika.views` lists all of them."
    " `projections/analytics/README.md` tells how to attach.",
    operation_id="analytics-macros",
    response_class=Response,
    responses={200: {"description": "The script.", "content": {"application/sql": {}}}},
    dependencies=[Depends(analysing)],
)
async def macros() -> Response:
    return Response(
        script(), media_type="application/sql", headers={"Content-Disposition": 'attachment; filename="views.sql"'}
    )


def described(view: type[View]) -> dict[str, Any]:
    return {
        "name": view.name,
        "path": path_of(view),
        "summary": summary_of(view),
        "definition": view.definition(),
        "columns": [{"name": name, **column._asdict()} for name, column in view.columns.items()],
        "parameters": own_parameters(view),
    }


def described_table(name: str, table: Table) -> dict[str, Any]:
    columns = [{"name": column, "type": kind} for column, kind in table.columns.items()]
    return {"name": name, "definition": table.definition, "columns": columns}


def generated() -> APIRouter:
    routes = APIRouter()
    for view in VIEWS.values():
        shared: dict[str, Any] = {
            "tags": ["analytics"],
            "description": f"```text\n{view.definition()}\n```",
            "openapi_extra": {"parameters": parameters(view)},
        }
        name = path_of(view)
        routes.add_api_route(
            name,
            answer_of(view),
            summary=summary_of(view),
            operation_id=f"analytics-{view.name}",
            responses=contents(view),
            **shared,
        )
        for kind, media_type in PICTURES.items():
            routes.add_api_route(
                f"{name}/chart.{kind}",
                picture_of(view, kind),
                summary=f"{summary_of(view)[:-1]}: drawn as {kind.upper()}.",
                operation_id=f"chart-{kind}-{view.name}",
                responses={200: {"description": "The picture.", "content": {media_type: {}}}},
                response_class=Response,
                **shared,
            )
    return routes


PICTURES = {"svg": "image/svg+xml", "html": "text/html"}
ALONE = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"
"""A picture loads nothing from anywhere."""


def answer_of(view: type[View]) -> Endpoint:
    async def answer(request: Request, caller: Analysing, house: House) -> Response:
        told, asked, cut = await asked_of(request, house, view)
        kind = format_of(told.format, request.headers.get("accept", ""))
        found, read, more = await asked_for(house, caller, told, asked, cut)
        body = await asyncio.to_thread(FORMATS[kind], view, found.rows)
        return as_answer(read, body, kind, more)

    return answer


def picture_of(view: type[View], kind: str) -> Endpoint:
    async def picture(request: Request, caller: Analysing, house: House) -> Response:
        told, asked, cut = await asked_of(request, house, view)
        found, read, _ = await asked_for(house, caller, told, asked, cut)
        body = await asyncio.to_thread(drawn, asked, found.rows, kind)
        return Response(body, media_type=PICTURES[kind], headers=read.stands | {"Content-Security-Policy": ALONE})

    return picture


async def asked_of(request: Request, house: House, view: type[View]) -> tuple[HowTold, View, Cut]:
    """What is asked. Raises BadQuery, BadRequest, BadPosition, PositionAbandoned."""
    given = request.query_params.multi_items()
    if len({name for name, _ in given}) < len(given):
        raise BadQuery("Each parameter may be given once.")
    try:
        told = HowTold.model_validate({name: text for name, text in given if name in HowTold.model_fields})
        own = {name: text for name, text in given if name not in HowTold.model_fields}
        cut = await told.cut(house)
        asked = {"as_of": in_utc(cut.as_of), "known_at": cut.known_at}
        return told, view.model_validate(own | {name: at for name, at in asked.items() if at is not None}), cut
    except ValidationError as error:
        raise bad_parameters(error) from None


def in_utc(moment: datetime | None) -> datetime | None:
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        raise BadRequest("as_of lies before all that can be dated.") from None


async def asked_for(house: House, caller: Caller, told: HowTold, view: View, cut: Cut) -> tuple[Rows, Reading, bool]:
    """The rows, where they stand, and whether there were more."""
    permit_view(caller, type(view), FACTS)
    lakehouse = house.lakehouse
    asked = await house.reached(told.min_position) if told.min_position is not None else None
    if asked is not None:
        await lakehouse.at_least(house, asked, told.wait)
    if isinstance(cut.known_at, int):
        await lakehouse.at_least(house, cut.known_at, max(told.wait, PATIENCE_S))
    try:
        found = await lakehouse.ask(lambda lake, cursor: lake.ask(caller, view, cursor, most=told.limit + 1))
    except ValueError as error:
        raise BadRequest(str(error)) from None
    async with house.reading() as connection:
        position = await reflected(connection, found.checkpoints)
        read = Reading(house, connection, position, asked)
        read.note("the lakehouse", found.parked)
    more = found.rows.num_rows > told.limit
    return (Rows(found.rows.slice(0, told.limit), found.checkpoints) if more else found), read, more


def as_answer(read: Reading, body: Any, kind: Format, more: bool) -> Response:
    if kind in ("json", "series"):
        return read.answer(body | {"truncated": more}, figures=True)
    answer = Response(body, media_type=MEDIA_TYPES[kind])
    answer.headers.update(read.stands | {"x-truncated": str(more).lower()})
    return answer


def path_of(view: type[View]) -> str:
    return f"/v1/analytics/{view.name.replace('_', '-')}"


def summary_of(view: type[View]) -> str:
    return (view.__doc__ or "").strip().partition("\n")[0]


def own_parameters(view: type[View]) -> dict[str, Any]:
    """The view's own, beside the clocks."""
    schema = view.model_json_schema()["properties"]
    return {name: said for name, said in schema.items() if name not in ("as_of", "known_at")}


def parameters(view: type[View]) -> list[dict[str, Any]]:
    """The query parameters, as OpenAPI tells them."""
    schema = HowTold.model_json_schema()["properties"]
    ours = {name: schema[name] for name in ("format", "limit")}
    return [
        *(
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": said.get("description", said.get("title", name)),
                "schema": {key: value for key, value in said.items() if key != "description"},
            }
            for name, said in (own_parameters(view) | ours).items()
        ),
        *clocks(),
    ]


def contents(view: type[View]) -> dict[int | str, dict[str, Any]]:
    columns = {name: schema_of(column) for name, column in view.columns.items()}
    row = typed(f"{view.__name__}Row", {"type": "object", "properties": columns})
    answer = {
        "type": "object",
        "required": ["rows", "truncated"],
        "properties": {
            "rows": {"type": "array", "items": row},
            "truncated": {"type": "boolean", "description": "There are more rows than `limit`."},
        },
    }
    others: dict[str, dict[str, Any]] = {
        media_type.partition(";")[0]: {} for kind, media_type in MEDIA_TYPES.items() if kind != "series"
    }
    schema = {"anyOf": [typed(f"{view.__name__}Rows", answer), typed("Series", SERIES)]}
    return {200: {"description": "The figures.", "content": others | {"application/json": {"schema": schema}}}}


SERIES: dict[str, Any] = {
    "type": "object",
    "description": "As `series`.",
    "required": ["mark", "x", "series", "truncated"],
    "properties": {
        "mark": {"type": "string"},
        "x": {"type": "object", "additionalProperties": {"type": "string"}},
        "series": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        "truncated": {"type": "boolean"},
    },
}


def schema_of(column: Column) -> dict[str, Any]:
    unit = {"description": column.unit} if column.unit else {}
    return {"anyOf": [KINDS[column.kind], {"type": "null"}]} | unit


router.include_router(generated())
