"""Routes of the read models: for each resource a list, each one by its id, and its history; made from RESOURCES."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, get_type_hints
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, TypeAdapter

from api.answers import AsOf, Calling, Fresh, House, asked_of, point_of, reading, reading_as_of
from api.document import typed
from api.errors import BadRequest
from api.kronika import Kronika
from api.tide import LOG
from commands.dispatch import NotFound, permit
from domain.aggregate import field_names
from eventlog.codec import event_types
from eventlog.envelope import Source
from projections import RESOURCES
from projections.as_of import listed
from projections.asking import MOST_ROWS, RESERVED, SOME_ROWS, Ask, Filter, ask_of
from projections.changes import Change, PastChange
from projections.customer_card import CUSTOMERS
from projections.cut import Cut, get_cut
from projections.history import blame, diff, history
from projections.query import check, get, names_customers
from projections.resource import OPERATORS, Kind, Resource
from projections.timeline import TIMELINE

Endpoint = Callable[..., Awaitable[Response]]

SCHEMAS: dict[Kind, dict[str, Any]] = {
    "text": {"type": "string"},
    "id": {"type": "string", "format": "uuid"},
    "number": {"type": "string", "description": "A decimal, exact.", "examples": ["1200.50"]},
    "integer": {"type": "integer"},
    "date": {"type": "string", "format": "date"},
    "moment": {"type": "string", "format": "date-time"},
    "flag": {"type": "boolean"},
    "set": {"type": "array", "items": {"type": "string"}},
    "map": {"type": "object", "additionalProperties": True},
    "list": {"type": "array", "items": {"type": "string"}},
    "emails": {"type": "array", "items": {"type": "string"}},
    "phones": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "raw": {"type": "string", "description": "As it was given.", "examples": ["+86 21 5555 0123"]},
                "digits": {"type": "string", "description": "With a + where its country is known."},
            },
        },
    },
    "json": {},
}
MONEY = (
    *("amount", "sales", "net", "tax", "total", "due", "outstanding", "owed_back"),
    *("invoiced", "credited", "paid", "refunded", "delivered_worth", "returned_worth"),
)
TOLD = {
    "subject_id": "The customer that it concerns, else its own id.",
    "created_at": "When it began in the world, by its first event.",
    "created_recorded_at": "When its first event was recorded.",
    "updated_at": "When its last event happened in the world: earlier than before where that was told late. Whoever"
    " follows what changes goes by `updated_recorded_at`, `position` or the feed.",
    "updated_recorded_at": "When its last event was recorded; never runs back.",
    "version": "How many events it has; `If-Match` takes it.",
    "created_by": "Who recorded its first event.",
    "updated_by": "Who recorded its last event.",
    "owner": "The handle, or the id, of the user whose it is.",
    "merged_into": "What it was merged into, and goes on as.",
    "probability": "Between 0 and 1.",
    "weighted_amount": "`amount` times `probability`, in `currency`.",
    "seconds": "Exact to the microsecond; null where it is still.",
    "left_at": "Null where it is still.",
    **dict.fromkeys(MONEY, "In `currency`."),
}
"""What is said of columns that many lists have."""
UNITS = {"_percent": "In percent.", "_s": "In seconds.", "_days": "In days."} | dict.fromkeys(
    ("age_days", "days_in_stage", "days_overdue"), "In days, as of `as_of`."
)
"""What is said of others, by how they end."""

POSITION = {"type": "string", "description": "Opaque; that of its last event.", "examples": ["1.42"]}


class Shown(AsOf):
    """How one thing is asked for."""

    fields: str | None = Field(
        None, description="Which fields, with commas between; all when absent.", examples=["id,name"]
    )


class Since(AsOf):
    """How a history is asked for."""

    after: int = Field(0, ge=0, lt=2**31, description="Go on after this version: `next` of the answer before.")
    limit: int = Field(SOME_ROWS, ge=1, le=MOST_ROWS)


class Entry(BaseModel):
    """One event of a history."""

    version: int
    position: str = Field(examples=["1.42"])
    event_id: UUID
    type: str = Field(examples=["customer.renamed"])
    occurred_at: datetime = Field(description="When it was so.")
    recorded_at: datetime = Field(description="When we learned it.")
    actor: str
    on_behalf_of: str | None
    reason: str | None
    correlation_id: UUID
    causation_id: UUID | None
    command_id: str
    source: Source | None = Field(description="Where an imported event was taken from.")
    fields: dict[str, Any] | None = Field(description="What the event says; null when a newer release wrote it.")
    changes: list[Change]
    past_changes: list[PastChange] = Field(
        description="What a fact about earlier days changed of these, up to where something later was known already."
    )
    took_effect: bool = Field(description="False for a fact that changed nothing of what is known now.")


class Entries(BaseModel):
    """Some events of one stream, by version."""

    entries: list[Entry]
    next: int | None = Field(description="Send it as `after`; null at the end.")


class Setting(BaseModel):
    """What one field holds, and the event that set it; null where that cleared it."""

    field: str = Field(examples=["external_ids.shop"])
    value: Any
    set_by: Entry


class Blame(BaseModel):
    """Every field that holds something, or once did."""

    fields: list[Setting]


class Between(Fresh):
    """Which two states are compared."""

    since: str | None = Field(
        None,
        alias="from",
        max_length=40,
        description="A moment or a day (as it was then), or a position (as it was known then); before all when absent.",
        examples=["2026-03-31"],
    )
    to: str | None = Field(None, max_length=40, description="Like `from`; now when absent.", examples=["1.42"])
    from_known_at: str | None = Field(
        None,
        max_length=40,
        description="With a moment as `from`, or none: as this was known at another moment, or at a position.",
        examples=["2026-04-30"],
    )
    to_known_at: str | None = Field(None, max_length=40, description="The same of `to`.", examples=["1.42"])


class Difference(BaseModel):
    """What one field held on either side, and the events that made the difference, by version."""

    field: str
    old: Any
    new: Any
    events: list[Entry]


class Diff(BaseModel):
    """Every field that differs."""

    fields: list[Difference]


def route_name(resource: Resource) -> str:
    return resource.name.replace("_", "-")


def generated() -> APIRouter:
    router = APIRouter()
    kinds = set()
    for resource in RESOURCES:
        if resource is TIMELINE:  # read through its customer
            continue
        plural, tags = route_name(resource), [route_name(resource)]
        router.add_api_route(
            f"/v1/{plural}",
            list_of(resource),
            summary=f"List {plural}: filtered, sorted, page by page.",
            description="Filters are named after columns; all that are given must hold. Every page costs the same."
            f" Sorted by `{resource.sort}` unless asked otherwise.{left_out(resource)}",
            operation_id=f"list-{plural}",
            tags=list(tags),
            openapi_extra={"parameters": parameters(resource)},
            responses=answering(page_schema(resource)),
        )
        if resource.key != ("id",):
            continue
        router.add_api_route(
            f"/v1/{plural}/{{id}}",
            one_of(resource),
            summary=f"One of the {plural}, by its id.",
            operation_id=f"get-{plural}",
            tags=list(tags),
            responses=answering(row_schema(resource)),
        )
        if resource.stream in kinds:
            continue
        kinds.add(resource.stream)
        for name, (endpoint, model, summary) in OF_ITS_STREAM.items():
            router.add_api_route(
                f"/v1/{plural}/{{id}}/{name}",
                endpoint(resource),
                summary=summary.format(plural),
                description=FROM_THE_LOG,
                operation_id=f"{name}-of-{plural}",
                response_model=model,
                tags=list(tags),
            )
    return router


def left_out(resource: Resource) -> str:
    column = resource.empty_unless_asked
    return f" Those with a `{column}` are left out, unless a filter names it or the id." if column else ""


def list_of(resource: Resource) -> Endpoint:
    async def rows(request: Request, caller: Calling, house: House) -> Response:
        permit(caller, "read", resource.stream)
        asked, others = asked_of(request)
        ask = ask_of(resource, others)
        check(caller, resource, ask)
        async with reading_as_of(house, caller, asked, resting_on(ask.filters, resource)) as (read, cut):
            page = await listed(read.connection, caller, resource, ask, cut)
            told: dict[str, Any] = {"items": read.rows(resource, page), "cursor": page.cursor}
            return read.answer(told if page.total is None else told | {"total": page.total})

    return rows


def resting_on(filters: Iterable[Filter], *resources: Resource) -> list[Resource]:
    """What an answer rests on: the resources, and the customers where one is named."""
    return [*resources, *([CUSTOMERS] if any(map(names_customers, filters)) else [])]


def one_of(resource: Resource) -> Endpoint:
    async def row(id: UUID, caller: Calling, house: House, asked: Annotated[Shown, Query()]) -> Response:
        permit(caller, "read", resource.stream)
        wanted = tuple(part.strip() for part in asked.fields.split(",")) if asked.fields is not None else ()
        fields = (*wanted, "version") if wanted else ()
        check(caller, resource, Ask(fields=fields))
        cut = await asked.cut(house)
        async with reading(house, caller, asked, (LOG,) if cut else (resource.projection.name,)) as read:
            if cut:
                page = await get_cut(read.connection, house.log.codec, caller, resource, id, cut, fields=fields)
            else:
                page = await get(read.connection, caller, resource, id, fields=fields)
            rows = read.rows(resource, page)
            if not rows:
                raise await read.missing(caller, resource.stream, id, cut)
            version = None if cut else rows[0]["version"]  # nobody can change what it was
            return read.answer({name: rows[0][name] for name in wanted or rows[0]}, version=version)

    return row


def history_of(resource: Resource) -> Endpoint:
    async def entries(id: UUID, caller: Calling, house: House, asked: Annotated[Since, Query()]) -> Response:
        permit(caller, "read", resource.stream)
        cut, codec = await asked.cut(house), house.log.codec
        async with reading(house, caller, asked) as read:
            found = await history(
                read.connection, codec, caller, resource.stream, id, after=asked.after, limit=asked.limit, cut=cut
            )
            if found is None:
                raise NotFound(resource.stream, id)
            return read.answer(
                {"entries": [read.row(vars(entry)) for entry in found.entries], "next": found.next_version}
            )

    return entries


def blame_of(resource: Resource) -> Endpoint:
    async def settings(id: UUID, caller: Calling, house: House, asked: Annotated[AsOf, Query()]) -> Response:
        permit(caller, "read", resource.stream)
        cut = await asked.cut(house)
        async with reading(house, caller, asked) as read:
            found = await blame(read.connection, house.log.codec, caller, resource.stream, id, cut)
            if found is None:
                raise NotFound(resource.stream, id)
            told = [vars(setting) | {"set_by": read.row(vars(setting.set_by))} for setting in found]
            return read.answer({"fields": told})

    return settings


def diff_of(resource: Resource) -> Endpoint:
    async def differences(id: UUID, caller: Calling, house: House, asked: Annotated[Between, Query()]) -> Response:
        permit(caller, "read", resource.stream)
        before = await side_of(house, asked.since, asked.from_known_at, "from") or Cut(known_at=0)
        after = await side_of(house, asked.to, asked.to_known_at, "to")
        async with reading(house, caller, asked) as read:
            found = await diff(read.connection, house.log.codec, caller, resource.stream, id, before, after)
            if found is None:
                raise NotFound(resource.stream, id)
            told = [vars(one) | {"events": [read.row(vars(entry)) for entry in one.events]} for one in found]
            return read.answer({"fields": told})

    return differences


async def side_of(house: Kronika, text: str | None, known: str | None, where: str) -> Cut:
    """A moment is of the world's clock, a position of the log's, which may also be given beside a moment. Raises
    BadRequest, BadPosition, PositionAbandoned."""
    point = None if text is None else await point_of(house, text, where)
    known_at = None if known is None else await point_of(house, known, f"{where}_known_at")
    if not isinstance(point, int):
        return Cut(point, known_at)
    if known_at is not None:
        raise BadRequest(f"{where} is a position, which says what was known: give a moment, or no {where}_known_at.")
    return Cut(known_at=point)


def parameters(resource: Resource) -> list[dict[str, Any]]:
    """The query parameters of a list, as OpenAPI tells them."""

    def parameter(name: str, said: str, **schema: Any) -> dict[str, Any]:
        return {
            "name": name,
            "in": "query",
            "required": False,
            "description": said,
            "schema": schema or {"type": "string"},
        }

    taken = {*RESERVED, *AsOf.model_fields}
    filters = [
        parameter(
            column if operator == "eq" and column not in taken else f"{column}.{operator}",
            FILTERS[operator],
            **filter_schema(kind, operator),
        )
        for column, kind in resource.columns.items()
        for operator in OPERATORS[kind]
    ]
    return [
        parameter(
            "sort",
            "A column; with a leading - the largest first.",
            type="string",
            enum=[s for c in resource.sortable for s in (c, f"-{c}")],
        ),
        parameter("fields", f"Which fields, with commas between: {', '.join(resource.fields)}."),
        parameter("limit", "Rows of a page.", type="integer", minimum=1, maximum=MOST_ROWS, default=SOME_ROWS),
        parameter("cursor", "`cursor` of the page before."),
        parameter(
            "total",
            "How many there are in all: exactly, or as the planner guesses.",
            type="string",
            enum=["none", "estimate", "exact"],
        ),
        *clocks(),
        *filters,
    ]


FILTERS = {
    "eq": "Equal to this.",
    "lt": "Below this.",
    "lte": "At most this.",
    "gt": "Above this.",
    "gte": "At least this.",
    "in": "One of these, with commas between.",
    "null": "true: has no value; false: has one.",
    "has": "Has this entry; in a map a key, or `key:value`; e-mails in any case, telephone numbers by their digits.",
}


def filter_schema(kind: Kind, operator: str) -> dict[str, Any]:
    if operator == "null":
        return {"type": "boolean"}
    return {"type": "string"} if operator in ("in", "has") else SCHEMAS[kind]


def clocks() -> list[dict[str, Any]]:
    """The parameters of AsOf, for routes that read theirs by hand."""
    schema = AsOf.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema[name].pop("description"),
            "schema": schema[name],
        }
        for name in schema
    ]


def type_name(resource: Resource) -> str:
    """How the type of one row is called: "StageDuration"."""
    one = re.sub("ies$", "y", resource.name).removesuffix("s")
    return "".join(word.capitalize() for word in one.split("_"))


def row_schema(resource: Resource) -> dict[str, Any]:
    columns = {**resource.columns, **{name: kind for name, (kind, _) in resource.computed.items()}}
    schemas = {name: shape_of(resource, name) if kind == "json" else SCHEMAS[kind] for name, kind in columns.items()}
    properties = {
        name: schema if name in resource.never_null else {"anyOf": [schema, {"type": "null"}]}
        for name, schema in schemas.items()
    }
    told = TOLD | dict(resource.told)
    described = {
        name: schema | {"description": said} for name, schema in properties.items() if (said := said_of(name, told))
    }
    position = {"position": POSITION} if "position" in columns else {}
    return typed(type_name(resource), {"type": "object", "properties": properties | described | position})


def shape_of(resource: Resource, column: str) -> dict[str, Any]:
    """What JSON a column holds, where an event says what it sets there."""
    events = [known.event_class for known in event_types().values() if known.stream_type == resource.stream]
    said = next((get_type_hints(event)[column] for event in events if column in field_names(event)), None)
    if said is None or resource.of_events:
        return SCHEMAS["json"]
    schema = TypeAdapter(said).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    for name, part in schema.pop("$defs", {}).items():
        typed(name, part)
    return schema


def said_of(column: str, told: Mapping[str, str]) -> str | None:
    unit = next((said for ending, said in UNITS.items() if column.endswith(ending)), None)
    return told.get(column, unit)


def rows_schema(resource: Resource) -> dict[str, Any]:
    return {"type": "array", "items": row_schema(resource)}


def page_schema(resource: Resource) -> dict[str, Any]:
    page = {
        "type": "object",
        "required": ["items", "cursor"],
        "properties": {
            "items": rows_schema(resource),
            "cursor": {"type": ["string", "null"], "description": "Asks for the next page; null at the end."},
            "total": {"type": "integer"},
        },
    }
    return typed(f"{type_name(resource)}Page", page)


def answering(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "What is known.", "content": {"application/json": {"schema": schema}}}}


FROM_THE_LOG = "Read from the log itself. `occurred_at` is when it was so, `recorded_at` when we learned it."
OF_ITS_STREAM: dict[str, tuple[Callable[[Resource], Endpoint], type[BaseModel], str]] = {
    "history": (
        history_of,
        Entries,
        "Every event of one of the {}: who, when, why, and what it changed from what to what.",
    ),
    "blame": (blame_of, Blame, "What each field of one of the {} holds, and which event set or cleared it."),
    "diff": (
        diff_of,
        Diff,
        "In what one of the {} differs between two moments or positions, and through which events.",
    ),
}
"""What the log itself tells of one stream, by the name of its route."""

router = generated()
