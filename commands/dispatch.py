"""The one door for every write: permission, the caller's moment, idempotency and the retry after a lost race."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID, uuid5

import orjson
from msgspec import Struct, structs

from commands.command import Command, Registration, registration_of
from domain import AGGREGATES
from domain.aggregate import Aggregate, Event, moment_of
from domain.policy import ASKED_FOR, SHARED, Forbidden, record_of
from domain.refusals import AlreadyExists, MoveOutOfOrder, Refusal, WasRetracted
from domain.roles import Action
from domain.telling import CLAIMED
from eventlog.claims import holder
from eventlog.codec import kind_of
from eventlog.envelope import Answer, Caller, Changed, Commit, Context, Stream
from eventlog.errors import ClaimTaken, CommandReused, Conflict
from eventlog.log import Log

A = TypeVar("A", bound=Aggregate)

SKEW = timedelta(seconds=60)
"""How far ahead of this server's clock a caller's may run."""

ATTEMPTS = 10
"""How often a command is decided anew after losing a race for its stream, before the caller is told."""

IDS = UUID("6b726f6e-696b-4a1b-8c00-000000000001")
"""Namespace of ids derived from a command's id."""


class NotFound(Exception):
    """The caller's tenant has nothing of this kind with this id, or nothing that the caller is shown."""

    def __init__(self, kind: str, id: UUID) -> None:
        super().__init__(f"There is no {kind} {id}.")
        self.kind = kind
        self.id = id


class StaleVersion(Exception):
    """The stream is not at the version that the caller expects (If-Match)."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"The version is {actual} now, not {expected}; read it again and decide anew.")
        self.actual = actual


class FutureMoment(Refusal):
    """What has not happened yet cannot be recorded."""

    def __init__(self, occurred_at: datetime) -> None:
        super().__init__(
            f"occurred_at {occurred_at.isoformat()} lies in the future; give a moment that has passed, or leave it out."
        )


class Asked(Struct, frozen=True):
    """A command as it reached the door: with who asks, under which id, and as part of what.

    `if_match` is the version at which the caller saw the stream that the command is about; `follows` the moment of
    the event that made somebody ask: what is recorded has happened, though this server's clock may be behind.
    """

    command: Command
    caller: Caller
    context: Context
    if_match: int | None = None
    follows: datetime | None = None


def permit(caller: Caller, action: Action, kind: str | None = None) -> None:
    """Raises Forbidden unless the caller may do this, with anything of this kind where one is named."""
    if action not in caller.scopes:
        raise Forbidden(f"This takes the permission to {action}, which you do not have.")
    if kind is not None and not caller.sight(kind).may(action):
        raise Forbidden(f"Your roles do not let you {action} anything of the kind {kind}.")


async def lets(log: Log, caller: Caller, action: Action, kind: str, id: UUID) -> bool:
    """Whether the policy lets the caller do this with the thing of that id, as it stands now."""
    sight = caller.sight(kind)
    if (extent := sight.extents.get(action)) is None or extent.everything:
        return extent is not None
    thing, _ = await log.load(of_kind(kind), caller.tenant, id, datetime.now(UTC))
    return sight.lets(action, record_of(thing, await log.recorded_by(caller.tenant, id) if kind in ASKED_FOR else None))


def of_kind(kind: str) -> type[Aggregate]:
    return next(aggregate for aggregate in AGGREGATES if kind_of(aggregate) == kind)


async def dispatch(log: Log, asked: Asked) -> Answer:
    """Decide a command and record what it decides; the same command id with the same body gets the first answer.

    Raises Refusal (with the moves allowed), NotFound, StaleVersion, Forbidden, CommandReused, KeyDestroyed, and
    LogUnavailable when it is open whether the command was recorded: sending it again finds out.
    """
    registration = registration_of(asked.command)
    permit(asked.caller, registration.action, registration.kind or getattr(asked.command, "stream", None))
    body = canonical(registration, asked.command)
    try:
        answer = await decide(log, asked, body)
    except (Refusal, NotFound, Forbidden, StaleVersion):
        # It may be refused only because it was recorded before: then the first answer stands.
        earlier = await log.answer_of(asked.caller.tenant, asked.context.command_id, body)
        if earlier is None or not await may_hear(log, asked, earlier):
            raise
        return earlier
    if answer.repeated and not await may_hear(log, asked, answer):
        raise CommandReused(asked.context.command_id)
    return answer


async def may_hear(log: Log, asked: Asked, answer: Answer) -> bool:
    """Whether the first answer is told to this caller: a key is one for the whole tenant, and what is hidden from
    somebody is not told by the key that another has used."""
    caller, context = asked.caller, asked.context
    if caller.sights is None or context.source:
        return True
    if await lets(log, caller, "read", answer.stream_type, answer.stream_id):
        return True
    return await log.asked_by(caller.tenant, context.command_id) == caller.actor


async def decide(log: Log, asked: Asked, body: bytes) -> Answer:
    moment = asked.command.occurred_at
    for attempt in range(1, ATTEMPTS + 1):
        unit = Unit(log, asked, moment)
        try:
            about = await unit.decided()
        except (Refusal, NotFound, Forbidden, StaleVersion) as refusal:
            # What was remembered may be out of date: decide anew on what the log has.
            if attempt < ATTEMPTS and unit.forget_remembered():
                continue
            # A source that dates a move before the last one is not argued with: it takes effect right after that one.
            if attempt < ATTEMPTS and asked.context.source and isinstance(refusal, MoveOutOfOrder):
                moment = refusal.last
                continue
            raise
        context = asked.context
        if context.source and moment != asked.command.occurred_at:
            source = replace(context.source, stated_at=asked.command.occurred_at)
            context = structs.replace(context, source=source)
        try:
            return await log.append(Commit(context, body, about, unit.changes(), unit.read()))
        except Conflict as conflict:
            if created := unit.created(conflict.stream_id):
                raise AlreadyExists(kind_of(created), conflict.stream_id) from None
            if asked.if_match is not None:
                raise StaleVersion(asked.if_match, conflict.version) from None
            if attempt == ATTEMPTS:
                raise Contended(conflict.stream_id) from None
        except ClaimTaken as taken:
            if context.source:  # a dry run, which has no log to ask, says the same
                raise
            raise ClaimTaken(taken.kind, await holder_told(log, asked.caller, unit.claimed(taken.kind))) from None
    raise AssertionError("unreachable")


async def holder_told(log: Log, caller: Caller, claimed: Iterable[tuple[str, tuple[str, str]]]) -> UUID | None:
    """Who holds one of these claims, each of a kind of records, where the caller is shown that one and its claim."""
    for kind, claim in claimed:
        async with log.connection() as connection:
            id = await holder(connection, log.keys, caller.tenant, claim)
        if id is not None and CLAIMED[claim[0]] not in caller.sight(kind).restricted:
            log.forget(caller.tenant, [id])  # as it stands now, whoever changed it
            if await lets(log, caller, "read", kind, id):
                return id
    return None


class Contended(Refusal):
    """Too many others change the same stream at this moment; send the command again."""

    def __init__(self, stream_id: UUID) -> None:
        super().__init__(f"{stream_id} is being changed by too many others at this moment; send the command again.")


@dataclass
class Tracked:
    """An aggregate as it was when the unit of work got it."""

    aggregate: Aggregate
    stream: Stream | None
    version: int
    claims: frozenset[tuple[str, str]]
    parent: UUID | None
    created: bool
    """Asked for as new: that the stream exists already is then the caller's error, not a race to run again."""
    named: int | None = None
    """How many events name it, where that was asked: it holds only while there are no more"""
    hidden: bool = False
    """Whether the caller is not shown it"""
    fixed: bool = False
    """Whether the caller may not change it"""


