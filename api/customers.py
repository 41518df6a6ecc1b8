"""Routes of one customer seen whole: the timeline, all sides at once, and finding it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.answers import AsOf, Calling, House, asked_of, reading_as_of
from api.document import typed
from api.reads import Entry, answering, page_schema, parameters, row_schema, rows_schema
from commands.dispatch import NotFound, permit
from projections.as_of import listed, seen
from projections.asking import MOST_ROWS, SOME_ROWS, Ask, Filter, ask_of
from projections.customer_360 import PARTS, SOURCES, SUMS, customer_360
from projections.customer_card import CUSTOMERS
from projections.customer_search import SEARCHED, permit_search, search
from projections.opportunities import OPPORTUNITIES
from projections.query import parked_among
from projections.receivables import RECEIVABLES
from projections.replay import replay
from projections.timeline import TIMELINE, timeline

router = APIRouter(tags=["customers"])

SIDES = (*SOURCES, RECEIVABLES)


SHOWN: dict[str, Any] = {
    "card": row_schema(CUSTOMERS),
    **{name: rows_schema(resource) for name, (resource, *_) in PARTS.items()},
    **{name: {"type": "array", "items": {"type": "object"}} for name in (*SUMS, "receivables")},
    "timeline": rows_schema(TIMELINE),
}


class Sought(AsOf):
    """How a customer is looked for."""

    q: str = Field(
        min_length=1,
        max_length=200,
        description="Parts of names, e-mail addresses or telephone numbers, in any script.",
        examples=["李伟"],
    )
    limit: int = Field(20, ge=1, le=MOST_ROWS)


@router.get(
    "/v1/customers/search",
    summary="Find customers by name, e-mail, telephone number, or any part of these.",
    responses=answering(typed("CustomersFound", {"type": "object", "properties": {"items": rows_schema(CUSTOMERS)}})),
)
async def found(caller: Calling, house: House, asked: Annotated[Sought, Query()]) -> Response:
    """Exact ones first, then those that begin so, then the rest."""
    permit(caller, "read", CUSTOMERS.stream)
    permit_search(caller)
    async with reading_as_of(house, caller, asked, (SEARCHED, CUSTOMERS)) as (read, cut):
        page = await search(read.connection, caller, asked.q, limit=asked.limit, cut=cut)
        return read.answer({"items": read.rows(CUSTOMERS, page)})


@router.get(
    "/v1/customers/{id}/timeline",
    summary="All that happened with a customer, across its opportunities, orders and tickets, in one order.",
    openapi_extra={"parameters": parameters(TIMELINE)},
    responses=answering(page_schema(TIMELINE)),
)
async def happened(id: UUID, request: Request, caller: Calling, house: House) -> Response:
    permit(caller, "read", CUSTOMERS.stream)
    asked, others = asked_of(request)
    ask = ask_of(TIMELINE, others)
    async with reading_as_of(house, caller, asked, (TIMELINE, OPPORTUNITIES, CUSTOMERS)) as (read, cut):
        page = await timeline(read.connection, caller, id, ask, cut)
        itself = Ask((Filter("id", "eq", id),), fields=("id",), limit=1)
        certain = page.rows and not cut and caller.sight(CUSTOMERS.stream).everything
        if not certain and not (await listed(read.connection, caller, CUSTOMERS, itself, cut)).rows:
            raise await read.missing(caller, CUSTOMERS.stream, id, cut)
        told = {"items": read.rows(TIMELINE, page), "cursor": page.cursor}
        return read.answer(told if page.total is None else told | {"total": page.total})


class Life(AsOf):
    """How a life is asked for."""

    after: str | None = Field(
        None, max_length=40, description="Go on after this position: `next` of the answer before."
    )
    limit: int = Field(SOME_ROWS, ge=1, le=MOST_ROWS)


class Step(BaseModel):
    """One event, what it changed, and how the thing that it is about stands after it."""

    kind: str = Field(examples=["order"])
    id: UUID
    entry: Entry
    state: dict[str, Any] = Field(description="Every field that holds something.")


class Steps(BaseModel):
    """Some steps, in the order in which they were recorded."""

    steps: list[Step]
    next: str | None = Field(description="Send it as `after`; null at the end.")


@router.get(
    "/v1/customers/{id}/replay",
    summary="A customer's whole life step by step: after each event what changed, and how things stand.",
    description="All streams of its timeline, folded from the log itself. A page costs what it shows, and one fold of"
    " what was before in each stream that it shows something of.",
    response_model=Steps,
)
async def lived(id: UUID, caller: Calling, house: House, asked: Annotated[Life, Query()]) -> Response:
    permit(caller, "read", CUSTOMERS.stream)
    after = 0 if asked.after is None else await house.position(asked.after)
    async with reading_as_of(house, caller, asked, (TIMELINE, OPPORTUNITIES, CUSTOMERS)) as (read, cut):
        found = await replay(read.connection, house.log.codec, caller, id, after=after, limit=asked.limit, cut=cut)
        if found is None:
            raise NotFound(CUSTOMERS.stream, id)
        steps = [vars(step) | {"entry": read.row(vars(step.entry))} for step in found.steps]
        following = None if found.next_position is None else house.token(found.next_position)
        return read.answer({"steps": steps, "next": following})


@router.get(
    "/v1/customers/{id}/360",
    summary="A customer from all sides at one moment: card, sales, orders, money, tickets.",
    responses=answering(typed("Customer360", {"type": "object", "properties": SHOWN})),
)
async def all_sides(id: UUID, caller: Calling, house: House, asked: Annotated[AsOf, Query()]) -> Response:
    """All parts are of one snapshot."""
    permit(caller, "read", CUSTOMERS.stream)
    async with reading_as_of(house, caller, asked, SIDES, snapshot=True) as (read, cut):
        customer = await customer_360(read.connection, caller, id, cut=cut)
        for resource in SIDES:
            about = customer.customers if customer else [id]
            parked = await parked_among(read.connection, caller, seen(resource, cut), about)
            read.note(resource.name, parked.values())
        if customer is None:
            raise await read.missing(caller, CUSTOMERS.stream, id, cut)
        parts = {
            name: [read.row(row) for row in part] if isinstance(part, list) else read.row(part)
            for name, part in customer.parts.items()
        }
        return read.answer(parts, version=None if cut else customer.parts["card"]["version"])
