"""The clerk: each job is done, by one process at a time, whatever happens to those that do it."""

from __future__ import annotations

import asyncio
from io import BytesIO
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from commands.importing.files import measured
from commands.importing.requesting import Wish, request
from eventlog.envelope import Caller, Context
from projections.imports import IMPORT_ROWS
from tests.importing.shop import MAPPING, customers, files, orders
from tests.workers.conftest import at_work, eventually, value
from workers.clerk import Desk, Job, Taken, alone, clerk
from workers.importing import IMPORTS
from workers.projector import project

pytestmark = pytest.mark.anyio


class Errands:
    """A task that notes what is begun, and what is under way."""

    name = "errands"

    def __init__(self, *jobs: Job, faulty: Job | None = None) -> None:
        self.open, self.faulty = list(jobs), faulty
        self.begun: list[Job] = []
        self.under_way = 0

    async def waiting(self, connection, around):
        return list(self.open)

    async def carry_out(self, job, desk):
        if job not in self.open:  # who named it looked before it was done
            return
        self.begun.append(job)
        if job == self.faulty:
            raise ZeroDivisionError
        self.under_way += 1
        try:
            await asyncio.sleep(0.05)
            self.open.remove(job)
        finally:
            self.under_way -= 1


def jobs(count):
    return [Job("acme", uuid4()) for _ in range(count)]


async def test_several_clerks_share_the_jobs_and_never_do_one_together(around):
    errands = Errands(*jobs(5))
    async with at_work(clerk(errands), around), at_work(clerk(errands), around):
        await eventually(lambda: not errands.open)
    assert len(errands.begun) == 5


async def test_a_job_that_fails_by_a_fault_of_ours_keeps_no_other_waiting(around):
    first, second = jobs(2)
    errands = Errands(first, second, faulty=first)
    async with at_work(clerk(errands), around):
        await eventually(lambda: errands.open == [first])
        await asyncio.sleep(1.2)
    assert errands.begun == [first, second], "it is not tried at once again"


async def test_a_task_does_not_wait_for_the_long_job_of_another(around):
    class Long(Errands):
        async def carry_out(self, job, desk):
            await asyncio.Event().wait()

    errands = Errands(*jobs(1))
    async with at_work(clerk(Long(*jobs(1)), errands), around):
        await eventually(lambda: not errands.open)


async def test_who_loses_the_connection_that_holds_a_job_stops_at_once(around, log, database_url):
    """Else another, who may begin by then, would not be alone."""
    job, stopped = jobs(1)[0], asyncio.Event()

    class Endless(Errands):
        async def carry_out(self, job, desk):
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

    work = asyncio.ensure_future(alone(Endless(), job, Desk(log, around)))
    holders = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s::oid"
    async with await AsyncConnection.connect(database_url, autocommit=True) as owner:
        await eventually(lambda: value(owner, holders, job.id.int & 0xFFFFFFFF))
    async with asyncio.timeout(10):
        await stopped.wait()
    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        await work


async def test_while_a_job_is_held_nobody_else_begins_it(around, log):
    job = jobs(1)[0]
    errands = Errands(job)
    desk = Desk(log, around)
    first = asyncio.ensure_future(alone(errands, job, desk))
    await eventually(lambda: errands.under_way)
    with pytest.raises(Taken):
        await alone(errands, job, desk)
    await first


async def test_an_import_that_was_asked_for_is_carried_out(around, log, connection):
    delivered = [measured(name, BytesIO(content)) for name, content in files(customers(5), orders(5, 5)).items()]
    caller, context = Caller("acme", "li"), Context("acme", "li", "monday", uuid7())
    answer = await request(log, caller, context, Wish(MAPPING), delivered)
    state = "SELECT state FROM read.imports WHERE id = %s"

    async def finished():
        return await value(connection, state, answer.stream_id) == "finished"

    async with at_work(project(IMPORT_ROWS), around), at_work(clerk(IMPORTS), around):
        await eventually(finished)
    written = "SELECT count(*) FROM log.events WHERE actor = 'li' AND source ->> 'job' = %s"
    assert await value(connection, written, str(answer.stream_id)) == 5 + 5 * 2 + 2
