"""Saved queries: asked at their times with what their owner may see, each time once, whatever happens to who asks."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as any_
from pyarrow import parquet

import workers.schema
from eventlog.log import Log
from projections.query_runs import answer_of, runs_of
from tests.projections.analytics.conftest import lakehouse
from tests.projections.conftest import Company
from workers.clerk import Desk, Job
from workers.lifetime import Surroundings, connected
from workers.saved_queries import Asking, Scheduled

__all__ = ["lakehouse"]

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC).replace(hour=6, minute=40, second=0, microsecond=0) + timedelta(days=1)
DUE = TOMORROW - timedelta(minutes=10)
DAILY = "30 6 * * *"


def at(moment: datetime) -> Asking:
    """A clerk whose clock stands at a moment."""

    async def clock(connection) -> datetime:
        return moment

    return Asking(clock)


class Office:
    """A company with a lakehouse and somebody who asks."""

    def __init__(self, company, lakehouse) -> None:
        self.company, self.lakehouse = company, lakehouse
        self.around = Surroundings(lakehouse.url, {}, company.log.codec.keys, lakehouse.path)
        self.desk = Desk(company.log, self.around)

    async def saves(self, sql: str, *, cron: str = DAILY, **schedule):
        query = await self.company.does("save-query", name="payments", sql=sql)
        await self.company.does("schedule-query", query_id=query, cron=cron, **schedule)
        await self.settles()
        return query

    async def settles(self) -> None:
        await self.company.settles()
        await self.lakehouse.settles(self.company)

    async def asks(self, query, moment: datetime = TOMORROW):
        """What there is of runs after the clerk came by at this moment."""
        await at(moment).carry_out(Job(self.company.caller.tenant, query), self.desk)
        return await self.runs(query)

    async def runs(self, query):
        return await runs_of(self.company.connection, self.company.caller.tenant, query, 100)

    async def answer(self, query, due=None):
        found = await answer_of(self.company.connection, self.company.caller.tenant, query, due)
        return found and parquet.read_table(io.BytesIO(found[1])).to_pylist()


@pytest.fixture(scope="module")
async def house(lakehouse, keys):
    workers.schema.prepare(lakehouse.url)
    async with Log.open(lakehouse.url, keys) as log, connected(lakehouse.url) as connection:
        yield log, connection


@pytest.fixture
def office(house, lakehouse) -> Office:
    return Office(Company(*house), lakehouse)


CUSTOMERS = "SELECT count(*) AS customers FROM customer_steps WHERE what = 'registered'"


async def test_a_query_is_asked_when_it_is_due_and_its_answer_is_kept_with_where_it_came_from(office):
    await office.company.customer()
    query = await office.saves(CUSTOMERS, cron=f"30 6 {DUE.day} {DUE.month} *")
    job = Job(office.company.caller.tenant, query)
    assert job not in await at(DUE - timedelta(seconds=1)).waiting(office.company.connection, office.around)
    assert job in await at(TOMORROW).waiting(office.company.connection, office.around)
    (run,) = await office.asks(query)
    assert (run.state, run.due_at, run.version, run.rows, run.truncated) == ("finished", DUE, 2, 1, False)
    assert run.reflects > 0
    assert "duckdb" in run.code
    assert await office.answer(query) == [{"customers": 1}]
    assert await office.asks(query) == [run], "once for each time"
    assert job not in await at(TOMORROW).waiting(office.company.connection, office.around)


async def test_what_a_query_calls_now_is_when_it_was_due(office):
    query = await office.saves("SELECT epoch(now()) AS at")
    await office.asks(query)
    assert await office.answer(query) == [{"at": DUE.timestamp()}]


async def test_of_times_that_were_missed_the_last_is_made_up_for(office):
    query = await office.saves("SELECT 1 AS one", cron="*/5 * * * *")
    runs = await office.asks(query, TOMORROW + timedelta(days=3, minutes=2))
    assert [run.due_at for run in runs] == [TOMORROW + timedelta(days=3)]


async def test_a_run_counts_what_was_recorded_when_it_was_due_however_late_it_is_made(office):
    query = await office.saves(CUSTOMERS, cron="* * * * *")
    await office.company.customer()
    await office.settles()
    past = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    await office.company.connection.execute(
        "UPDATE read.saved_queries SET scheduled_at = %s WHERE id = %s", [past - timedelta(minutes=1), query]
    )
    await office.asks(query, past + timedelta(seconds=30))
    assert await office.answer(query) == [{"customers": 0}]


@pytest.mark.long
async def test_a_query_that_is_wrong_says_why_and_the_last_good_answer_stays(office):
    query = await office.saves("SELECT 1 AS one")
    await office.asks(query)
    await office.company.does("change-query", query_id=query, sql="SELECT * FROM read_text('/etc/passwd')")
    await office.settles()
    failed, _ = await office.asks(query, TOMORROW + timedelta(days=1))
    assert (failed.state, failed.version) == ("failed", 3)
    assert "read_text" in failed.why
    assert await office.answer(query) == [{"one": 1}]
    assert await office.answer(query, failed.due_at) is None


async def test_whoever_may_read_no_more_is_answered_no_more(office):
    analyst = await office.company.does("register-user", name="Han")
    await office.company.does("assign-role", user_id=analyst, role="analyst")
    caller = office.company.caller
    office.company.caller = type(caller)(caller.tenant, str(analyst))
    query = await office.saves("SELECT 1 AS one")
    office.company.caller = caller
    await office.asks(query)
    await office.company.does("deactivate-user", user_id=analyst)
    await office.settles()
    failed, good = await office.asks(query, TOMORROW + timedelta(days=1))
    assert (good.state, failed.state, failed.why) == ("finished", "failed", "Its owner may read no more.")


@pytest.mark.long
async def test_so_many_answers_are_kept_as_was_asked_for_and_none_of_a_deleted_query(office):
    query = await office.saves("SELECT 1 AS one", keep=2)
    for days in range(3):
        runs = await office.asks(query, TOMORROW + timedelta(days=days))
    assert [run.due_at for run in runs] == [DUE + timedelta(days=2), DUE + timedelta(days=1)]
    await office.company.does("delete-query", query_id=query)
    await office.settles()
    waiting = await at(TOMORROW + timedelta(days=9)).waiting(office.company.connection, office.around)
    assert query not in {job.id for job in waiting}
    assert await office.runs(query) == []


KILLED = """
import asyncio, os, signal, sys
from datetime import datetime
from pathlib import Path
from uuid import UUID

