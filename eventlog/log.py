"""The log: append what a command decided, load a stream, look up what became of a command."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from uuid_utils.compat import uuid7

from domain.aggregate import Aggregate, Event
from eventlog.codec import Codec, kind_of
from eventlog.connections import APP_ROLE, pooled
from eventlog.envelope import Answer, Changed, Commit, Stream, partition_of
from eventlog.errors import ClaimTaken, CommandReused, Conflict, LogUnavailable, ParentCircle
from eventlog.keys import KeyMaker, KeyStore
from eventlog.writer import Outcome, Waiting, Writer

A = TypeVar("A", bound=Aggregate)

WRITER_OPTIONS = (
    f"{APP_ROLE} -c idle_in_transaction_session_timeout=1000 -c statement_timeout=5000 -c lock_timeout=5000"
)
"""A client that stops while it holds the log's lock loses it within a second; nobody waits for it longer than five."""


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
        self._key_maker = KeyMaker(keys)
        self._patience_s = patience_s

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
        outcome = await self._writer.write(await self._waiting(commit))
        match outcome.outcome:
            case "recorded":
                return answer(
                    outcome,
                    [self.codec.type_of(type(event)).name for change in commit.changes for event in change.events],
                )
            case "repeated":
                return answer(outcome, await self._types(outcome), repeated=True)
            case "reused":
                raise CommandReused(commit.context.command_id)
            case "conflict":
                assert outcome.stream_id is not None
                assert outcome.version is not None
                raise Conflict(outcome.stream_id, outcome.version)
            case "claimed":
                raise ClaimTaken(outcome.detail or "")
            case _:
                raise ParentCircle

    async def load(self, kind: type[A], tenant: str, id: UUID, now: datetime) -> tuple[A, Stream | None]:
        """The aggregate as the log has it, given the moment of what is to be decided, and where its stream stands;
        (blank, None) when the tenant has no such stream. Raises LogUnavailable."""
        async with self.connection() as connection:
            cursor = connection.cursor(binary=True, row_factory=tuple_row)
            await cursor.execute(
                "SELECT version, type, schema_version, occurred_at, data, personal, subject_id, partition"
                " FROM log.events WHERE tenant = %s AND stream_id = %s AND stream_type = %s ORDER BY version",
                [tenant, id, kind_of(kind)],
                prepare=True,
            )
            rows = await cursor.fetchall()
        if not rows:
            return kind(id, now), None
        subject_id, partition = rows[0][6:]
        events = [
            self.codec.decode(type_, schema, tenant, id, version, subject_id, occurred_at, data, personal)
            for version, type_, schema, occurred_at, data, personal, _, _ in rows
        ]
        return kind.fold(
            id, [event or Event(id, row[0], row[3]) for event, row in zip(events, rows, strict=True)], now
        ), Stream(subject_id, partition)

    async def answer_of(self, tenant: str, command_id: str, body: bytes) -> Answer | None:
        """What became of a command that was recorded before; None when it was not. Raises CommandReused when it was
        recorded with another body."""
        async with self.connection() as connection:
            cursor = await connection.execute(
                "SELECT 0, CASE WHEN body = %s THEN 'repeated' ELSE 'reused' END, NULL, stream_type, stream_id,"
                " version, events, position, recorded_at FROM log.commands WHERE tenant = %s AND command_id = %s",
                [self.keys.digest("commands", tenant, body), tenant, command_id],
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        outcome = Outcome(*row)
        if outcome.outcome == "reused":
            raise CommandReused(command_id)
        return answer(outcome, await self._types(outcome), repeated=True)

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

    async def _types(self, outcome: Outcome) -> list[str]:
        if not outcome.events:
            return []
        async with self.connection() as connection:
            cursor = await connection.execute(
                "SELECT type FROM log.events WHERE position > %s AND position <= %s ORDER BY position",
                [(outcome.position or 0) - outcome.events, outcome.position],
            )
            return [row[0] for row in await cursor.fetchall()]

    async def _waiting(self, commit: Commit) -> Waiting:
        context, tenant = commit.context, commit.context.tenant
        subjects = {
            (tenant, change.stream.subject_id)
            for change in commit.changes
            if any(self.codec.has_personal(event) for event in change.events)
        }
        keys = await self._key_maker.keys(subjects)
        events: list[dict[str, Any]] = []
        for change in commit.changes:
            for event in change.events:
                stored = self.codec.encode(event, tenant, keys.get((tenant, change.stream.subject_id)))
                events.append(
                    {
                        "ordinal": len(events) + 1,
                        "stream_type": kind_of(change.aggregate),
                        "stream_id": event.originator_id,
                        "version": event.originator_version,
                        "partition": change.stream.partition,
                        "subject_id": change.stream.subject_id,
                        "event_id": uuid7(),
                        "occurred_at": event.timestamp,
                        **stored._asdict(),
                    }
                )
        claims = [
            self._claim(tenant, c, change)
            for change in commit.changes
            for c in change.aggregate.claims - change.claims_before
        ]
        releases = [
            self._claim(tenant, c, change)
            for change in commit.changes
            for c in change.claims_before - change.aggregate.claims
        ]
        parents = [
            {"child_id": change.aggregate.id, "parent_id": change.aggregate.parent}
            for change in commit.changes
            if change.aggregate.parent != change.parent_before
        ]
        touches = {("command", tenant, context.command_id)}
        touches |= {("stream", tenant, str(change.aggregate.id)) for change in commit.changes}
        touches |= {("claim", tenant, claim["kind"] + claim["token"]) for claim in claims + releases}
        touches |= {("parents", tenant, "") for _ in parents}
        command = {
            "tenant": tenant,
            "command_id": context.command_id,
            "body": self.keys.digest("commands", tenant, commit.body).hex(),
            "stream_type": kind_of(commit.about),
            "stream_id": commit.about.id,
            "version": commit.about.version,
            "events": len(events),
            "actor": context.actor,
            "on_behalf_of": context.on_behalf_of,
            "reason": context.reason,
            "correlation_id": context.correlation_id,
            "causation_id": context.causation_id,
            "trace": context.trace,
        }
        return Waiting(
            command, events, claims, releases, parents, frozenset(touches), time.monotonic() + self._patience_s
        )

    def _claim(self, tenant: str, claim: tuple[str, str], change: Changed) -> dict[str, Any]:
        kind, value = claim
        token = self.keys.digest("claims", tenant, f"{kind}|{value}".encode())
        return {"kind": kind, "token": token.hex(), "stream_id": change.aggregate.id}


def answer(outcome: Outcome, types: list[str], *, repeated: bool = False) -> Answer:
    stream_type, stream_id, version = outcome.stream_type, outcome.stream_id, outcome.version
    position, recorded_at = outcome.position, outcome.recorded_at
    assert stream_type is not None
    assert stream_id is not None
    assert version is not None
    assert position is not None
    assert recorded_at is not None
    return Answer(stream_type, stream_id, version, position, types, recorded_at, repeated)
