"""A user as the log has it now: whom it may act as, and what it may do."""

from __future__ import annotations

import asyncio
from uuid import UUID

from domain.policy import permitted
from domain.team import Team
from domain.user import User
from eventlog.envelope import Caller
from eventlog.log import Log


async def user_calling(log: Log, tenant: str, user_id: UUID, scopes: frozenset[str]) -> Caller | None:
    """The user, with those of the scopes that its roles permit; None when it is let in no more."""
    user = User.fold(user_id, await log.past(User, tenant, user_id))
    if not user.exists or not user.active:
        return None
    ids = [UUID(id) for id in user.teams]
    teams = await asyncio.gather(*(log.past(Team, tenant, id) for id in ids))
    return Caller(
        tenant,
        str(user_id),
        scopes & permitted(user.roles),
        kind="service" if user.kind == "service" else "human",
        user_id=user_id,
        roles=frozenset(user.roles),
        teams=frozenset(id for id, events in zip(ids, teams, strict=True) if Team.fold(id, events).active),
    )