import workers.saved_queries as work
from eventlog.keys import FileKeyStore
from eventlog.log import Log
from workers.clerk import Desk, Job
from workers.lifetime import Surroundings

when, url, lake, keys, tenant, query, moment = sys.argv[1:]
kept = work.keep


async def keep(*given):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    await kept(*given)
    os.kill(os.getpid(), signal.SIGKILL)


async def clock(connection):
    return datetime.fromisoformat(moment)


async def main():
    store = FileKeyStore(Path(keys))
    async with Log.open(url, store) as log:
        desk = Desk(log, Surroundings(url, {}, store, lake))
        await work.Asking(clock).carry_out(Job(tenant, UUID(query)), desk)


work.keep = keep
asyncio.run(main())
"""


@pytest.mark.parametrize(("when", "left"), [("before", 0), ("after", 1)])
async def test_whenever_who_asks_is_killed_there_is_one_answer_for_one_time(office, keys, when, left):
    query = await office.saves(CUSTOMERS)
    told = [when, office.lakehouse.url, office.lakehouse.path, str(keys._path.parent)]
    about = [office.company.caller.tenant, str(query), TOMORROW.isoformat()]
    killed = subprocess.run([sys.executable, "-c", KILLED, *told, *about], check=False)
    assert killed.returncode == -9
    before = await office.runs(query)
    assert len(before) == left
    await office.company.customer()
    await office.settles()
    (run,) = await office.asks(query)
    assert run.state == "finished"
    assert before in ([], [run])


def scheduled(cron: str, zone: str, since: datetime) -> Scheduled:
    return Scheduled("acme", uuid4(), 1, cron, zone, since, "li", "SELECT 1", 1)


@pytest.mark.parametrize(
    ("cron", "zone", "now", "due"),
    [
        ("30 6 * * *", "Asia/Shanghai", "2026-01-05T22:31+00:00", "2026-01-05T22:30+00:00"),
        ("30 6 * * *", "Europe/Berlin", "2026-01-05T05:31+00:00", "2026-01-05T05:30+00:00"),
        ("30 6 * * *", "Europe/Berlin", "2026-07-05T05:31+00:00", "2026-07-05T04:30+00:00"),
        ("0 9 * * 1", "UTC", "2026-01-07T00:00+00:00", "2026-01-05T09:00+00:00"),
    ],
)
def test_a_time_is_told_by_the_clocks_of_its_place(cron, zone, now, due):
    query = scheduled(cron, zone, datetime(2025, 1, 1, tzinfo=UTC))
    assert query.due(datetime.fromisoformat(now)) == datetime.fromisoformat(due)


@settings(max_examples=40, deadline=None)
@given(
    cron=any_.sampled_from(["30 2 * * *", "0 3 * * *", "*/20 * * * *", "15 1-3 * * 0", "5 0 * * *"]),
    zone=any_.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    hours=any_.integers(0, 24 * 400),
)
def test_the_last_time_before_a_moment_is_the_one_that_is_reached_by_counting_on(cron, zone, hours):
    """Also where clocks are put forward or back."""
    began = datetime(2025, 12, 1, tzinfo=UTC) + timedelta(hours=hours, minutes=7)
    now = began + timedelta(days=9)
    times = (one.astimezone(UTC) for one in CronSim(cron, began.astimezone(ZoneInfo(zone))))
    reached = [one for one in islice(times, 1_000) if one <= now]
    assert scheduled(cron, zone, began).due(now) == (reached[-1] if reached else None)
