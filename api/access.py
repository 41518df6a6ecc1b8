"""Route that explains what somebody may do, or might at any moment: by which rule, and which events."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.answers import AsOf, Calling, House, reading
from commands.dispatch import NotFound, permit
from projections.access import Explanation, explain
from projections.history import stream_shown

router = APIRouter(tags=["identity"])


class Asked(AsOf):
    """About whom."""

    actor: UUID = Field(description="A user, by its id: as which it is named in events.")
    object: UUID | None = Field(None, description="A record, by its id: whether the user is shown it, and why.")


@router.get(
    "/v1/access/explain",
    summary="What a user may see and do, or might at any moment, by which rules, and which events say so.",
    operation_id="explain-access",
    response_model=Explanation,
)
async def explained(caller: Calling, house: House, asked: Annotated[Asked, Query()]) -> Response:
    """What was in force on a day is told by `known_at`, as it was acted on; `as_of` is how it was, by what is known."""
    permit(caller, "read", "user")
    cut = await asked.cut(house)
    async with reading(house, caller, asked) as read:
        if not await stream_shown(read.connection, house.log.codec, caller, "user", asked.actor):
            raise NotFound("user", asked.actor)
        found = await explain(read.connection, house.log.codec, caller, house.token, asked.actor, cut, asked.object)
        if found is None:
            raise NotFound("user", asked.actor)
        if asked.object and found.record is None:
            raise NotFound("record", asked.object)
        return read.answer(asdict(found))
