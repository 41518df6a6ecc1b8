"""Carries out what takes long, job after job: whoever asked for it has his answer already and looks in on it later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from traceback import extract_tb
from typing import Any, Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge
from psycopg import AsyncConnection, OperationalError

from eventlog.log import Log
from workers.lifetime import PASSING, Surroundings, Worker, connected, persist
from workers.watchdog import at_work

log = structlog.get_logger()

LOOK_S = 0.5
"""How often each task is asked whether something waits."""

LATER_S = 30.0
"""How long a job that failed by a fault of ours is left alone, so that the others have their turn."""

HELD_S = 1.0
"""How often the connection that holds a job is asked whether it still does."""

JOBS = Counter("kronika_clerk_jobs", "Jobs that a clerk has worked on.", ["task", "outcome"])
UNDER_WAY = Gauge("kronika_clerk_under_way", "Jobs under way in this process.", ["task"])
LOOKED = Gauge("kronika_clerk_looked", "When a task was last asked what waits, in seconds since 1970.", ["task"])


@dataclass(frozen=True)
class Job:
    """One thing to be done."""

    tenant: str
    id: UUID


@dataclass(frozen=True)
class Desk:
    """What a task works with: the open log (its `connection()` for queries, `dispatch(desk.log, ...)` for commands) and
    everything that a worker has around it."""

    log: Log
    around: Surroundings


class Task(Protocol):
    """One kind of job that takes long. What a job is about, and how far it has come, is for the task to keep."""

    name: str

    async def waiting(self, connection: AsyncConnection[Any], around: Surroundings) -> Sequence[Job]:
        """The jobs to be done or to be gone on with, the longest waiting first; asked every half second."""
        ...

    async def carry_out(self, job: Job, desk: Desk) -> None:
        """Do the job, or what is left of it: it may have been begun by a process that was killed at any line.

        Nobody else does it meanwhile. Says `at_work()` whenever it comes round. Cancelled, it lets go at once of what
        it holds; it is called again, by this clerk or the next, for as long as `waiting` names the job.
        """
        ...


class Taken(Exception):
    """Another process is at this job."""


def clerk(*tasks: Task) -> Worker:
    """The worker for these tasks. Each has its own turn, one job at a time, so that no task waits for another's long
    job; several clerks share the jobs."""

    async def follow(task: Task, around: Surroundings) -> None:
        async with Log.open(around.database_url, around.keys) as door, connected(around.database_url) as looking:
            await Turn(task, Desk(door, around)).follow(looking)

    async def work(around: Surroundings) -> None:
        async with asyncio.TaskGroup() as group:
            for task in tasks:
                group.create_task(persist(f"clerk: {task.name}", partial(follow, task, around)))

    return work


class Turn:
    """One task's own round: look what waits, do it, look again."""

    def __init__(self, task: Task, desk: Desk) -> None:
        self.task, self.desk = task, desk
        self._not_before: dict[UUID, float] = {}

    async def follow(self, looking: AsyncConnection[Any]) -> None:
        while True:
            at_work()
            LOOKED.labels(self.task.name).set_to_current_time()
            for job in await self.task.waiting(looking, self.desk.around):
                if time.monotonic() >= self._not_before.get(job.id, 0.0):
                    await self._one(job)
            await asyncio.sleep(LOOK_S)

    async def _one(self, job: Job) -> None:
        about = {"task": self.task.name, "tenant": job.tenant, "job": str(job.id)}
        outcome = "done"
        try:
            log.info("begins", **about)
            await alone(self.task, job, self.desk)
        except Taken:
            outcome = "taken"
        except PASSING:
            outcome = "interrupted"
            raise
        except Exception as fault:  # of this job alone: the others go on
            outcome = "fault"
            self._not_before[job.id] = time.monotonic() + LATER_S
            log.error("fault", **about, error=type(fault).__name__, at=places(fault))
        finally:
            JOBS.labels(self.task.name, outcome).inc()


async def alone(task: Task, job: Job, desk: Desk) -> None:
    """Do the job while nobody else does. Raises Taken when somebody is at it.

    It is ours for as long as the connection lives that holds the lock. When that is lost, another may begin: so the
    work is stopped at once (OperationalError). What both did in between, the log takes once.
    """
    async with connected(desk.around.database_url) as holding:
        cursor = await holding.execute("SELECT pg_try_advisory_lock(%s)", [lock_of(job)])
        if await cursor.fetchone() != (True,):
            raise Taken
        with UNDER_WAY.labels(task.name).track_inprogress():
            work = asyncio.ensure_future(task.carry_out(job, desk))
            hold = asyncio.ensure_future(still_held(holding))
            try:
                await asyncio.wait({work, hold}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task_ in (work, hold):
                    task_.cancel()
                await asyncio.wait({work, hold})
            if work.cancelled():
                hold.result()
            work.result()


async def still_held(holding: AsyncConnection[Any]) -> None:
    """Returns never; raises OperationalError when the connection is lost."""
    while True:
        await asyncio.sleep(HELD_S)
        try:
            async with asyncio.timeout(5):
                await holding.execute("SELECT")
        except TimeoutError:
            raise OperationalError("the server is silent; the job may be another's by now") from None


def lock_of(job: Job) -> int:
    """The advisory lock of a job, among 2^63."""
    return job.id.int & (2**63 - 1)


def places(fault: BaseException) -> list[str]:
    """Where it went wrong; messages and values stay out, they may be personal."""
    return [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(fault.__traceback__)][-6:]
