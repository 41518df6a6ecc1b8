"""Routes of the events feed: the tenant's own history in order, without gaps, from any position."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from api.answers import LONGEST_S, Calling, Fresh, House, reading
from api.tide import LOG
from eventlog.envelope import Source
from eventlog.errors import BadPosition
from projections.freshness import NotFreshYet
from projections.shown_events import DECIDING, events_shown, types_of
from projections.told import as_told

MOST = 1_000
REST_S = 0.1
"""Whoever waits for what is rare does not look at all else as it comes."""

router = APIRouter(tags=["events"])


class From(Fresh):
    """Where to go on in the feed."""

    after: str | None = Field(
        None, max_length=40, description="`next` of an earlier answer; absent: from the beginning.", examples=["1.42"]
    )
    type: str | None = Field(
        None,
        max_length=2_000,
        description="Only these types of events, or all of these kinds of streams, with commas between.",
        examples=["order.placed,ticket"],
    )
    limit: int = Field(100, ge=1, le=MOST)
    wait: float = Field(
        0,
        ge=0,
        le=LONGEST_S,
        allow_inf_nan=False,
        description="Seconds to wait for the next event when there is none yet.",
    )


class Told(BaseModel):
    """An event as it is told outside: its envelope, and its fields as they are called today."""

    position: str = Field(examples=["1.42"])
    id: UUID
    type: str = Field(examples=["customer.registered"])
    schema_version: int
    stream: str = Field(examples=["customer"])
    stream_id: UUID
    version: int = Field(description="Within the stream, from 1.")
    subject_id: UUID = Field(description="Whom it concerns.")
    recorded_at: datetime
    occurred_at: datetime
    actor: str
    on_behalf_of: str | None
    reason: str | None
    correlation_id: UUID
    causation_id: UUID | None
    command_id: str
    trace: str | None
    source: Source | None = Field(description="Where an imported event was taken from.")
    data: dict[str, Any] | None = Field(description="null when a newer release wrote it.")


class Events(BaseModel):
    """Some events in order, and where to go on."""

    events: list[Told]
    next: str = Field(description="Send it as `after`.", examples=["1.42"])


@router.get(
    "/v1/events", summary="Every event of yours, in order and without gaps, from a position on.", response_model=Events
)
async def events(caller: Calling, house: House, asked: Annotated[From, Query()]) -> Response:
    """Go on with `next` from each answer: nothing is passed over, nothing comes twice. With `wait` an answer that would
    be empty is held back until something happens. Personal fields of a person who was forgotten are null. Whoever does
    not see everything is shown events of what it sees when it asks. For it, and with `type`, an answer may be empty and
    yet not the last: go on with its `next`."""
    types = types_of(asked.type) if asked.type is not None else None
    after = await house.position(asked.after) if asked.after is not None else 0
    deadline, rest = time.monotonic() + asked.wait, 0.0
    names = [LOG] if caller.sights is None else DECIDING
    while True:
        async with reading(house, caller, asked, names) as read:
            head = read.position
            if after > head and caller.sights is None:
                raise BadPosition("This position lies ahead of the log; use one that an answer has given you.")
            found, reached = await events_shown(
                read.connection, house.log.codec, caller, after=after, up_to=head, types=types, limit=asked.limit
            )
            if found or reached < head or time.monotonic() >= deadline:
                told = [as_told(recorded, house.log.codec, house.token, caller) for recorded in found]
                return read.answer({"events": told, "next": house.token(reached)})
        after = reached
        await asyncio.sleep(rest)
        rest = REST_S
        try:
            await house.tide.at_least(names, head + 1, deadline - time.monotonic())
        except NotFreshYet:
            deadline = 0.0
