"""Route of the access log: who was shown what, and to whom it was refused."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.answers import DAY, Calling, Fresh, House, moment_of, reading
from api.kronika import Kronika
from commands.dispatch import permit
from projections.accesses import Wanted, accesses
from projections.asking import MOST_ROWS, SOME_ROWS

router = APIRouter(tags=["identity"])


class Looked(Fresh):
    """Which accesses are looked for; all that are given must hold."""

    actor: str | None = Field(None, max_length=80, description="Who asked, as events name them: a user by its id.")
    object: UUID | None = Field(None, description="What was shown, or asked about.")
    outcome: Literal["shown", "hidden", "forbidden", "gone"] | None = None
    since: str | None = Field(
        None, max_length=40, description="From this moment on (of a day: from its beginning).", examples=["2026-03-31"]
    )
    until: str | None = Field(None, max_length=40, description="Up to this moment, or the end of this day.")
    cursor: UUID | None = Field(None, description="`cursor` of the page before.")
    limit: int = Field(SOME_ROWS, ge=1, le=MOST_ROWS)


class Access(BaseModel):
    """One request: who asked for what, and what they were shown or refused."""

    id: UUID
    at: datetime
    actor: str
    key: str | None = Field(description="The public id of the API key; null where a token was sent.")
    route: str = Field(examples=["GET /v1/customers/{id}"])
    outcome: str = Field(
        description="shown; hidden (there is none, or it is not the caller's to see); forbidden; gone.",
        examples=["shown"],
    )
    objects: list[UUID] = Field(description="What was asked about, and all that was shown.")
    fields: str | None = Field(description="The fields that were asked for; null where all were that may be seen.")
    purpose: str | None = Field(description="What the caller gave as X-Purpose.")
    position: str | None = Field(description="What the answer reflected.", examples=["1.42"])
    correlation_id: UUID
    trace: str | None


class Accesses(BaseModel):
    """Some accesses, the latest first; a page may have few or none, and yet not be the last."""

    items: list[Access]
    cursor: UUID | None = Field(description="Asks for the next page; null at the end.")


@router.get(
    "/v1/access/log",
    summary="Who was shown what, and to whom it was refused; the latest first.",
    description="Every answer is recorded before it leaves: who asked, what for (`X-Purpose`), and the ids of all that"
    " it shows. So is reading this. Of files and analytic figures it is told that they were read.",
    operation_id="access-log",
    response_model=Accesses,
)
async def looked_through(caller: Calling, house: House, asked: Annotated[Looked, Query()]) -> Response:
    permit(caller, "read", "access")
    since = None if asked.since is None else beginning(asked.since)
    until = None if asked.until is None else moment_of(asked.until, "until")
    wanted = Wanted(asked.actor, asked.object, asked.outcome, since, until)
    async with reading(house, caller, asked) as read:
        found = await accesses(read.connection, caller, wanted, after=asked.cursor, limit=asked.limit)
        told = [as_told(row, house) for row in found.accesses]
        return read.answer({"items": told, "cursor": found.following})


def beginning(text: str) -> datetime:
    """A moment, or the beginning of a day. Raises BadRequest."""
    moment = moment_of(text, "since")
    return datetime.combine(moment.date(), time.min, UTC) if DAY.fullmatch(text) else moment


def as_told(row: dict[str, Any], house: Kronika) -> dict[str, Any]:
    """An Access."""
    position = row["position"]
    told = {name: row[name] for name in Access.model_fields}
    return told | {"position": None if position is None else house.token(position)}
