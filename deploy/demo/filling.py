"""Sends a history's commands through the one door, many at once, each stream's in their order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid5

from commands.command import Command
from commands.dispatch import Asked, NotFound, dispatch
from deploy.demo.chronicle import NAMESPACE
from deploy.demo.history import Step
from domain.refusals import Refusal
from eventlog.envelope import Caller, Context
from eventlog.errors import CommandReused
from eventlog.log import Log


@dataclass(frozen=True)
class Progress:
    """How far a filling is; `rate` in steps a second."""

    done: int
    total: int
    rate: float


class StepRefused(Exception):
    """A command of the made-up history was not taken: the history is wrong."""

    def __init__(self, step: Step, why: Exception) -> None:
        super().__init__(f"{step.key} {type(step.command).__name__} {step.command!r}: {type(why).__name__}: {why}")


async def fill(
    log: Log,
    caller: Caller,
    steps: Sequence[Step],
    progress: Callable[[Progress], None] = lambda _: None,
    concurrency: int = 128,
) -> int:
    """Send the steps for the caller's tenant, up to `concurrency` at once; returns how many were not sent before.

    Commands that name a common id run one after another in the order given. The last step is sent when all others are
    recorded, so a log that has it is full. Steps that the log knows by their key are passed over, so an interrupted
    filling goes on where it was. Raises StepRefused, and LogUnavailable.
    """
    known = await keys_known(log, caller.tenant, steps)
    left = [step for step in steps if step.key not in known]
    filling = Filling(log, caller, progress, len(left), concurrency)
    await filling.send(left[:-1])
    await filling.send(left[-1:])
    return len(left)


async def unfinished(log: Log, tenant: str) -> date | None:
    """The day up to which a filling was begun and not finished; None when there is none, so nothing to resume."""
    async with log.connection() as connection:
        cursor = await connection.execute(
            "SELECT (SELECT min(command_id) FROM log.commands WHERE tenant = %(tenant)s AND command_id LIKE 'demo-%%'),"
            " EXISTS (SELECT FROM log.commands WHERE tenant = %(tenant)s AND command_id LIKE 'demo-%%-end')",
            {"tenant": tenant},
        )
        row = await cursor.fetchone()
    if row is None or row[0] is None or row[1]:
        return None
    return date.fromisoformat("-".join(row[0].split("-")[2:5]))


async def keys_known(log: Log, tenant: str, steps: Sequence[Step]) -> set[str]:
    async with log.connection() as connection:
        cursor = await connection.execute(
            "SELECT command_id FROM log.commands WHERE tenant = %s AND command_id = ANY(%s)",
            [tenant, [step.key for step in steps]],
        )
        return {row[0] for row in await cursor.fetchall()}


class Filling:
    """The commands under way."""

    def __init__(
        self, log: Log, caller: Caller, progress: Callable[[Progress], None], total: int, concurrency: int
    ) -> None:
        self.log = log
        self.caller = caller
        self.progress = progress
        self.total = total
        self.done = 0
        self.began = self.told = time.monotonic()
        self.room = asyncio.Semaphore(concurrency)
        self.latest: dict[UUID, asyncio.Task[None]] = {}
        """The latest command under way that names an id"""

    async def send(self, steps: Sequence[Step]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for step in steps:
                    await self.room.acquire()
                    named = streams(step.command)
                    before = {self.latest[id] for id in named if id in self.latest}
                    task = group.create_task(self.one(step, named, before))
                    self.latest.update(dict.fromkeys(named, task))
        except* Exception as failed:
            raise failed.exceptions[0] from None

    async def one(self, step: Step, named: list[UUID], before: set[asyncio.Task[None]]) -> None:
        try:
            if before:
                await asyncio.wait(before)
            caller = Caller(self.caller.tenant, step.actor, self.caller.scopes)
            # All that happens to one thing is one conversation.
            conversation = named[0] if named else uuid5(NAMESPACE, step.key)
            context = Context(caller.tenant, caller.actor, step.key, conversation, reason=step.command.reason)
            await dispatch(self.log, Asked(step.command, caller, context))
        except (Refusal, NotFound, CommandReused) as refused:
            raise StepRefused(step, refused) from refused
        finally:
            self.room.release()
            for id in named:
                if self.latest.get(id) is asyncio.current_task():
                    del self.latest[id]
        self.done += 1
        now = time.monotonic()
        if self.done == self.total or now - self.told > 0.25:
            self.told = now
            self.progress(Progress(self.done, self.total, self.done / (now - self.began)))


def streams(command: Command) -> list[UUID]:
    """The streams that a command names; first the one that it is about."""
    return [value for value in vars(command).values() if isinstance(value, UUID)]
