"""Routes of who is calling, and of the keys that users call with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api import body, keys
from api.answers import Known
from api.commands import CommandAnswer, as_answer, key_of
from api.door import visit
from api.errors import invalid
from api.kronika import kronika
from commands.api_keys import Network
from domain.roles import Action
from eventlog.envelope import Caller, Context
from eventlog.log import Log

router = APIRouter(tags=["identity"])


class Me(BaseModel):
    """Who is calling, and what that one may do."""

    tenant: str
    actor: str = Field(description="As what the caller is named in events.")
    kind: str = Field(examples=["human", "service", "operator"])
    user_id: UUID | None = Field(description="null for an operator's key, which is no user's.")
    roles: list[str]
    teams: list[UUID]
    scopes: list[str] = Field(description="What the roles permit, of what the key or token allows.")


@router.get("/v1/me", summary="Who is calling, and what that one may do.", operation_id="me", response_model=Me)
async def me(caller: Known) -> Response:
    told = {
        "tenant": caller.tenant,
        "actor": caller.actor,
        "kind": caller.kind,
        "user_id": caller.user_id,
        "roles": sorted(caller.roles),
        "teams": sorted(caller.teams),
        "scopes": sorted(caller.scopes),
    }
    return Response(orjson.dumps(told), media_type="application/json")


class KeyRequest(BaseModel):
    """Whose key it is to be, and what it is to allow."""

    model_config = ConfigDict(extra="forbid")

    key_id: UUID | None = Field(None, description="Its id; made when absent.")
    user_id: UUID
    label: str = Field(min_length=1, max_length=80, description="What it is for; kept in the clear.")
    scopes: list[Action] = Field(min_length=1, max_length=3, description="At the most: the user's roles decide, too.")
    networks: list[Network] = Field([], max_length=50, description="From where alone it is taken; any when empty.")
    expires_at: datetime | None = Field(None, description="Within two years; a year from now when absent.")


class Rotation(BaseModel):
    """How a key is given a new secret."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(24 * 3600, ge=0, le=7 * 24 * 3600, description="How long the secret before goes on.")


class KeyAnswer(CommandAnswer):
    """What became of the key, and its token."""

    token: str | None = Field(
        description="Shown this once; null when the same was sent before: then rotate the key.",
        examples=["kr_0123456789ab_..."],
    )


Making = Callable[[Log, Caller, Context, Mapping[str, Any]], Awaitable[keys.Shown]]


def taking(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/v1/api-keys",
    status_code=201,
    summary="Issue a key to a user; its token is shown this once.",
    operation_id="issue-key",
    response_model=KeyAnswer,
    openapi_extra=taking(KeyRequest),
)
async def issued(given: Request, caller: Known) -> Response:
    """Kept is only a keyed digest. The history of the key names who issued, rotated and revoked it."""
    return await secret(given, caller, 201, KeyRequest, keys.issue)


@router.post(
    "/v1/api-keys/{id}/rotation",
    summary="Give a key a new secret, shown this once; the one before goes on for a while.",
    operation_id="rotate-key",
    response_model=KeyAnswer,
    openapi_extra=taking(Rotation),
)
async def rotated(given: Request, id: UUID, caller: Known) -> Response:
    """A second rotation ends the secret before the last at once: two are in force at the most."""
    return await secret(given, caller, 200, Rotation, keys.rotate, key_id=id)


async def secret(
    given: Request, caller: Caller, status: int, taken: type[BaseModel], make: Making, **about: UUID
) -> Response:
    """A command that makes a secret, and the token with it."""
    came, house = visit(given.scope), kronika(given.scope)
    body.media_type(came.headers, body.JSON)
    key = key_of(came.headers.get(b"idempotency-key"))
    came.told.append((b"idempotency-key", key.encode()))
    wanted = body.parsed(await body.read(came.headers, given.receive, house.settings.body_max_bytes))
    try:
        taken.model_validate(wanted)
        context = Context(caller.tenant, caller.actor, key, came.correlation_id, trace=came.trace)
        shown = await make(house.log, caller, context, {**wanted, **about})
    except ValidationError as error:
        raise invalid(error) from None
    told = {"X-Position": house.token(shown.answer.position), "ETag": f'"{shown.answer.version}"'}
    if shown.answer.repeated:
        told["Idempotent-Replayed"] = "true"
    answer = as_answer(shown.answer, house.token) | {"token": shown.token}
    return Response(orjson.dumps(answer), status_code=status, media_type="application/json", headers=told)
