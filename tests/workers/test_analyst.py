"""What the analyst promises: every event in the lakehouse once, whoever is killed, paused or away."""

from __future__ import annotations

import asyncio
import signal
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest

from eventlog import feed
from projections.analytics.intake import Intake
from projections.analytics.lake import Lake, prepare, reflected
from projections.analytics.rebuild import reconcile
from tests.workers.conftest import at_work, eventually, happen
from workers.analyst import analyse
from workers.lake_care import Upkeep
from workers.relay import relay

pytestmark = pytest.mark.anyio

OFTEN = timedelta(seconds=0.3)


@pytest.fixture(scope="module")
def lake(around):
    """The lakehouse, as a reader has it open all the time."""
    prepare(around.database_url, around.lake_path)
    with Lake.open(around.database_url, around.lake_path, read_only=True) as opened:
        yield opened


@pytest.fixture
def analyst(around, process, lake):
    """Start the analyst in a process of its own."""
    return lambda: process("-m", "workers", "analyst", KRONIKA_LAKE_PATH=around.lake_path)


async def all_is_there_once(connection, lake) -> None:
    head = await feed.head(connection)

    async def arrived():
        return await reflected(connection, await asyncio.to_thread(lake.checkpoints)) >= head

    await eventually(arrived, within_s=60)
    assert [line for line in await reconcile(connection, lake, head) if not line.agrees] == []
    assert lake.parked() == []


@pytest.mark.long
async def test_kill_9_in_the_middle_of_commits_loses_nothing_and_doubles_nothing(
    around, log, connection, analyst, lake
):
    await happen(log, 200)
    async with at_work(relay(), around):
        for pause in (1.5, 2.2, 3.1):
            victim = analyst()
            await asyncio.sleep(pause)
            await happen(log, 100)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        last = analyst()
        await all_is_there_once(connection, lake)
        await happen(log, 50)
        await all_is_there_once(connection, lake)
        last.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(last.wait, 10) == 0


async def test_one_that_was_paused_is_fenced_by_its_successor(around, log, connection, analyst, lake):
    await happen(log, 20)
    paused = analyst()
    await all_is_there_once(connection, lake)
    paused.send_signal(signal.SIGSTOP)
    await happen(log, 20)
    with psycopg.connect(around.database_url) as owner:  # nobody hears from it any more, so its locks are let go
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    async with at_work(analyse(), around):
        await all_is_there_once(connection, lake)
        paused.send_signal(signal.SIGCONT)
        await happen(log, 20)
        await asyncio.sleep(2)
        await all_is_there_once(connection, lake)


@pytest.fixture
def orphan(around):
    """What a killed writer left behind."""
    file = Path(around.lake_path, "main", "events", "ducklake-of-a-killed-writer.parquet")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"half a file")
    return file


async def test_it_keeps_the_files_in_order_while_it_works(around, log, connection, lake, orphan):
    upkeep = Upkeep(tidy_every=OFTEN, sweep_every=OFTEN, keep=OFTEN, safe=10 * OFTEN)
    async with at_work(analyse(upkeep), around):
        for _ in range(5):
            await happen(log, 150)
            await asyncio.sleep(0.3)
        await all_is_there_once(connection, lake)
        await eventually(lambda: not orphan.exists())
        await eventually(lambda: len(list(orphan.parent.glob("*.parquet"))) <= 2)
    await all_is_there_once(connection, lake)


async def test_told_to_stop_it_commits_what_it_has_and_stops(around, log, connection, lake):
    work = asyncio.create_task(analyse()(around))
    await all_is_there_once(connection, lake)
    await happen(log, 30)
    await asyncio.sleep(0.5)
    began = time.monotonic()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert time.monotonic() - began < 8


async def test_it_goes_on_when_the_database_was_away_for_a_moment(around, log, connection, lake):
    async with at_work(analyse(), around):
        await all_is_there_once(connection, lake)
        for _ in range(3):
            await happen(log, 20)
            with psycopg.connect(around.database_url) as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> ALL(%s) AND application_name !~ 'pool'",
                    [[owner.info.backend_pid, connection.info.backend_pid]],
                )
            await asyncio.sleep(0.4)
        await happen(log, 20)
        await all_is_there_once(connection, lake)


async def test_other_work_on_the_lakehouse_waits_for_a_commit_each_time(lake):
    """So that what arrives is never late by more than one piece of it."""
    done, facts = [], Intake(lake)

    async def commit():
        done.append("commit")

    facts.commit = commit
    pieces = [partial(done.append, number) for number in range(3)]
    asked = [asyncio.create_task(facts.aside(piece)) for piece in (*pieces, lambda: 1 / 0)]
    await asyncio.sleep(0)
    pace = asyncio.create_task(facts.keep_pace())
    with pytest.raises(ZeroDivisionError):
        await asyncio.gather(*asked)
    await eventually(lambda: done.count("commit") > 4)
    pace.cancel()
    assert done[:7] == ["commit", 0, "commit", 1, "commit", 2, "commit"], "and a failure is told to who asked alone"
