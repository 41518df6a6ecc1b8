"""Why somebody may see or do what: the roles, teams and managers of a user and the policy in force at any moment, and
whether it sees a record, by which of these; each with the event that says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection, sql

from domain.policy import (
    ASKED_FOR,
    SHARED,
    Asker,
    Policy,
    Record,
    Rule,
    party,
    permitted,
    sight,
)
from domain.roles import Action
from domain.tenant import TENANT_ID
from eventlog import feed
from eventlog.codec import Codec
from eventlog.envelope import Caller
from eventlog.policies import policy_of
from projections.as_of import rows, settled
from projections.cut import NOW, Cut
from projections.history import Entry, Setting, blame
from projections.sight import shown_by_log
from projections.users import USERS

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
    """One role of a user, and which actions the policy lets it do with anything at all."""

    role: str
    permits: list[str]
    said: Said


@dataclass(frozen=True)
class Membership:
    """One team that a user belongs to, itself or by one within it; `counts` is False for one that was dissolved, and
    for those that it was within."""

    team_id: UUID
    counts: bool
    said: Said


@dataclass(frozen=True)
class Manager:
    """One of those whom a user reports to: the nearest first."""

    user_id: UUID
    said: Said


@dataclass(frozen=True)
class Reason:
    """One way in which a role lets somebody do something with a record: it has all of the kind; the record is its own;
    its team's; somebody's who reports to it, by these managers; or was shared with it. `said` are the events by which
    that is so, besides the one that gave the role and the one that set the policy."""

    action: str
    role: str
    scope: str
    how: Literal["all", "own", "team", "below", "shared"]
    said: list[Said]


@dataclass(frozen=True)
class Verdict:
    """Whether somebody is shown a record, what it may do with it, and why."""

    stream: str
    id: UUID
    visible: bool
    actions: list[str]
    hidden: list[str]
    masked: list[str]
    reasons: list[Reason]


@dataclass(frozen=True)
class Explanation:
    """What somebody was let do at a moment, and why. `policy` is the event that set the policy; null where the default
    held."""

    user_id: UUID
    active: bool
    standing: Said
    policy: Said | None
    permits: list[str]
    grounds: list[Ground]
    teams: list[Membership]
    managers: list[Manager]
    record: Verdict | None = None


async def explain(
    connection: AsyncConnection[Any],
    codec: Codec,
    caller: Caller,
    token: Token,
    user_id: UUID,
    cut: Cut = NOW,
    record_id: UUID | None = None,
) -> Explanation | None:
    """None when the tenant had no such user then; without a `record` when there was no such record, or the caller is
    not shown it. `token` is how a position is told."""
    files = Files(connection, codec, caller, token, cut)
    known = await files.of("user", user_id)
    if not known:
        return None
    person = await files.person(user_id, known)
    policy_set = (await files.of("tenant", TENANT_ID)).get("policy")
    policy = policy_of(policy_set.value if policy_set else None)
    grounds = [Ground(role, sorted(permitted(policy, [role])), said) for role, said in person.roles.items()]
    active = bool(known["active"].value)
    return Explanation(
        user_id,
        active,
        files.said("user", user_id, known["active"].set_by),
        files.said("tenant", TENANT_ID, policy_set.set_by) if policy_set else None,
        sorted({action for ground in grounds for action in ground.permits}) if active else [],
        grounds,
        person.teams,
        [Manager(id, said) async for id, said in files.chain("user", user_id, "manager_id")],
        await files.verdict(person, policy, record_id) if record_id else None,
    )


@dataclass
class Person:
    """A user at the moment, with the events that made it what it is."""

    id: UUID
    active: bool
    roles: dict[str, Said] = field(default_factory=dict)
    names: dict[str, list[Said]] = field(default_factory=dict)
    """What records call it, and what says that it is called so"""
    teams: list[Membership] = field(default_factory=list)
    team_names: dict[str, list[Said]] = field(default_factory=dict)
    parties: dict[str, list[Said]] = field(default_factory=dict)


@dataclass(frozen=True)
class Whose:
    """To whom a record belonged, and the events that said so."""

    kind: str
    record: Record
    said: dict[str, Said]
    """By "owner", "team" and party"""


@dataclass
class Files:
    """What was on record at a moment, stream by stream."""

    connection: AsyncConnection[Any]
    codec: Codec
    caller: Caller
    token: Token
    cut: Cut

    @cached_property
    def everything(self) -> Caller:
        """The facts of the organisation rest on all that is on record, whoever asks for them."""
        return Caller(self.caller.tenant, self.caller.actor)

    def said(self, stream: str, id: UUID, entry: Entry) -> Said:
        where = (entry.version, self.token(entry.position), entry.event_id, entry.type)
        return Said(stream, id, *where, entry.occurred_at, entry.recorded_at, entry.actor)

    async def of(self, kind: str, id: UUID) -> dict[str, Setting]:
        found = await blame(self.connection, self.codec, self.everything, kind, id, self.cut)
        return {one.field: one for one in found or () if one.value is not None}

    async def chain(self, kind: str, id: UUID, above: str) -> AsyncIterator[tuple[UUID, Said]]:
        """What stands above, step by step. No circle is ever recorded, but a cut of several streams may show one."""
        found = [id]
        while (setting := (await self.of(kind, id)).get(above)) and UUID(setting.value) not in found:
            said = self.said(kind, id, setting.set_by)
            found.append(id := UUID(setting.value))
            yield id, said

    async def person(self, id: UUID, known: dict[str, Setting]) -> Person:
        standing = self.said("user", id, known["active"].set_by)
        person = Person(id, bool(known["active"].value), names={str(id): [standing]})
        person.parties[party("user", id)] = []
        if handle := known.get("handle"):
            person.names[handle.value] = [self.said("user", id, handle.set_by)]
        for name, setting in known.items():
            part, _, entry = name.partition(".")
            said = self.said("user", id, setting.set_by)
            if part == "roles":
                person.roles[entry] = said
            elif part == "teams":
                await self.join(person, UUID(entry), said)
        return person

    async def join(self, person: Person, team_id: UUID, said: Said) -> None:
        """The team, and those that it is within, as far as none was dissolved."""
        counts, way = True, [said]
        for id, by in [(team_id, said), *[one async for one in self.chain("team", team_id, "within_id")]]:
            team = await self.of("team", id)
            counts = counts and bool(team["active"].value)
            person.teams.append(Membership(id, counts, by))
            if counts:
                way = way if by in way else [*way, by]
                person.parties[party("team", id)] = person.team_names[str(id)] = way
                person.team_names[team["name"].value] = [*way, self.said("team", id, team["name"].set_by)]

    async def verdict(self, person: Person, policy: Policy, record_id: UUID) -> Verdict | None:
        whose = await self.whose(record_id)
        if whose is None:
            return None
        below = await self.below(person.id, whose.record.owner)
        asker = Asker(
            frozenset(person.roles),
            frozenset(person.names),
            frozenset(person.team_names),
            frozenset([whose.record.owner]) if below and whose.record.owner else frozenset(),
            frozenset(person.parties),
        )
        sees = sight(policy, asker, whose.kind)
        actions: list[Action] = ["read", "write", "administer"]
        lets = [action for action in actions if person.active and sees.lets(action, whose.record)]
        reasons = [
            reason
            for action in lets
            for role in person.roles
            if (rule := policy.rules.get(role, {}).get(whose.kind))
            for reason in reasons_of(action, role, rule, person, whose, below)
        ]
        hidden, masked = (sorted(names) if lets else [] for names in (sees.hidden, sees.masked))
        return Verdict(whose.kind, record_id, "read" in lets, [*lets], hidden, masked, reasons)

    async def whose(self, id: UUID) -> Whose | None:
        stream = await feed.stream(self.connection, self.codec, self.caller.tenant, id)
        if not self.cut.of(stream) or not shown_by_log(self.caller, stream[0].stream_type, stream):
            return None
        kind = stream[0].stream_type
        known = await self.of(kind, id)
        first = next(iter(known.values())).set_by
        if kind in SHARED:
            fields = {name: known[name] for name in ("owner", "team") if name in known}
            shares = {
                name.removeprefix("shared_with."): setting
                for name, setting in known.items()
                if name.startswith("shared_with.")
            }
            said = {name: self.said(kind, id, one.set_by) for name, one in (fields | shares).items()}
            owner, team = (fields[name].value if name in fields else None for name in ("owner", "team"))
            return Whose(kind, Record(owner, team, {name: one.value for name, one in shares.items()}), said)
        if kind == "api_key":
            return Whose(kind, Record(known["user_id"].value), {"owner": self.said(kind, id, known["user_id"].set_by)})
        owner = stream[0].actor if kind in ASKED_FOR else str(id)
        return Whose(kind, Record(owner), {"owner": self.said(kind, id, first)})

    async def below(self, above: UUID, owner: str | None) -> list[Said] | None:
        """The managers by which whoever owns a record reports to somebody; None when that is not so."""
        if owner is None or (id := await self.called(owner)) is None:
            return None
        way = []
        async for manager, said in self.chain("user", id, "manager_id"):
            way.append(said)
            if manager == above:
                return way
        return None

    async def called(self, name: str) -> UUID | None:
        """The user whom records call so."""
        cut = await settled(self.connection, self.cut)
        cursor = await self.connection.execute(
            sql.SQL("SELECT t.id FROM {} t WHERE t.tenant = {} AND {} IN (t.handle, t.id::text)").format(
                rows(USERS, cut), self.caller.tenant, name
            )
        )
        row = await cursor.fetchone()
        return row[0] if row else None


def reasons_of(
    action: Action, role: str, rule: Rule, person: Person, whose: Whose, below: list[Said] | None
) -> list[Reason]:
    """How the rule of a role lets a person do this with a record."""
    scope, record = rule.scope(action), whose.record
    if scope is None:
        return []
    if scope == "all":
        return [Reason(action, role, scope, "all", [])]
    found = []
    if record.owner in person.names:
        found.append(Reason(action, role, scope, "own", [whose.said["owner"], *person.names[record.owner]]))
    if scope != "own" and record.team in person.team_names:
        found.append(Reason(action, role, scope, "team", [whose.said["team"], *person.team_names[record.team]]))
    if scope == "subtree" and below:
        found.append(Reason(action, role, scope, "below", [whose.said["owner"], *below]))
    for one, access in record.shared_with.items():
        if one in person.parties and access in (("read", "write") if action == "read" else (action,)):
            found.append(Reason(action, role, scope, "shared", [whose.said[one], *person.parties[one]]))
    return found