class Unit:
    """What one attempt at a command loads and changes; see commands.command.Crm for what handlers may use."""

    def __init__(self, log: Log, asked: Asked, moment: datetime | None) -> None:
        self.tenant = asked.caller.tenant
        self.actor = asked.caller.actor
        self.imported = asked.context.source is not None
        self._log = log
        self._asked = asked
        self._registration = registration_of(asked.command)
        self._tracked: dict[UUID, Tracked] = {}
        self._remembered = False
        now = datetime.now(UTC)
        self.occurred_at = moment or now
        if self.occurred_at > max(now, asked.follows or now) + SKEW:
            raise FutureMoment(self.occurred_at)

    async def decided(self) -> Aggregate:
        """What the handler makes of the command: the aggregate it is about, and events in all that it changed."""
        command = owned(self._asked.command, self._registration, self._asked.caller)
        try:
            about = await self._registration.handler(command, self)
        except Refusal:
            self.check_version()  # a caller who decided on an old version hears that first
            raise
        self.check_version()
        if any(tracked.fixed and tracked.aggregate.pending for tracked in self._tracked.values()):
            raise Forbidden("This would change what you may not change.")
        return about

    async def load(self, kind: type[A], id: UUID) -> A:
        found = await self.load_or_new(kind, id)
        if not found.exists:
            raise NotFound(kind_of(kind), id)
        if found.retracted:
            raise WasRetracted(kind_of(kind), id)
        return found

    async def load_or_new(self, kind: type[A], id: UUID) -> A:
        first = not self._tracked
        found = await self.look_up(kind, id)
        if self._tracked[id].hidden:
            raise NotFound(kind_of(kind), id)
        if first and self._tracked[id].fixed:
            raise Forbidden(
                f"You may read this {kind_of(kind).replace('_', ' ')}, and not {self._registration.action} it."
            )
        return found

    async def look_up(self, kind: type[A], id: UUID) -> A:
        if tracked := self._tracked.get(id):
            if not isinstance(tracked.aggregate, kind):
                raise NotFound(kind_of(kind), id)
            return tracked.aggregate
        self._remembered |= self._log.remembers(self.tenant, id)
        aggregate, stream = await self._log.load(kind, self.tenant, id, self.occurred_at)
        if self._asked.command.occurred_at is None:
            # "Now" of a server whose clock is behind another's, or was set back, still follows the last move and fact.
            known = [moment_of(max(aggregate.since.values()))] if aggregate.since else []
            aggregate.now = max([self.occurred_at, *aggregate.moved_at.values(), *known])
        found = self._track(aggregate, stream, created=False)
        if self._asked.caller.sights is not None and aggregate.exists:
            await self._judge(self._tracked[id])
        return found

    def shows(self, aggregate: Aggregate) -> bool:
        return not self._tracked[aggregate.id].hidden

    async def _judge(self, tracked: Tracked) -> None:
        """Note what the policy lets the caller do with what was loaded, as it stands before the command."""
        kind = kind_of(tracked.aggregate)
        sight = self._asked.caller.sight(kind)
        asked_by = await self._log.recorded_by(self.tenant, tracked.aggregate.id) if kind in ASKED_FOR else None
        record = record_of(tracked.aggregate, asked_by)
        tracked.hidden = not sight.lets("read", record)
        tracked.fixed = not sight.lets(self._registration.action, record)

    async def past(self, aggregate: Aggregate) -> list[Event]:
        events = await self._log.past(type(aggregate), self.tenant, aggregate.id)
        return events[: self._tracked[aggregate.id].version]

    async def trusts(self, id: UUID) -> dict[int, int]:
        return await self._log.trusts(self.tenant, id)

    async def naming(self, aggregate: Aggregate) -> list[tuple[str, UUID, int]]:
        found = await self._log.naming(self.tenant, aggregate.id)
        self._tracked[aggregate.id].named = len(found)
        return found

    def new(self, kind: type[A], id: UUID | None) -> A:
        id = id or derived(self.tenant, self._asked.context.command_id, kind)
        return self._track(kind(id, self.occurred_at), None, created=True)

    def created(self, stream_id: UUID) -> Aggregate | None:
        """The aggregate, when it was asked for as new."""
        tracked = self._tracked[stream_id]
        return tracked.aggregate if tracked.created else None

    def claimed(self, kind: str) -> list[tuple[str, tuple[str, str]]]:
        """The new claims of a kind, each with the kind of the record that claims."""
        return [
            (kind_of(t.aggregate), claim)
            for t in self._tracked.values()
            for claim in sorted(t.aggregate.claims - t.claims)
            if claim[0] == kind
        ]

    def check_version(self) -> None:
        """The stream that a command is about is the first its handler loads; If-Match speaks of that one."""
        if self._asked.if_match is not None and self._tracked:
            first = next(iter(self._tracked.values()))
            if first.version != self._asked.if_match:
                raise StaleVersion(self._asked.if_match, first.version)

    def changes(self) -> list[Changed]:
        return [
            Changed(
                t.aggregate,
                t.version,
                events,
                t.stream or self._log.stream_for(t.aggregate),
                t.claims,
                t.parent,
                t.named,
            )
            for t in self._tracked.values()
            if (events := t.aggregate.collect_events())
        ]

    def read(self) -> list[tuple[UUID, int]]:
        """What was loaded and not changed, as (stream, version)."""
        return [(id, t.version) for id, t in self._tracked.items() if t.aggregate.version == t.version]

    def forget_remembered(self) -> bool:
        """Have all that was loaded forgotten; answers whether any of it came from memory."""
        self._log.forget(self.tenant, self._tracked)
        return self._remembered

    def _track(self, aggregate: A, stream: Stream | None, *, created: bool) -> A:
        self._tracked[aggregate.id] = Tracked(
            aggregate, stream, aggregate.version, aggregate.claims, aggregate.parent, created
        )
        return aggregate


def owned(command: Command, registration: Registration, caller: Caller) -> Command:
    """The command; what it makes is its maker's own where no owner is named and the maker does not see everything."""
    if caller.sights is None or caller.kind != "human" or not registration.creates or registration.kind not in SHARED:
        return command
    if getattr(command, "owner", None) is not None or caller.sight(registration.kind).extents["write"].everything:
        return command
    return command.model_copy(update={"owner": caller.name})


def derived(tenant: str, command_id: str, kind: type[Aggregate]) -> UUID:
    """The id of what a command makes without naming it: the same however often it is sent."""
    return uuid5(IDS, f"{tenant}|{command_id}|{kind_of(kind)}")


def canonical(registration: Registration, command: Command) -> bytes:
    """What was asked, as bytes that are the same whenever the same is asked: only what the caller gave, keys sorted."""
    given = command.__pydantic_serializer__.to_python(command, mode="json", exclude_unset=True)  # model_dump, directly
    return orjson.dumps({"command": registration.name, **given}, option=orjson.OPT_SORT_KEYS)
