"""Reconciling beside workers that live: a healed row stays healed, and what Kafka lacks is found and sent again."""

from __future__ import annotations

import json
import subprocess
import sys
from uuid import uuid4

import pytest
from kafka import KafkaProducer

from commands.customers import RenameCustomer, TagCustomer
from deploy.reconcile import Wanted, reconcile
from deploy.settings import Settings
from eventlog import feed
from projections import PROJECTIONS
from tests.conftest import PARTITIONS
from tests.log_helpers import ACME, ask, registering
from tests.workers.conftest import at_work, eventually, happen, relayed, value
from workers.kafka import headers
from workers.projector import project
from workers.relay import last_positions, records, relay, republish, standing
from workers.topic import compare

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(around):
    return Settings(
        database_url=around.database_url,
        kafka_bootstrap=str(around.kafka["bootstrap_servers"]),
        keys_path=around.keys._path.parent,
    )


async def run(settings, **wanted):
    return await reconcile(settings, Wanted(**wanted), lambda at, to: None)


async def taken_in(connection):
    head = await feed.head(connection)
    return all([await value(connection, "SELECT read.reflected(%s)", p.name) == head for p in PROJECTIONS])


async def name_of(connection, customer):
    return await value(connection, "SELECT name FROM read.customers WHERE id = %s", customer)


async def test_later_events_are_folded_onto_the_healed_row_though_the_projector_remembers_another(
    around, log, connection, settings
):
    customer = uuid4()
    await ask(log, registering(customer, name="李雷"))
    async with at_work(project(*PROJECTIONS), around):
        await eventually(lambda: taken_in(connection))
    await connection.execute("UPDATE read.customers SET name = 'forged', owner = 'thief' WHERE id = %s", [customer])
    async with at_work(project(*PROJECTIONS), around):
        await ask(log, TagCustomer(customer_id=customer, tag="vip"))
        await eventually(lambda: taken_in(connection))
        assert await name_of(connection, customer) == "forged", "the projector has read it, and remembers it"
        outcome = await run(settings, customer_id=customer, kafka=False)
        assert [(one.read_model, one.healed) for one in outcome.rows.differences] == [("customers", True)]
        assert await name_of(connection, customer) == "李雷"
        await ask(log, TagCustomer(customer_id=customer, tag="old friend"))
        await eventually(lambda: taken_in(connection))
        assert await name_of(connection, customer) == "李雷"
        await ask(log, RenameCustomer(customer_id=customer, name="韩梅梅"))
        await eventually(lambda: taken_in(connection))
    assert await name_of(connection, customer) == "韩梅梅"
    assert (await run(settings, customer_id=customer, kafka=False)).as_it_should_be


async def test_while_events_pour_in_nothing_is_called_different(around, log, connection, settings):
    async with at_work(project(*PROJECTIONS), around):
        for _ in range(5):
            await happen(log, 30)
            assert (await run(settings, everything=True, slices=PARTITIONS, kafka=False)).as_it_should_be


async def published(around, log, connection, count=40):
    async with at_work(relay(), around):
        await happen(log, count)
        await eventually(lambda: relayed(connection))


async def in_kafka(around, connection):
    return await compare(connection, around.kafka, list(range(PARTITIONS)), lambda record: True)


async def test_kafka_holds_every_position_in_order_and_says_what_the_log_says(around, log, connection):
    await published(around, log, connection)
    found = await in_kafka(around, connection)
    assert all(part.as_it_should_be for part in found)
    assert sum(part.records - part.repeated for part in found) == await feed.head(connection)
    assert sum(part.read for part in found) == sum(part.records for part in found)
    await happen(log, 3)
    waiting = await in_kafka(around, connection)
    assert sum(part.waiting for part in waiting) == 3
    assert all(part.as_it_should_be for part in waiting), "what the relay has yet to publish is not missing"
    await republish(around.database_url, around.kafka, after=10)
    again = await in_kafka(around, connection)
    assert all(part.as_it_should_be for part in again), "what is there twice is there"
    assert sum(part.repeated for part in again) > sum(part.repeated for part in found)


async def test_what_was_altered_on_the_way_is_found(around, log, connection):
    await published(around, log, connection)
    ((position, partition, subject, trace, body),) = await feed.messages(connection, after=4, limit=1)
    forged = records([(position, partition, subject, trace, body.replace(b'"li"', b'"wu"'))], {partition: 0})
    await sent(around, connection, forged)
    found = await in_kafka(around, connection)
    assert [part.altered for part in found] == [{position} if p == partition else set() for p in range(PARTITIONS)]


