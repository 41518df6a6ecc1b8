"""Lets policies react: an event comes in, a command goes through the same door as everybody's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from prometheus_client import Counter
from psycopg import AsyncConnection
from pydantic import ValidationError

from commands.dispatch import Asked, NotFound, dispatch
from domain.refusals import Refusal
from eventlog.codec import Codec
from eventlog.envelope import Caller, Context, Recorded
from eventlog.errors import CommandReused
from eventlog.keys import KeyDestroyed
from eventlog.log import Log
from projections.host import Fenced
from workers.inbox import Inbox
from workers.lifetime import Surroundings, Worker, connected, persist
from workers.policies import Policy

log = structlog.get_logger()

SLOT = "reactor"
"""Its checkpoints stand in read.checkpoints, so its lag is asked for like any other."""

PACE_S = 0.1
"""Between two batches: nobody waits for a policy so keenly, and each batch is a commit."""

REFUSED = (Refusal, NotFound, CommandReused, KeyDestroyed, ValidationError)
"""Answers that asking again would not change. CommandReused: an older release asked in other words, and was heard."""

ASKED = Counter("kronika_reactor_commands", "Commands asked for by policies.", ["policy", "outcome"])


def react(*policies: Policy) -> Worker:
    """The worker that follows these policies; several of it share the partitions."""

    async def serve(around: Surroundings) -> None:
        async with (
            Log.open(around.database_url, around.keys) as door,
            connected(around.database_url) as writing,
            connected(around.database_url) as reading,
        ):
            reactor = Reactor(writing, door, policies)
            await Inbox(SLOT, reactor, reading, Codec(around.keys), around.kafka, PACE_S).run()

    async def work(around: Surroundings) -> None:
        await persist(SLOT, lambda: serve(around))

    return work


class Reactor:
    """Asks what the policies want of each event, then moves the checkpoint. A crash in between asks again, under the
    same command ids: they get their first answers, and nothing happens twice."""

    def __init__(self, connection: AsyncConnection[Any], door: Log, policies: Sequence[Policy]) -> None:
        self.connection, self.door, self.policies = connection, door, policies
        self._owners: dict[int, int] = {}
        self._checkpoints: dict[int, int] = {}

    @property
    def partitions(self) -> set[int]:
        return set(self._owners)

    def checkpoint(self, partition: int) -> int:
        return self._checkpoints[partition]

    async def claim(self, partitions: Iterable[int]) -> None:
        cursor = await self.connection.execute(
            "UPDATE read.checkpoints SET owner = owner + 1 WHERE slot = %s AND partition = ANY(%s)"
            " RETURNING partition, owner, position",
            [SLOT, list(partitions)],
        )
        for partition, owner, position in await cursor.fetchall():
            self._owners[partition], self._checkpoints[partition] = owner, position

    def release(self, partitions: Iterable[int]) -> None:
        for partition in list(partitions):
            self._owners.pop(partition, None)

    async def apply(self, batch: Sequence[Recorded]) -> None:
        """Raises Fenced, LogUnavailable and psycopg.OperationalError; then the same batch may come again."""
        for recorded in batch:
            for policy in self.policies:
                if policy.concerns(recorded):
                    await self._follow(policy, recorded)
        await self._advance({recorded.partition: recorded.position for recorded in batch})

    async def _follow(self, policy: Policy, recorded: Recorded) -> None:
        about = {"policy": policy.name, "position": recorded.position}
        try:
            command = policy.ask(recorded.event, recorded)
            if command is None:
                ASKED.labels(policy.name, "nothing").inc()
                log.info("nothing to ask", **about)
                return
            who, why = caller(policy, recorded), context(policy, recorded)
            answer = await dispatch(self.door, Asked(command, who, why, follows=recorded.occurred_at))
        except REFUSED as refusal:
            ASKED.labels(policy.name, "refused").inc()
            log.warning("refused", **about, refusal=type(refusal).__name__)
        else:
            ASKED.labels(policy.name, "repeated" if answer.repeated else "done").inc()

    async def _advance(self, reached: dict[int, int]) -> None:
        cursor = await self.connection.execute(
            "UPDATE read.checkpoints c SET position = n.position"
            " FROM unnest(%s::smallint[], %s::bigint[], %s::bigint[]) AS n(partition, position, owner)"
            " WHERE c.slot = %s AND c.partition = n.partition AND c.owner = n.owner",
            [list(reached), list(reached.values()), [self._owners[partition] for partition in reached], SLOT],
        )
        # Those still ours may move, though others were not: what they stand for is done.
        for partition, position in reached.items():
            self._checkpoints[partition] = position
        if cursor.rowcount != len(reached):
            raise Fenced("another reactor has taken over")


def caller(policy: Policy, recorded: Recorded) -> Caller:
    return Caller(recorded.tenant, f"policy:{policy.name}", frozenset({"write"}))


def context(policy: Policy, recorded: Recorded) -> Context:
    return Context(
        tenant=recorded.tenant,
        actor=f"policy:{policy.name}",
        command_id=f"{policy.name}:{recorded.event_id}",
        correlation_id=recorded.correlation_id,
        causation_id=recorded.event_id,
        trace=recorded.trace,
    )
