"""Why somebody may do what: the roles, teams and managers of a user at any moment, each with the event that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from domain.policy import permitted
from domain.tenant import TENANT_ID
from eventlog.codec import Codec
from eventlog.envelope import Caller
from eventlog.policies import policy_of
from projections.cut import NOW, Cut
from projections.history import Entry, Setting, blame

Token = Callable[[int], str]


@dataclass(frozen=True)
class Said:
    """The event that says so, without what else it says."""

    stream: str
    stream_id: UUID
    version: int
    position: str
    event_id: UUID
    type: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str


@dataclass(frozen=True)
class Ground:
    """One role of a user, and what the table of roles says of it."""

    role: str
    permits: list[str]
    said: Said


@dataclass(frozen=True)
class Membership:
    """One team that a user belongs to, itself or by one within it; `counts` is False for one that was dissolved."""

    team_id: UUID
    counts: bool
    said: Said


@dataclass(frozen=True)
class Manager:
    """One of those whom a user reports to: the nearest first."""

    user_id: UUID
    said: Said


@dataclass(frozen=True)
class Explanation:
    """What somebody was let do at a moment, and why."""

    user_id: UUID
    active: bool
    standing: Said
    permits: list[str]
    grounds: list[Ground]
    teams: list[Membership]
    managers: list[Manager]


async def explain(
    connection: AsyncConnection[Any], codec: Codec, caller: Caller, token: Token, user_id: UUID, cut: Cut = NOW
) -> Explanation | None:
    """None when the tenant had no such user then; `token` is how a position is told."""

    def by(stream: str, id: UUID, entry: Entry) -> Said:
        where = (entry.version, token(entry.position), entry.event_id, entry.type)
        return Said(stream, id, *where, entry.occurred_at, entry.recorded_at, entry.actor)

    async def fields(kind: str, id: UUID) -> dict[str, Setting]:
        return {one.field: one for one in await blame(connection, codec, caller, kind, id, cut) or ()}

    async def chain(kind: str, id: UUID, field: str) -> list[tuple[UUID, Said]]:
        """What stands above, step by step. No circle is ever recorded, but a cut of several streams may show one."""
        found: list[tuple[UUID, Said]] = []
        while (above := (await fields(kind, id)).get(field)) and UUID(above.value) not in [one for one, _ in found]:
            found.append((UUID(above.value), by(kind, id, above.set_by)))
            id = UUID(above.value)
        return found

    known = await fields("user", user_id)
    if not known:
        return None
    said_by_tenant = (await fields("tenant", TENANT_ID)).get("policy")
    policy = policy_of(said_by_tenant.value if said_by_tenant else None)
    grounds, teams = [], []
    for field, setting in known.items():
        part, _, name = field.partition(".")
        said = by("user", user_id, setting.set_by)
        if part == "roles":
            grounds.append(Ground(name, sorted(permitted(policy, [name])), said))
        elif part == "teams":
            teams += [(UUID(name), said), *await chain("team", UUID(name), "within_id")]
    active = bool(known["active"].value)
    return Explanation(
        user_id,
        active,
        by("user", user_id, known["active"].set_by),
        sorted({action for ground in grounds for action in ground.permits}) if active else [],
        grounds,
        [Membership(id, bool((await fields("team", id))["active"].value), said) for id, said in teams],
        [Manager(id, said) for id, said in await chain("user", user_id, "manager_id")],
    )