async def sent(around, connection, batch):
    producer = KafkaProducer(**around.kafka)
    topic = (await standing(connection)).topic
    for record in batch:
        producer.send(topic, record.body, record.key, headers(record), record.partition)
    producer.flush()
    producer.close()


async def new_generation(connection):
    """A relay that comes now begins a new topic at the head of the log."""
    await connection.execute("UPDATE fanout.relay SET cluster = 'another'")


async def test_what_a_new_topic_lacks_is_sent_again_when_asked_for(around, log, connection, settings):
    await happen(log, 10)
    await new_generation(connection)
    await published(around, log, connection, 20)
    now = await standing(connection)
    found = await in_kafka(around, connection)
    assert all(part.as_it_should_be for part in found), "what is older than the topic is not missing"
    assert {part.since for part in found} == {now.begins}
    # some events that the relay took for published never arrived
    head = await happen(log, 8)
    await connection.execute("UPDATE fanout.relay SET position = %s", [head])
    outcome = await run(settings, everything=True, slices=PARTITIONS, resend=True)
    assert {position for part in outcome.topic for position in part.missing} == set(range(head - 7, head + 1))
    assert outcome.summary.resent == 8
    assert not outcome.as_it_should_be
    assert (await run(settings, everything=True, slices=PARTITIONS)).summary.missing == 0


async def test_a_hole_is_found_and_what_filled_it_came_late(around, log, connection):
    await new_generation(connection)
    await published(around, log, connection, 20)
    now = await standing(connection)
    head = await happen(log, 40)
    page = await feed.messages(connection, after=now.position, limit=40)
    made = records(page, await last_positions(connection, now.position))
    partition = made[0].partition
    hole = [record for record in made if record.partition == partition][0:2]
    await sent(around, connection, [record for record in made if record not in hole])
    await connection.execute("UPDATE fanout.relay SET position = %s", [head])
    found = (await in_kafka(around, connection))[partition]
    assert found.missing == {record.position for record in hole}
    await sent(around, connection, hole)
    filled = (await in_kafka(around, connection))[partition]
    assert (filled.missing, filled.late) == (set(), 2)


async def test_the_slices_take_turns_and_each_run_leaves_its_summary(around, log, connection, settings):
    await published(around, log, connection)
    async with at_work(project(*PROJECTIONS), around):
        await eventually(lambda: taken_in(connection))
    first = await run(settings, slices=5)
    taken = [first, *[await run(settings, slices=5) for _ in range(7)]]
    assert len({one.summary.slice for one in taken}) == 8, "as many as partitions, or a multiple"
    assert sum(one.summary.streams for one in taken) == await value(
        connection, "SELECT count(DISTINCT stream_id) FROM log.events"
    )
    kept = await value(connection, "SELECT rows FROM read.reconciliations ORDER BY id DESC LIMIT 1")
    assert kept == taken[-1].summary.rows


async def test_the_command_heals_tells_and_exits_with_1_when_something_differed(around, log, connection, settings):
    customer = uuid4()
    await ask(log, registering(customer))
    await published(around, log, connection)
    async with at_work(project(*PROJECTIONS), around):
        await eventually(lambda: taken_in(connection))
    await connection.execute("UPDATE read.customers SET owner = 'thief' WHERE id = %s", [customer])
    environment = {
        "KRONIKA_DATABASE_URL": around.database_url,
        "KRONIKA_KAFKA_BOOTSTRAP": str(around.kafka["bootstrap_servers"]),
        "KRONIKA_KEYS_PATH": str(around.keys._path.parent),
    }

    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "deploy.cli", "reconcile", "--customer", str(customer), *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )

    told = command("--dry-run")
    assert told.returncode == 1, told.stderr
    assert "owner: thief" in told.stdout
    told = command("--json")
    assert told.returncode == 1, told.stderr
    report = json.loads(told.stdout)
    assert report["differences"] == [
        {
            "read_model": "customers",
            "key": [ACME.tenant, str(customer)],
            "what": "differs",
            "columns": {"owner": {"live": "thief", "log": None}},
            "healed": True,
        }
    ]
    assert report["summary"]["healed"] == 1
    told = command()
    assert told.returncode == 0, told.stdout + told.stderr
    assert "0 differed" in told.stdout
