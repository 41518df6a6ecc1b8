"""The route that undoes events, whatever streams they are of, and tells of each what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import Receive, Scope, Send

from api import body
from api.commands import JSON_TYPE, DirectRoute, key_of
from api.door import respond, visit
from api.errors import invalid
from api.kronika import kronika
from commands.command import Text
from commands.reverting import Outcome, undo_all
from eventlog.envelope import Context
from eventlog.finding import Named

MOST = 1_000
"""Events in one request."""


class Undo(BaseModel):
    """What is to be undone, and why; the reason is kept in the clear, so name no person in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MOST)]
    reason: Text | None = None


class EventNamed(BaseModel):
    """One event, and where it stands."""

    event_id: UUID
    type: str = Field(examples=["customer.renamed"])
    stream: str = Field(examples=["customer"])
    id: UUID
    version: int
    position: str = Field(examples=["1.42"])


class UndoneEvent(EventNamed):
    """What became of one event that was to be undone."""

    status: Literal["done", "conflict", "nothing"]
    why: str | None = Field(description="Why it was not undone, or need not be.")
    by: list[EventNamed] = Field(
        description="done: what undoes it. conflict: what stands on it. nothing: what has undone it before."
    )


class UndoAnswer(BaseModel):
    """What became of each event, in the order in which they were named."""

    events: list[UndoneEvent]


def route() -> DirectRoute:
    async def documented(
        body: Undo,
        idempotency_key: Annotated[
            str | None,
            Header(max_length=255, description="Send it again, get the first answer; made and returned when absent."),
        ] = None,
    ) -> None: ...

    documented.__annotations__["body"] = Undo
    found = DirectRoute(
        "/v1/undo",
        documented,
        methods=["POST"],
        name="undo",
        operation_id="undo",
        summary="Undo events by further events, and list those that later changes stand on.",
        description="Nothing is taken out of the log. A fact is put right over exactly the time in which it stood"
        " wrong; a move is taken back now, where the business allows it; with the first event of a thing and all its"
        " others the thing itself is retracted, as if there never was one, while nothing else refers to it. A stream is"
        " undone as asked or not at all; streams do not wait for each other. What undid an event can itself be undone.",
        response_model=UndoAnswer,
        tags=["commands"],
    )
    found.direct = undone
    return found


async def undone(scope: Scope, receive: Receive, send: Send) -> None:
    house, came = kronika(scope), visit(scope)
    caller = await house.callers.calling(scope)
    body.media_type(came.headers, body.JSON)
    key = key_of(came.headers.get(b"idempotency-key"))
    came.told.append((b"idempotency-key", key.encode()))
    try:
        asked = Undo.model_validate(body.parsed(await body.read(came.headers, receive, house.settings.body_max_bytes)))
    except ValidationError as error:
        raise invalid(error) from None
    context = Context(caller.tenant, caller.actor, key, came.correlation_id, reason=asked.reason, trace=came.trace)
    outcomes = await undo_all(house.log, caller, asked.event_ids, context)
    came.shown = list({event.id for one in outcomes for event in (one.event, *one.by)})
    last = max(event.position for one in outcomes for event in (one.event, *one.by))
    told = [JSON_TYPE, (b"x-position", house.token(last).encode())]
    await respond(send, 200, orjson.dumps({"events": [as_told(one, house.token) for one in outcomes]}), told)


def as_told(outcome: Outcome, token: Callable[[int], str]) -> dict[str, Any]:
    """An UndoneEvent; `token` is how a position is told."""
    by = [named(event, token) for event in outcome.by]
    return named(outcome.event, token) | {"status": outcome.status, "why": outcome.why, "by": by}


def named(event: Named, token: Callable[[int], str]) -> dict[str, Any]:
    return vars(event) | {"position": token(event.position)}
