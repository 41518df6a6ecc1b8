"""Undoing from the command line: the same that HTTP does, and of each event what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from api.commands import key_of
from api.undoing import as_told
from commands.reverting import undo_all
from deploy.ask import door
from deploy.settings import Settings, SettingsError
from eventlog.envelope import Caller, Context


async def undone(
    settings: Settings, caller: Caller, events: Sequence[str], reason: str | None, key: str | None
) -> list[dict[str, Any]]:
    """What became of each event. Raises SettingsError for what is no id, and NotAsPromised."""
    try:
        ids = [UUID(event) for event in events]
    except ValueError:
        raise SettingsError("an event is named by its id; the history of what it is about shows it") from None
    async with door(settings, caller) as (log, token):
        context = Context(caller.tenant, caller.actor, key_of(key), uuid7(), reason=reason)
        return [as_told(outcome, token) for outcome in await undo_all(log, caller, ids, context)]
