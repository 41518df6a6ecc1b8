"""A log that is only played: commands are decided as they would be, on what the log has and what was played before."""

from __future__ import annotations

import pickle
import sqlite3
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from commands.importing.outcomes import CLAMPED
from commands.importing.together import Together
from domain.aggregate import Aggregate
from eventlog.codec import kind_of
from eventlog.envelope import Answer, Changed, Commit, Stream
from eventlog.errors import ClaimTaken, CommandReused, Conflict, ParentCircle
from eventlog.log import Log

A = TypeVar("A", bound=Aggregate)

AT_HAND = 20_000
"""Aggregates that are kept in memory, some 60 MB; the others wait in a throwaway file."""

Claim = tuple[str, str]

ASKED_BEFORE = f"""
SELECT c.command_id, array_remove(array_agg({CLAMPED} ORDER BY e.position), NULL)
  FROM log.commands c
  LEFT JOIN log.events e ON e.position > c.position - c.events AND e.position <= c.position
 WHERE c.tenant = %s AND c.command_id = ANY (%s)
 GROUP BY 1
"""  # noqa: S608  # our own words
NOTHING = UUID(int=0)


class Rehearsal(Log):
    """Refuses what the log would refuse, and records nothing. It sees what the log had when it was asked; what others
    record meanwhile may still make a difference later."""

    def __init__(self, log: Log, tenant: str) -> None:
        vars(self).update(vars(log))
        self._tenant = tenant
        self._played = Played()
        self._claimed: dict[Claim, UUID | None] = {}
        self._parents: dict[UUID, UUID | None] = {}
        self._commands: dict[str, bytes] = {}
        self.clamped: dict[str, list[str]] = {}
        """What is to be said of the events of commands with a move that their source dates too early: played here, or
        recorded before"""
        self._versions = Together(self._find_versions)
        self._holders = Together(self._find_holders)
        self._asked_before = Together(self._find_asked_before)
        self._above = Together(self._find_parents)

    async def load(self, kind: type[A], tenant: str, id: UUID, now: datetime) -> tuple[A, Stream | None]:
        if (played := self._played.get(id)) is None:
            return await super().load(kind, tenant, id, now)
        aggregate, stream = played
        return (aggregate.copied(now), stream) if isinstance(aggregate, kind) else (kind(id, now), None)

    async def append(self, commit: Commit) -> Answer:
        """As the log would answer; raises as it does."""
        id, digest = commit.context.command_id, self.keys.digest("commands", self._tenant, commit.body)
        if earlier := await self._earlier(id, commit.body, digest):
            return earlier
        for change in commit.changes:
            await self._check(change)
        if commit.context.source and (stated_at := commit.context.source.stated_at):
            self.clamped[id] = [
                f"{self.codec.type_of(type(event)).name} was stated at {stated_at.isoformat()}, before the last move of"
                f" its kind; it counts from {event.timestamp.isoformat()}"
                for change in commit.changes
                for event in change.events
            ]
        for change in commit.changes:
            self._play(change)
        self._commands[id] = digest[:8]
        types = [self.codec.type_of(type(event)).name for change in commit.changes for event in change.events]
        about = commit.about
        return Answer(kind_of(about), about.id, about.version, 0, types, datetime.now(UTC))

    async def answer_of(self, tenant: str, command_id: str, body: bytes) -> Answer | None:
        return await self._earlier(command_id, body, self.keys.digest("commands", tenant, body))

    async def _earlier(self, command_id: str, body: bytes, digest: bytes) -> Answer | None:
        if played := self._commands.get(command_id):
            if played != digest[:8]:
                raise CommandReused(command_id)
            return Answer("", NOTHING, 0, 0, [], datetime.now(UTC), repeated=True)
        if (clamped := await self._asked_before.get(command_id)) is None:
            return None
        earlier = await super().answer_of(self._tenant, command_id, body)
        self.clamped[command_id] = clamped
        return earlier

    async def _check(self, change: Changed) -> None:
        aggregate = change.aggregate
        if change.expected_version == 0:
            played = self._played.get(aggregate.id)
            version = played[0].version if played else await self._versions.get(aggregate.id)
            if version:
                self.forget(self._tenant, [aggregate.id])
                raise Conflict(aggregate.id, version)
        for claim in aggregate.claims - change.claims_before:
            holder = self._claimed[claim] if claim in self._claimed else await self._holders.get(claim)
            if holder not in (None, aggregate.id):
                raise ClaimTaken(claim[0])
        if aggregate.parent not in (None, change.parent_before):
            above: UUID | None = aggregate.parent
            while above is not None:
                if above == aggregate.id:
                    raise ParentCircle
                above = self._parents[above] if above in self._parents else await self._above.get(above)

    def _play(self, change: Changed) -> None:
        aggregate = change.aggregate
        self._played.keep(aggregate, change.stream)
        self._claimed.update(dict.fromkeys(change.claims_before - aggregate.claims))
        self._claimed.update(dict.fromkeys(aggregate.claims - change.claims_before, aggregate.id))
        if aggregate.parent != change.parent_before:
            self._parents[aggregate.id] = aggregate.parent

    async def _find_versions(self, ids: list[UUID]) -> dict[UUID, int]:
        return await self._found(
            "SELECT stream_id, max(version) FROM log.events WHERE tenant = %s AND stream_id = ANY (%s) GROUP BY 1", ids
        )

    async def _find_parents(self, ids: list[UUID]) -> dict[UUID, UUID]:
        return await self._found(
            "SELECT child_id, parent_id FROM log.parents WHERE tenant = %s AND child_id = ANY (%s)", ids
        )

    async def _find_asked_before(self, ids: list[str]) -> dict[str, list[str]]:
        return await self._found(ASKED_BEFORE, ids)

    async def _find_holders(self, claims: list[Claim]) -> dict[Claim, UUID]:
        tokens = {
            self.keys.digest("claims", self._tenant, f"{kind}|{value}".encode()): (kind, value)
            for kind, value in claims
        }
        found = await self._found(
            "SELECT token, stream_id FROM log.claims WHERE tenant = %s AND kind = ANY (%s) AND token = ANY (%s)",
            list({kind for kind, _ in claims}),
            list(tokens),
        )
        return {tokens[token]: stream_id for token, stream_id in found.items()}

    async def _found(self, query: str, *asked: list[Any]) -> dict[Any, Any]:
        async with self.connection() as connection:
            cursor = await connection.cursor(binary=True).execute(query, [self._tenant, *asked])
            return dict(await cursor.fetchall())


class Played:
    """The aggregates as they were played, the most recent in memory."""

    def __init__(self) -> None:
        self._at_hand: OrderedDict[UUID, tuple[Aggregate, Stream]] = OrderedDict()
        self._aside = sqlite3.connect("")  # a file without a name, gone with the connection
        self._aside.execute("CREATE TABLE aside (id BLOB PRIMARY KEY, played BLOB) WITHOUT ROWID")
        self._any_aside = False

    def get(self, id: UUID) -> tuple[Aggregate, Stream] | None:
        if found := self._at_hand.get(id):
            return found
        if self._any_aside:
            row = self._aside.execute("SELECT played FROM aside WHERE id = ?", [id.bytes]).fetchone()
            return pickle.loads(row[0]) if row else None  # noqa: S301  # written below, by this process
        return None

    def keep(self, aggregate: Aggregate, stream: Stream) -> None:
        self._at_hand[aggregate.id] = aggregate, stream
        self._at_hand.move_to_end(aggregate.id)
        if len(self._at_hand) > AT_HAND:
            id, played = self._at_hand.popitem(last=False)
            self._aside.execute("INSERT OR REPLACE INTO aside VALUES (?, ?)", [id.bytes, pickle.dumps(played)])
            self._any_aside = True
