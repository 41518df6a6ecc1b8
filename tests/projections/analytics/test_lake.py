"""What the lakehouse promises: rows and checkpoint together, one writer, readers at any time, upkeep without loss."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import psycopg
import pytest

from deploy.errors import NotAsPromised
from deploy.reconcile_lakehouse import reconcile_lakehouse
from deploy.settings import Settings
from eventlog import feed
from eventlog.codec import event_types
from eventlog.errors import LogUnavailable
from projections.analytics import FACTS, lake
from projections.analytics.fact import Fact
from projections.analytics.intake import Intake
from projections.analytics.lake import LakeAbsent, prepare, reflected, transaction
from projections.analytics.rebuild import rebuild_fact, reconcile
from projections.analytics.views import Funnel
from projections.host import Fenced
from projections.rebuild import Differs
from tests.projections.analytics.conftest import take_in

pytestmark = pytest.mark.anyio

MOMENT = timedelta(0)
PROGRAM = Path(__file__).with_name("endless_writer.py")


async def some_business(company, times: int = 3) -> None:
    for _ in range(times):
        customer = await company.customer()
        opportunity = await company.opportunity(customer_id=customer)
        line = {"sku": "PUMP-7", "quantity": 2, "unit_price": "200.00"}
        await company.does("set-product-lines", opportunity_id=opportunity, lines=[line], currency="EUR")
        await company.does("move-opportunity", opportunity_id=opportunity, stage="Proposal")
        await company.does("win-opportunity", opportunity_id=opportunity)
        order = await company.order(customer)
        await company.does("confirm-order", order_id=order)
        await company.does("ship-order", order_id=order)
        await company.does("deliver-order", order_id=order)
        await company.does("record-payment", order_id=order, method="card", amount=400)
        ticket = await company.ticket(customer_id=customer)
        await company.does("resolve-ticket", ticket_id=ticket, resolution="a new seal")
        await company.does("undo-events", stream="order", id=await company.order(customer), versions=[1])
    target = await company.does("set-target", team="north", period="2026", amount=5000, currency="EUR")
    await company.does("withdraw-target", target_id=target)
    await company.does("record-channel-cost", channel="fair", month="2026-02", amount=900, currency="EUR")


def files(lakehouse) -> list[Path]:
    return [path for path in Path(lakehouse.path).rglob("*") if path.is_file()]


async def all_is_there_once(company, lakehouse, head: int) -> None:
    with lakehouse.open(read_only=True) as opened:
        assert await reflected(company.connection, opened.checkpoints()) == head
        compared = await reconcile(company.connection, opened, head)
        assert [line for line in compared if not line.agrees] == []
        assert opened.parked() == []
        (seen,) = opened.connection.execute("SELECT count(DISTINCT position) FROM lake.events").fetchone()
        assert seen == head


async def test_files_hold_their_rows_by_tenant_what_happened_and_when(company, lakehouse):
    """So a question about confirmations reads these alone; in a lakehouse of an earlier release since its upgrade."""
    with lakehouse.open() as opened:
        opened.connection.execute("ALTER TABLE lake.order_steps RESET SORTED BY")
    prepare(lakehouse.url, lakehouse.path)
    await some_business(company, times=40)
    await lakehouse.settles(company)
    with lakehouse.open() as opened:
        opened.tidy()
        listing = "SELECT data_file FROM ducklake_list_files('lake', 'order_steps')"
        listed = opened.connection.execute(listing).fetchall()
        assert listed
        for (file,) in listed:
            found = duckdb.sql(f"SELECT tenant, what, epoch_us(occurred_at) FROM '{file}'").fetchall()
            assert len(found) > 10
            assert found == sorted(found)
    before = version_of(lakehouse)
    prepare(lakehouse.url, lakehouse.path)
    assert version_of(lakehouse) == before, "it is laid out once"


def version_of(lakehouse) -> int:
    with lakehouse.open(read_only=True) as opened:
        (snapshot,) = opened.connection.execute("SELECT id FROM ducklake_current_snapshot('lake')").fetchone()
    return int(snapshot)


async def test_facts_agree_with_the_log_row_for_row(company, lakehouse):
    await some_business(company)
    head = await lakehouse.settles(company, size=7)
    await all_is_there_once(company, lakehouse, head)
    with lakehouse.open(read_only=True) as opened:
        assert {name for name, rows in opened.counts().items() if rows == 0} <= {"stages"}


async def test_what_comes_twice_is_taken_in_once(company, lakehouse):
    await some_business(company, 1)
    head = await lakehouse.settles(company)
    async with lakehouse.intake() as intake:
        await intake.apply(await feed.page(company.connection, company.log.codec, after=0))
        await intake.commit()
    await all_is_there_once(company, lakehouse, head)


async def test_a_quiet_partition_is_not_behind_and_a_late_one_is(company, lakehouse):
    head = await lakehouse.settles(company)
    await some_business(company, 1)
    with lakehouse.open(read_only=True) as opened:
        assert await reflected(company.connection, opened.checkpoints()) == head
    assert await lakehouse.settles(company) > head
    with lakehouse.open(read_only=True) as opened:
        checkpoints = opened.checkpoints()
        assert min(checkpoints.values()) < max(checkpoints.values())
        assert await reflected(company.connection, checkpoints) == await feed.head(company.connection)


@pytest.mark.parametrize("tidied", [False, True], ids=["checkpoints in the catalog", "checkpoints in a file"])
async def test_of_two_writers_at_once_one_changes_nothing(company, lakehouse, tidied):
    await lakehouse.settles(company)
    with lakehouse.open() as one, lakehouse.open() as other:
        if tidied:
            one.tidy()
        before = one.checkpoints()
        for writer in (one, other):
            writer.connection.execute("BEGIN")
            writer.connection.execute("UPDATE lake.checkpoints SET position = position + 1")
            writer.connection.execute("INSERT INTO lake.parked (fact, position) VALUES ('test', 1)")
        one.connection.execute("COMMIT")
        with pytest.raises(duckdb.TransactionException):
            other.connection.execute("COMMIT")
        assert other.checkpoints() == {partition: position + 1 for partition, position in before.items()}
        one.connection.execute("UPDATE lake.checkpoints SET position = position - 1")
        one.connection.execute("DELETE FROM lake.parked")


async def test_a_writer_that_comes_back_after_tidying_changes_nothing(company, lakehouse):
    await some_business(company, 1)
    await lakehouse.settles(company)
    with lakehouse.open() as one, lakehouse.open() as other:
        before = one.checkpoints()
        other.connection.execute("BEGIN")
        other.connection.execute("UPDATE lake.checkpoints SET position = position + 1")
        one.tidy()
        with pytest.raises(duckdb.TransactionException):
            other.connection.execute("COMMIT")
        assert one.checkpoints() == before
        assert one.connection.execute("SELECT count(*) FROM lake.checkpoints").fetchone() == (len(before),)


async def test_what_is_collected_behind_a_commit_that_was_given_up_is_not_taken_in_before_it(
    company, lakehouse, monkeypatch
):
    await lakehouse.settles(company)
    with lakehouse.open(read_only=True) as opened:
        reached = max(opened.checkpoints().values())
    await company.does("register-customer", customer_id=(id := uuid4()), kind="person", name="Li")
    await company.does("rename-customer", customer_id=id, name="Wei")
    first, then = await feed.page(company.connection, company.log.codec, after=reached)
    assert first.partition == then.partition
    async with lakehouse.intake() as intake:
        write, asked = intake._write, threading.Event()

        def fails(*given):
            monkeypatch.setattr(intake, "_write", write)
            asked.set()
            time.sleep(0.2)
            raise LogUnavailable("the store is away")

        monkeypatch.setattr(intake, "_write", fails)
        await intake.apply([first])
        committing = asyncio.create_task(intake.commit())
        await asyncio.to_thread(asked.wait)
        await intake.apply([then])
        committing.cancel()
        await asyncio.wait([committing])
    async with lakehouse.intake() as successor:
        await take_in(successor, company)
    await all_is_there_once(company, lakehouse, await feed.head(company.connection))


async def test_a_paused_owner_is_fenced_and_its_successor_goes_on(company, lakehouse):
    async with lakehouse.intake() as paused:
        await some_business(company, 1)
        page = await feed.page(company.connection, company.log.codec, after=max(paused.lake.checkpoints().values()))
        await paused.apply(page)
        async with lakehouse.intake() as successor:
            with pytest.raises(Fenced):
                await paused.commit()
            with pytest.raises(Fenced):
                await paused.apply(page)
            await take_in(successor, company)
    await all_is_there_once(company, lakehouse, await feed.head(company.connection))


@pytest.mark.long
async def test_two_owners_of_different_partitions_both_get_through(company, lakehouse):
    await some_business(company)
    ours, theirs = Intake(lakehouse.open()), Intake(lakehouse.open())
    await ours.claim([0, 1])
    await theirs.claim([2, 3])
    for _ in range(2):
        await some_business(company, 2)
        await take_in(ours, company, size=5)
        await take_in(theirs, company, size=5)
    await ours.close()
    await theirs.close()
    await all_is_there_once(company, lakehouse, await feed.head(company.connection))


async def test_a_commit_goes_on_after_the_database_was_away(company, lakehouse):
    async with lakehouse.intake() as intake:
        await some_business(company, 1)
        with psycopg.connect(lakehouse.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = '' AND pid <> pg_backend_pid()"
                " AND pid <> ALL(%s)",
                [[company.connection.info.backend_pid]],
            )
        await take_in(intake, company)
    await all_is_there_once(company, lakehouse, await feed.head(company.connection))


async def test_an_event_that_a_fact_cannot_take_in_is_parked_and_a_rebuild_takes_it_in(company, lakehouse, monkeypatch):
    await lakehouse.settles(company)
    customer = await company.customer()
    order = await company.order(customer)
    await company.does("record-payment", order_id=order, method="card", amount=12)
    await company.does("record-payment", order_id=order, method="cheque", amount=13)
    payments = FACTS["payments"]

    def only_cards(recorded):
        if getattr(recorded.event, "method", "card") != "card":
            raise ValueError(recorded.event.method)
        return Fact.rows(payments, recorded)

    monkeypatch.setattr(payments, "rows", only_cards, raising=False)
    head = await lakehouse.settles(company)
    with lakehouse.open(read_only=True) as opened:
        (parked,) = opened.parked()
        assert (parked["fact"], parked["type"]) == ("payments", "order.payment_recorded")
        assert "cheque" not in parked["error"]
    monkeypatch.undo()
    with pytest.raises(Differs):
        await rebuild_fact(lakehouse.url, lakehouse.path, company.log.codec, payments)
    done = await rebuild_fact(lakehouse.url, lakehouse.path, company.log.codec, payments, accept_difference=True)
    assert done.rebuilt.rows == done.live.rows + 1
    await all_is_there_once(company, lakehouse, head)


@pytest.mark.long
async def test_a_fact_built_anew_equals_the_live_one(company, lakehouse):
    await some_business(company, 1)
    head = await lakehouse.settles(company)
    for fact in FACTS.values():
        done = await rebuild_fact(lakehouse.url, lakehouse.path, company.log.codec, fact)
        assert done.live == done.rebuilt
        assert done.position == head
    await all_is_there_once(company, lakehouse, head)


@pytest.mark.long
async def test_a_rebuild_goes_on_beside_a_busy_writer_and_readers(company, lakehouse):
    """The writer is fenced once, by the switch; readers see the old rows or the new ones, never none."""
    await lakehouse.settles(company)
    stop, seen = threading.Event(), []

    def read():
        with lakehouse.open(read_only=True) as opened:
            while not stop.is_set():
                seen.append(opened.counts()["events"])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        async with lakehouse.intake() as intake:
            await some_business(company, 2)
            await take_in(intake, company, size=3)
            await some_business(company, 2)  # these the writer has collected, and not committed, when it is fenced
            for partition in intake.partitions:
                after = intake.checkpoint(partition)
                await intake.apply(
                    await feed.page(company.connection, company.log.codec, after=after, partition=partition)
                )
            done = await rebuild_fact(lakehouse.url, lakehouse.path, company.log.codec, FACTS["events"])
            assert done.live == done.rebuilt
            with pytest.raises(Fenced):
                await intake.commit()
            await intake.claim(intake.partitions)
            await take_in(intake, company)
    finally:
        stop.set()
        reader.join()
    assert seen
    assert seen == sorted(seen)
    await all_is_there_once(company, lakehouse, await feed.head(company.connection))


async def test_a_fact_that_another_version_built_is_to_be_rebuilt(company, lakehouse, monkeypatch):
    head = await lakehouse.settles(company)
    monkeypatch.setattr(type(FACTS["payments"]), "version", 2)
    assert prepare(lakehouse.url, lakehouse.path) == ["payments"]
    done = await rebuild_fact(lakehouse.url, lakehouse.path, company.log.codec, FACTS["payments"])
    assert done.live is None
    assert prepare(lakehouse.url, lakehouse.path) == []
    monkeypatch.undo()
    await rebuild_fact(lakehouse.url, lakehouse.path, company.log.codec, FACTS["payments"])
    await all_is_there_once(company, lakehouse, head)


@pytest.mark.long
async def test_upkeep_makes_few_files_of_many_and_loses_nothing(company, lakehouse):
    for _ in range(3):
        await some_business(company, 1)
        await lakehouse.settles(company, size=5)
        with lakehouse.open() as opened:
            opened.tidy()
    orphan = Path(lakehouse.path) / "main" / "events" / "ducklake-of-a-killed-writer.parquet"
    orphan.write_bytes(b"half a file")
    with lakehouse.open() as opened:
        opened.tidy()
        opened.sweep(keep=timedelta(days=1), safe=timedelta(days=1))
        assert orphan.exists()
        before = len(files(lakehouse))
        opened.sweep(keep=MOMENT, safe=MOMENT)
        removed = opened.sweep(keep=MOMENT, safe=MOMENT)
        assert removed >= 0
        assert not orphan.exists()
        assert len(files(lakehouse)) < before
        assert len(files(lakehouse)) <= 2 * len(opened.tables())
        assert opened.connection.execute("SELECT count(*) FROM ducklake_snapshots('lake')").fetchone()[0] <= 3
    await all_is_there_once(company, lakehouse, await feed.head(company.connection))


async def test_an_upgrade_lays_the_files_out_while_an_analyst_still_commits(company, lakehouse):
    """Who is then fenced, as by a rebuild."""
    await some_business(company, 4)
    with lakehouse.open() as opened:
        for name in FACTS:
            opened.connection.execute(f"ALTER TABLE lake.{name} RESET SORTED BY")
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), lakehouse.url, lakehouse.path),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(PROGRAM.parents[3])},
    )
    assert writer.stdout
    assert await writer.stdout.readline() == b"writing\n"
    await asyncio.sleep(0.3)
    assert await asyncio.to_thread(prepare, lakehouse.url, lakehouse.path) == []
    assert await asyncio.wait_for(writer.wait(), 30) != 0
    with lakehouse.open() as opened:
        assert opened.laid_out() == FACTS.keys()
    await all_is_there_once(company, lakehouse, await lakehouse.settles(company))


@pytest.mark.long
async def test_a_writer_killed_in_the_middle_loses_nothing_and_doubles_nothing(company, lakehouse):
    """Again and again in the middle of commits, while somebody reads."""
    await some_business(company, 4)
    kills = 3
    program = PROGRAM
    stop, seen = threading.Event(), []

    def read():
        with lakehouse.open(read_only=True) as opened:
            while not stop.is_set():
                with transaction(opened.connection):
                    positions = {p: q for p, q in lake.checkpoints(opened.connection).items() if q}
                    rows = opened.connection.execute('SELECT "partition", max(position) FROM lake.events GROUP BY 1')
                    seen.append(dict(rows.fetchall()) == positions)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(kills):
            writer = await asyncio.create_subprocess_exec(
                *(sys.executable, str(program), lakehouse.url, lakehouse.path),
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": str(program.parents[3])},
            )
            assert writer.stdout
            assert await writer.stdout.readline() == b"writing\n"
            await asyncio.sleep(0.15 + 0.2 * number)
            writer.kill()
            await writer.wait()
            await some_business(company, 1)
    finally:
        stop.set()
        reader.join()
    assert len(seen) > kills
    assert all(seen)
    await all_is_there_once(company, lakehouse, await lakehouse.settles(company))
    for name in FACTS:
        done = await rebuild_fact(lakehouse.url, lakehouse.path, company.log.codec, FACTS[name])
        assert done.live == done.rebuilt


@pytest.fixture
def move(lakehouse, tmp_path):
    """Take the lakehouse somewhere else, until the end of the test."""
    elsewhere = tmp_path / "elsewhere"
    yield lambda: Path(lakehouse.path).rename(elsewhere)
    elsewhere.rename(lakehouse.path)


async def test_a_lakehouse_can_be_moved_and_read_where_it_is_now(company, lakehouse, move):
    await lakehouse.settles(company)
    with lakehouse.open() as opened:
        opened.tidy()
        counts = opened.counts()
    with lake.Lake.open(lakehouse.url, str(move()), read_only=True) as opened:
        assert opened.connection.execute("SELECT sum(position) FROM lake.events").fetchone()
        assert opened.counts() == counts


async def test_readers_cannot_write_and_tables_belong_to_the_application(company, lakehouse):
    with lakehouse.open(read_only=True) as opened, pytest.raises(duckdb.InvalidInputException, match="read-only"):
        opened.connection.execute("DELETE FROM lake.events")
    with psycopg.connect(lakehouse.url) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'lake'").fetchall()
    assert owners == [("kronika_app",)]


async def test_where_there_is_no_lakehouse_it_says_so_and_tells_no_password(template_database, database_url, tmp_path):
    elsewhere = psycopg.conninfo.make_conninfo(database_url, dbname=template_database)
    with pytest.raises(LakeAbsent):
        lake.Lake.open(elsewhere, str(tmp_path), read_only=True)
    secret = "hunter2"
    away = psycopg.conninfo.make_conninfo(database_url, port=1, password=secret)
    with pytest.raises(lake.LogUnavailable) as refused:
        lake.Lake.open(away, str(tmp_path), read_only=True)
    assert secret not in str(refused.value)


def test_no_fact_has_a_column_for_anything_personal():
    for fact in FACTS.values():
        for known in event_types().values():
            if issubclass(known.event_class, fact.reads) and fact.name != "events":
                assert known.personal.isdisjoint(fact.columns), (fact.name, known.name)


async def test_a_name_in_the_log_is_nowhere_in_the_lakehouse(company, lakehouse):
    await company.customer("Wilhelmina Quackenbush", emails=["wilhelmina@example.com"])
    await company.ticket(subject="Wilhelmina Quackenbush is angry", text="very")
    await lakehouse.settles(company)
    with lakehouse.open(read_only=True) as opened:
        for name in FACTS:
            told = str(opened.connection.execute(f"SELECT * FROM lake.{name}").to_arrow_table().to_pylist())
            assert "Wilhelmina" not in told
            assert "wilhelmina" not in told


async def test_several_threads_ask_one_connection_at_once(company, lakehouse):
    opportunity = await company.opportunity()
    await company.does("win-opportunity", opportunity_id=opportunity)
    await lakehouse.settles(company)
    answers = []
    with lakehouse.open(read_only=True) as opened:
        threads = [
            threading.Thread(target=lambda: answers.append(opened.ask(company.caller, Funnel()).rows.to_pylist()))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)


async def test_the_lakehouse_is_counted_beside_the_log_at_a_named_position(company, lakehouse, tmp_path):
    await some_business(company, 1)
    before = await lakehouse.settles(company)
    await some_business(company, 1)
    head = await lakehouse.settles(company)
    settings = Settings(home=tmp_path, database_url=lakehouse.url, lake_path=lakehouse.path)
    now, then = [await reconcile_lakehouse(settings, position) for position in (None, before)]
    assert (now.position, then.position) == (head, before)
    assert now.as_it_should_be
    assert then.as_it_should_be
    assert then.facts[0].rows < now.facts[0].rows
    with pytest.raises(NotAsPromised):
        await reconcile_lakehouse(settings, head + 1)
    with lakehouse.open() as opened:
        opened.connection.execute("CREATE TEMP TABLE kept AS FROM lake.payments LIMIT 1")
        opened.connection.execute("DELETE FROM lake.payments WHERE position = (SELECT position FROM kept)")
        lost = await reconcile_lakehouse(settings, None)
        assert [one.fact for one in lost.facts if not one.agrees] == ["payments"]
        opened.connection.execute("INSERT INTO lake.payments FROM kept")
    assert (await reconcile_lakehouse(settings, None)).as_it_should_be
