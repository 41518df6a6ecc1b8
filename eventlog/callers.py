"""Who somebody is who asks, as the log has it now: the roles, the teams, those who report to it, and what it sees."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from uuid import UUID

from domain.policy import Asker, Policy, Sight, party, permitted, sights
from domain.team import Team
from domain.tenant import TENANT_ID, Tenant
from domain.user import User
from eventlog.envelope import Caller
from eventlog.log import Log
from eventlog.policies import policy_of

BELOW = """
WITH RECURSIVE below(id) AS (
    SELECT child_id FROM log.parents WHERE tenant = %(tenant)s AND parent_id = %(user)s
    UNION
    SELECT p.child_id FROM below JOIN log.parents p ON p.tenant = %(tenant)s AND p.parent_id = below.id)
SELECT b.id, (SELECT e.data ->> 'handle' FROM log.events e
               WHERE e.tenant = %(tenant)s AND e.stream_id = b.id AND e.type = 'user.handle_given'
               ORDER BY e.version DESC LIMIT 1)
  FROM below b
"""
"""All who report to a user, however indirectly, and their handles. Those of other kinds are nobody's parents here."""


async def user_calling(log: Log, tenant: str, user_id: UUID, scopes: frozenset[str]) -> Caller | None:
    """The user as the log has it now, with those of the scopes that its roles permit; None when it is let in no more.
    Raises LogUnavailable."""
    user, known = await asyncio.gather(folded_user(log, tenant, user_id), folded_tenant(log, tenant))
    policy = policy_of(known.policy)
    if not user.exists or not user.active:
        return None
    teams = [team for id in user.teams for team in await teams_from(log, tenant, UUID(id))]
    below = await names_below(log, tenant, user_id) if reads_below(policy, user) else frozenset[str]()
    asker = Asker(
        roles=frozenset(user.roles),
        names=user.names,
        teams=frozenset(name for team in teams for name in (str(team.id), team.name)),
        below=below,
        parties=frozenset([party("user", user_id), *(party("team", team.id) for team in teams)]),
    )
    return Caller(
        tenant,
        str(user_id),
        scopes & permitted(policy, user.roles),
        kind="service" if user.kind == "service" else "human",
        user_id=user_id,
        roles=asker.roles,
        teams=frozenset(team.id for team in teams if str(team.id) in user.teams),
        name=user.handle or str(user_id),
        sights=decided(known.policy, asker),
    )


async def acting(log: Log, tenant: str, actor: str, scopes: frozenset[str]) -> Caller:
    """Whoever events name as this actor, to act for it later: a user with what it sees now, and nothing when it is let
    in no more; an operator's key or a process of ours with everything. Raises LogUnavailable."""
    try:
        user_id = UUID(actor)
    except ValueError:
        return Caller(tenant, actor, scopes)
    if not (await folded_user(log, tenant, user_id)).exists:
        return Caller(tenant, actor, scopes)
    return await user_calling(log, tenant, user_id, scopes) or Caller(tenant, actor, frozenset(), sights={})


@lru_cache(1_000)
def decided(policy: str | None, asker: Asker) -> dict[str, Sight]:
    return sights(policy_of(policy), asker)


async def folded_tenant(log: Log, tenant: str) -> Tenant:
    return Tenant.fold(TENANT_ID, await log.past(Tenant, tenant, TENANT_ID))


async def folded_user(log: Log, tenant: str, user_id: UUID) -> User:
    return User.fold(user_id, await log.past(User, tenant, user_id))


async def teams_from(log: Log, tenant: str, id: UUID) -> list[Team]:
    """A team, and those that it is within, as far as they have not been dissolved."""
    found: list[Team] = []
    while id not in [team.id for team in found]:
        team = Team.fold(id, await log.past(Team, tenant, id))
        if not team.exists or not team.active:
            break
        found.append(team)
        if team.within_id is None:
            break
        id = team.within_id
    return found


def reads_below(policy: Policy, user: User) -> bool:
    """Whether it matters who reports to the user."""
    rules = [rule for role in user.roles for rule in policy.rules.get(role, {}).values()]
    return any("subtree" in (rule.read, rule.write) for rule in rules)


async def names_below(log: Log, tenant: str, user_id: UUID) -> frozenset[str]:
    """What records call those who report to the user, however indirectly."""
    async with log.connection() as connection:
        cursor = await connection.execute(BELOW, {"tenant": tenant, "user": user_id})
        return frozenset(name for row in await cursor.fetchall() for name in (str(row[0]), row[1]) if name)
