"""The log: append what a command decided, load a stream, look up what became of a command."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.aggregate import Aggregate, Event
from eventlog.codec import Codec, kind_of
from eventlog.connections import APP_ROLE, pooled
from eventlog.envelope import Answer, Commit, Stream, partition_of
from eventlog.errors import ClaimTaken, CommandReused, Conflict, LogUnavailable, ParentCircle
from eventlog.keys import KeyMaker, KeyStore, Subject, SubjectKey
from eventlog.loader import Loader
from eventlog.memory import Memory
from eventlog.rows import rows_of
from eventlog.writer import Outcome, Writer

A = TypeVar("A", bound=Aggregate)

WRITER_OPTIONS = (
    f"{APP_ROLE} -c idle_in_transaction_session_timeout=1000 -c statement_timeout=5000 -c lock_timeout=5000"
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
"""A client that stops while it holds the log's lock loses it within a second; nobody waits for it longer than five.
Every append is a few rows against tables that grow, so it is planned once, for that; planning costs more than a row."""


class Log:
    """The event log of all tenants in one PostgreSQL database. Open with `Log.open`, as an async context manager."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        writer: Writer,
        codec: Codec,
        keys: KeyStore,
        partitions: int,
        patience_s: float,
    ) -> None:
        self.pool = pool
        self.codec = codec
        self.keys = keys
        self.partitions = partitions
        self._writer = writer
        self._loader = Loader(self.connection, keys)
        self._key_maker = KeyMaker(keys)
        self._patience_s = patience_s
        self._memory = Memory(keys)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        keys: KeyStore,
        *,
        pool_min: int = 1,
        pool_max: int = 8,
        statement_timeout_ms: int = 10_000,
        connect_timeout_s: float = 5.0,
        patience_s: float = 10.0,
    ) -> AsyncIterator[Self]:
        """`url` is any PostgreSQL URL; `patience_s` how long a command waits for a store that is away before it is
        answered LogUnavailable."""
        async with pooled(
            url,
            pool_min=pool_min,
            pool_max=pool_max,
            statement_timeout_ms=statement_timeout_ms,
            connect_timeout_s=connect_timeout_s,
        ) as pool:
            async with pool.connection() as connection:
                row = await (await connection.execute("SELECT partitions FROM log.settings")).fetchone()
            assert row is not None, "a migrated log has its settings"
            writer = Writer(url, WRITER_OPTIONS)
            try:
                yield cls(pool, writer, Codec(keys), keys, row[0], patience_s)
            finally:
                await writer.close()

    async def append(self, commit: Commit) -> Answer:
        """Record all that the command decided, or nothing.

        The same command id with the same body is answered as the first time (`repeated`). Raises Conflict, ClaimTaken,
        ParentCircle, CommandReused, LogUnavailable (open whether recorded) and KeyDestroyed.
        """
        rows = rows_of(commit, self.codec, await self._keys(commit))
        outcome = await self._writer.write(rows, time.monotonic() + self._patience_s)
        match outcome.outcome:
            case "recorded":
                for change in commit.changes:
                    self._memory.keep(commit.context.tenant, change.aggregate, change.stream)
                about, events = commit.about, [event for change in commit.changes for event in change.events]
                types = [self.codec.type_of(type(event)).name for event in events]
                said = {name: getattr(event, name) for event in events for name in event.says}
                position, recorded_at = outcome.position, outcome.recorded_at
                return Answer(kind_of(about), about.id, about.version, position, types, recorded_at, said=said)
            case "repeated":
                return await self._first_answer(outcome)
            case "reused":
                raise CommandReused(commit.context.command_id)
            case "conflict":
                assert outcome.stream_id is not None
                assert outcome.version is not None
                self.forget(
                    commit.context.tenant, [c.aggregate.id for c in commit.changes] + [id for id, _ in commit.read]
                )
                raise Conflict(outcome.stream_id, outcome.version)
            case "claimed":
                raise ClaimTaken(outcome.detail or "")
            case _:
                raise ParentCircle

    async def load(self, kind: type[A], tenant: str, id: UUID, now: datetime) -> tuple[A, Stream | None]:
        """The aggregate, given the moment of what is to be decided, and where its stream stands; (blank, None) when
        the tenant has no such stream. Raises LogUnavailable.

        It may come from memory, and be out of date: `append` refuses what was decided on it (Conflict); whoever decides
        without appending asks `remembers` first, has it forgotten and decides again.
        """
        if found := self._memory.get(kind, tenant, id, now):
            return found
        loaded, stream = await self._load(kind, tenant, id, now)
        self._memory.keep(tenant, loaded.copied(now), stream)
        return loaded, stream

    def remembers(self, tenant: str, id: UUID) -> bool:
        """Whether `load` may answer from memory."""
        return (tenant, id) in self._memory

    def forget(self, tenant: str, ids: Iterable[UUID]) -> None:
        """Load these from the log next time."""
        self._memory.forget(tenant, ids)

    async def _load(self, kind: type[A], tenant: str, id: UUID, now: datetime) -> tuple[A, Stream | None]:
        rows = await self._loader.rows((tenant, id, kind_of(kind)))
        if not rows:
            return kind(id, now), None
        return kind.fold(id, self._decoded(tenant, id, rows), now), Stream(*rows[0][6:])

    def _decoded(self, tenant: str, id: UUID, rows: Iterable[tuple[Any, ...]]) -> list[Event]:
        events = []
        for version, type_, schema_version, occurred_at, data, personal, subject_id, _ in rows:
            read = self.codec.decode(
                type_, schema_version, tenant, id, version, subject_id, occurred_at, data, personal
            )
            events.append(read or Event(id, version, occurred_at))
        return events

    async def past(self, kind: type[Aggregate], tenant: str, id: UUID) -> list[Event]:
        """Every event of a stream, by version. Raises LogUnavailable."""
        return self._decoded(tenant, id, await self._loader.rows((tenant, id, kind_of(kind))))

    async def trusts(self, tenant: str, id: UUID) -> dict[int, int]:
        """How far the source of each imported event of a stream is trusted, by version. Raises LogUnavailable."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                "SELECT version, (source->>'trust')::integer FROM log.events"
                " WHERE tenant = %s AND stream_id = %s AND source IS NOT NULL",
                [tenant, id],
            )
            return dict(await cursor.fetchall())

    async def recorded_by(self, tenant: str, id: UUID) -> str | None:
        """Who recorded the first event of a stream. Raises LogUnavailable."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                "SELECT actor FROM log.events WHERE tenant = %s AND stream_id = %s AND version = 1", [tenant, id]
            )
            row = await cursor.fetchone()
        return row[0] if row else None

    async def asked_by(self, tenant: str, command_id: str) -> str | None:
        """Who had a command recorded; None when it recorded nothing. Raises LogUnavailable."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                "SELECT e.actor FROM log.commands c JOIN log.events e ON e.position = c.position"
                " WHERE c.tenant = %s AND c.command_id = %s AND c.events > 0",
                [tenant, command_id],
            )
            row = await cursor.fetchone()
        return row[0] if row else None

    async def naming(self, tenant: str, id: UUID) -> list[tuple[str, UUID, int]]:
        """The events that refer to what has this id, as (stream type, stream id, version). Raises LogUnavailable."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                "SELECT stream_type, stream_id, version FROM log.naming(%s, %s) ORDER BY position", [tenant, id]
            )
            return await cursor.fetchall()

    async def answer_of(self, tenant: str, command_id: str, body: bytes) -> Answer | None:
        """What became of a command that was recorded before; None when it was not. Raises CommandReused when it was
        recorded with another body."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                "SELECT CASE WHEN body = %s THEN 'repeated' ELSE 'reused' END, NULL, stream_type, stream_id,"
                " version, events, position, recorded_at FROM log.commands WHERE tenant = %s AND command_id = %s",
                [self.keys.digest("commands", tenant, body), tenant, command_id],
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        outcome = Outcome(*row)
        if outcome.outcome == "reused":
            raise CommandReused(command_id)
        return await self._first_answer(outcome)

    def stream_for(self, aggregate: Aggregate) -> Stream:
        """Where a new stream will stand, fixed by its first event."""
        return Stream(aggregate.concerns, partition_of(aggregate.concerns, self.partitions))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A pooled connection in autocommit mode, as the application role. Raises LogUnavailable."""
        try:
            async with self.pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise LogUnavailable(str(error)) from error

    async def _first_answer(self, outcome: Outcome) -> Answer:
        """What was answered to a command that was recorded before: with the types of its events, and what they say to
        whoever asked."""
        stream_type, stream_id, version = outcome.stream_type, outcome.stream_id, outcome.version
        assert stream_type is not None
        assert stream_id is not None
        assert version is not None
        assert outcome.events is not None
        rows: list[tuple[str, dict[str, Any]]] = []
        if outcome.events:
            async with self.connection() as connection:
                cursor = await connection.execute(
                    "SELECT type, data FROM log.events WHERE position > %s AND position <= %s ORDER BY position",
                    [outcome.position - outcome.events, outcome.position],
                )
                rows = await cursor.fetchall()
        known, types = self.codec.types, [type_ for type_, _ in rows]
        said = {
            name: data.get(name) for type_, data in rows if type_ in known for name in known[type_].event_class.says
        }
        return Answer(stream_type, stream_id, version, outcome.position, types, outcome.recorded_at, True, said)

    async def _keys(self, commit: Commit) -> dict[int, SubjectKey]:
        """By subject id as a number the keys of all about whom the commit says something personal, made durable. Raises
        KeyDestroyed."""
        tenant, personal = commit.context.tenant, self.codec.has_personal
        found: dict[int, SubjectKey] = {}
        missing: set[Subject] = set()
        for change in commit.changes:
            id = change.stream.subject_id
            if key := self.keys.known(tenant, id):
                found[id.int] = key
            elif any(map(personal, change.events)):
                missing.add((tenant, id))
        if missing:
            found |= {id.int: key for (_, id), key in (await self._key_maker.keys(missing)).items()}
        return found
