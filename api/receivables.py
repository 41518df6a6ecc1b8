"""Route of what is owed to us by age."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.answers import AsOf, Calling, House, reading_as_of
from api.reads import resting_on
from commands.dispatch import permit
from projections.as_of import seen
from projections.asking import Filter
from projections.parked import parked
from projections.receivables import RECEIVABLES, ageing

router = APIRouter(tags=["receivables"])


class Owed(AsOf):
    """Whose debts are asked for."""

    customer_id: UUID | None = Field(None, description="One customer's; all when absent.")


class Ageing(BaseModel):
    """What is outstanding in one currency, in all and by how many days overdue."""

    currency: str
    not_due: Decimal
    days_1_30: Decimal
    days_31_60: Decimal
    days_61_90: Decimal
    days_over_90: Decimal
    outstanding: Decimal


class AgeingAnswer(BaseModel):
    """What is outstanding, by currency."""

    currencies: list[Ageing]


@router.get(
    "/v1/receivables/ageing",
    summary="What is outstanding today, by currency and by how long overdue.",
    response_model=AgeingAnswer,
)
async def by_age(caller: Calling, house: House, asked: Annotated[Owed, Query()]) -> Response:
    permit(caller, "read", RECEIVABLES.stream)
    about = [Filter("customer_id", "eq", asked.customer_id)] if asked.customer_id else []
    async with reading_as_of(house, caller, asked, resting_on(about, RECEIVABLES)) as (read, cut):
        sums = await ageing(read.connection, caller, cut.as_of or datetime.now(UTC), asked.customer_id, cut)
        for event in await parked(read.connection, seen(RECEIVABLES, cut).projection.name):
            if event.tenant == caller.tenant:
                read.note(RECEIVABLES.name, [event])
        return read.answer({"currencies": sums})
