"""The projector: rows and checkpoint together, whoever else takes over and whatever is killed."""

from __future__ import annotations

import asyncio
import signal

import psycopg
import pytest

from domain.customer import Customer
from eventlog import feed
from projections import PROJECTIONS
from projections.host import Fenced, Host
from projections.projection import Projection, Table, on
from projections.rebuild import rebuild
from projections.slot import Slot
from projections.tables import prepare
from tests.conftest import PARTITIONS
from tests.workers.conftest import at_work, eventually, happen, running, value
from workers.lifetime import connected
from workers.projector import project
from workers.relay import relay

pytestmark = pytest.mark.anyio


class Registrations(Projection):
    """When a customer was registered, and how often its row was written."""

    table = Table(
        "registrations",
        key=("tenant", "stream_id"),
        columns={"tenant": "text", "stream_id": "uuid", "position": "bigint", "times": "integer"},
    )

    @on(Customer.Registered)
    def registered(self, row, event, recorded):
        row["position"], row["times"] = recorded.position, (row["times"] or 0) + 1


registrations = Registrations()


@pytest.fixture(scope="module", autouse=True)
def table(around):
    prepare(around.database_url, [registrations])


async def caught_up(connection, projection=registrations):
    reflected = await value(connection, "SELECT read.reflected(%s)", projection.name)
    return reflected == await feed.head(connection)


async def is_whole(connection):
    return await value(
        connection,
        "SELECT (SELECT array_agg(position ORDER BY position) FROM read.registrations WHERE times = 1)"
        " = (SELECT array_agg(position ORDER BY position) FROM log.events)",
    )


async def test_the_rows_follow_the_log(around, log, connection):
    await happen(log, 50)
    async with at_work(relay(), around), at_work(project(registrations), around):
        await eventually(lambda: caught_up(connection))
        for _ in range(10):
            await happen(log, 10)
        await eventually(lambda: caught_up(connection))
    assert await is_whole(connection)


async def test_a_fenced_host_changes_nothing(around, log, connection):
    await happen(log, 5)
    async with connected(around.database_url) as early, connected(around.database_url) as late:
        paused, owner = (Host(c, [Slot(registrations)]) for c in (early, late))
        await paused.claim(range(PARTITIONS))
        await owner.claim(range(PARTITIONS))
        missed = await feed.page(connection, log.codec, after=min(paused.checkpoints.values()))
        rows = await value(connection, "SELECT count(*) FROM read.registrations")
        with pytest.raises(Fenced):
            await paused.apply(missed)
        assert await value(connection, "SELECT count(*) FROM read.registrations") == rows
        await owner.apply(missed)
    assert await is_whole(connection)


async def test_a_projector_that_was_fenced_goes_on_when_the_other_is_gone(around, log, connection):
    async with at_work(relay(), around), at_work(project(registrations), around):
        await happen(log, 10)
        await eventually(lambda: caught_up(connection))
        await connection.execute("UPDATE read.checkpoints SET owner = owner + 1 WHERE slot = 'registrations'")
        await happen(log, 50)
        await eventually(lambda: caught_up(connection))
    assert await is_whole(connection)


async def test_two_projectors_share_the_work_and_either_may_end(around, log, connection):
    async with at_work(relay(), around), at_work(project(registrations), around):
        async with at_work(project(registrations), around), running(trickle(log)):
            await asyncio.sleep(4)
        await eventually(lambda: caught_up(connection))
    assert await is_whole(connection)


async def test_when_one_of_two_projectors_is_killed_its_partitions_move_within_15_seconds(
    around, log, connection, process
):
    async with at_work(relay(), around), running(trickle(log)):
        two = [process("-m", "workers", "projector", PGAPPNAME=name) for name in ("first", "second")]
        await eventually(lambda: shared_by(connection, "first", "second"))
        two[0].send_signal(signal.SIGKILL)
        two[0].wait()
        await eventually(lambda: shared_by(connection, "second"), within_s=15)
    await eventually(lambda: caught_up(connection, PROJECTIONS[0]))


async def shared_by(connection, *names):
    """Whether these projectors, each with some, hold all partitions among them."""
    cursor = await connection.execute(
        "SELECT a.application_name, count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE a.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 2 GROUP BY 1"
    )
    held = dict(await cursor.fetchall())
    return held.keys() == set(names) and sum(held.values()) == PARTITIONS


async def test_connections_that_break_are_made_anew(around, log, connection):
    broken = 0
    async with at_work(relay(), around), at_work(project(registrations), around), running(trickle(log)):
        for _ in range(3):
            await asyncio.sleep(0.7)
            async with await psycopg.AsyncConnection.connect(around.database_url, autocommit=True) as owner:
                ended = await owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND query ~ '(read.checkpoints|fanout.relay|log.events|log.coming)'"
                    " AND pid NOT IN (%s, pg_backend_pid())",
                    [connection.info.backend_pid],
                )
                broken += ended.rowcount
    assert broken >= 3
    async with at_work(relay(), around), at_work(project(registrations), around):
        await eventually(lambda: caught_up(connection))
    assert await is_whole(connection)


async def trickle(log):
    while True:
        await happen(log, 5)
        await asyncio.sleep(0.01)


@pytest.mark.long
async def test_kill_9_under_load_leaves_tables_that_equal_a_rebuild(around, log, connection, process):
    async with at_work(relay(), around), running(trickle(log)):
        for _ in range(2):
            victim = process("-m", "workers", "projector")
            before = await value(connection, "SELECT sum(position) FROM read.checkpoints")
            await eventually(lambda before=before: moved_on(connection, before))
            await asyncio.sleep(1)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        last = process("-m", "workers", "projector")
    await eventually(lambda: caught_up(connection, PROJECTIONS[0]))
    last.terminate()
    assert last.wait(timeout=5) == 0
    for projection in PROJECTIONS:
        same = await rebuild(around.database_url, log.codec, projection)
        assert same.live == same.rebuilt


async def moved_on(connection, before):
    return await value(connection, "SELECT sum(position) FROM read.checkpoints") > before
