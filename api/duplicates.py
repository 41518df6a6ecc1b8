"""Routes of customers that may be one and the same."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.answers import Calling, Fresh, House, Reading, reading
from commands.dispatch import permit
from projections.asking import MOST_ROWS, SOME_ROWS
from projections.customer_card import CUSTOMERS
from projections.duplicates.keys import DUPLICATES
from projections.duplicates.report import LIKELY, Found, duplicates_of, page, permit_comparison
from projections.query import parked_among

router = APIRouter(tags=["customers"])

SHOWN = ("id", "kind", "name", "emails", "phones")


class Alike(Fresh):
    """How likely they have to be one."""

    min_score: float = Field(LIKELY, ge=0, le=1, allow_inf_nan=False, description="No pair below this.")


class Everywhere(Alike):
    """Which pairs are asked for."""

    source: str | None = Field(
        None,
        max_length=80,
        description="Of the customers that one system or one import (by its id) brought; of all when absent.",
        examples=["shop"],
    )
    cursor: UUID | None = Field(None, description="`cursor` of the page before.")
    limit: int = Field(
        SOME_ROWS, ge=1, le=MOST_ROWS, description="A page ends with the customer that makes it so many pairs."
    )


class Known(BaseModel):
    """A customer, as far as it takes to tell it from others."""

    id: UUID
    kind: str
    name: str | None
    emails: list[str] | None
    phones: list[dict[str, Any]] | None


class Duplicate(BaseModel):
    """Two customers that may be one."""

    score: float = Field(description="How likely they are one, from 0 to 1.", examples=[0.98])
    reasons: list[str] = Field(
        description="What speaks for it, then what against.",
        examples=[["same birthday", "name 0.93", "postcode equal"]],
    )
    customers: list[Known] = Field(description="The two.")


class Duplicates(BaseModel):
    """Pairs of customers that may be one."""

    items: list[Duplicate]
    left_out: dict[str, int] = Field(
        description="How many groups of customers were too large to be compared, by what all in one of them share."
    )


class DuplicatesPage(Duplicates):
    """Some pairs, by the id of the first customer; a page may have few or none, and yet not be the last."""

    cursor: UUID | None = Field(description="Asks for the next page; null at the end.")


@router.get(
    "/v1/customers/{id}/duplicates",
    summary="Who may be the same as a customer, how likely, and why; the likeliest first.",
    response_model=Duplicates,
)
async def like(id: UUID, caller: Calling, house: House, asked: Annotated[Alike, Query()]) -> Response:
    """Merge them with merge-customers."""
    permit(caller, "read", CUSTOMERS.stream)
    permit_comparison(caller)
    async with reading(house, caller, asked, [DUPLICATES.projection.name]) as read:
        found = await duplicates_of(read.connection, caller, id, min_score=asked.min_score)
        if found is None:
            raise await read.missing(caller, CUSTOMERS.stream, id)
        await note(read, caller, found, [id])
        return read.answer(told(found))


@router.get(
    "/v1/duplicates", summary="All pairs of customers that may be one, page by page.", response_model=DuplicatesPage
)
async def all_pairs(caller: Calling, house: House, asked: Annotated[Everywhere, Query()]) -> Response:
    """Of all customers, or those of one import; each pair once."""
    permit(caller, "read", CUSTOMERS.stream)
    permit_comparison(caller)
    async with reading(house, caller, asked, [DUPLICATES.projection.name]) as read:
        found = await page(
            read.connection,
            caller,
            source=asked.source,
            after=asked.cursor,
            limit=asked.limit,
            min_score=asked.min_score,
        )
        await note(read, caller, found)
        return read.answer(told(found) | {"cursor": found.following})


async def note(read: Reading, caller: Calling, found: Found, about: list[UUID] | None = None) -> None:
    ids = {row["id"] for pair in found.pairs for row in (pair.one, pair.other)}
    parked = await parked_among(read.connection, caller, DUPLICATES, ids.union(about or ()))
    read.note(DUPLICATES.name, parked.values())


def told(found: Found) -> dict[str, Any]:
    items = [
        {
            "score": pair.likeness.score,
            "reasons": pair.likeness.reasons,
            "customers": [{name: row[name] for name in SHOWN} for row in (pair.one, pair.other)],
        }
        for pair in found.pairs
    ]
    return {"items": items, "left_out": found.left_out}
