"""Keys of users from the command line: through the same door as over HTTP, and in the same history."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import ValidationError
from uuid_utils.compat import uuid7

from api import keys
from api.errors import invalid
from commands.api_keys import RevokeKey
from commands.dispatch import Asked, dispatch
from deploy.ask import door
from deploy.settings import Settings
from eventlog.envelope import Caller, Context


async def issued(settings: Settings, caller: Caller, wanted: dict[str, Any]) -> str:
    """The token of a new key of a user. Raises NotAsPromised, whose text is the problem."""
    async with door(settings, caller) as (log, _):
        try:
            shown = await keys.issue(log, caller, context_of(caller), wanted)
        except ValidationError as error:
            raise invalid(error) from None
    assert shown.token is not None, "nobody else sends a command under an id made here"
    return shown.token


async def rotated(settings: Settings, caller: Caller, key_id: UUID, overlap_s: int) -> str:
    """The new token of a user's key. Raises as `issued`."""
    async with door(settings, caller) as (log, _):
        try:
            shown = await keys.rotate(log, caller, context_of(caller), {"key_id": key_id, "overlap_s": overlap_s})
        except ValidationError as error:
            raise invalid(error) from None
    assert shown.token is not None, "as above"
    return shown.token


async def revoked(settings: Settings, caller: Caller, key_id: UUID) -> None:
    """End a user's key. Raises as `issued`."""
    async with door(settings, caller) as (log, _):
        await dispatch(log, Asked(RevokeKey(key_id=key_id), caller, context_of(caller)))


def context_of(caller: Caller) -> Context:
    return Context(caller.tenant, caller.actor, str(uuid7()), uuid7())
