"""What the host promises: rows and checkpoint together, one owner at a time, and no event that stops the others."""

from __future__ import annotations

from uuid import uuid4

import pytest
from psycopg import AsyncConnection, sql

from commands.customers import RenameCustomer, TagCustomer
from domain.customer import Customer
from eventlog import feed
from eventlog.connections import APP_ROLE
from eventlog.log import Log
from projections.host import Fenced, Host
from projections.parked import leave_out, parked, replay
from projections.projection import Projection, Table, on
from projections.rebuild import Differs, digest, rebuild
from projections.slot import Slot
from projections.tables import prepare
from tests.log_helpers import ask, registering, take_in

pytestmark = pytest.mark.anyio


class Names(Projection):
    """How each customer is called, and how often that changed."""

    table = Table("test_names", ("tenant", "id"), {"tenant": "text", "id": "uuid", "name": "text", "times": "integer"})
    strict = True

    @on(Customer.Registered, Customer.Renamed)
    def called(self, row, event, recorded):
        if event.name == "unspeakable" and Names.strict:
            raise ValueError(event.name)
        row["name"] = event.name
        row["times"] = (row["times"] or 0) + 1


class ShortNames(Projection):
    """Names of at most ten characters: the store refuses longer ones."""

    table = Table("test_short", ("tenant", "id"), {"tenant": "text", "id": "uuid", "name": "varchar(10)"})

    @on(Customer.Registered)
    def called(self, row, event, recorded):
        row["name"] = event.name


class Registrations(Projection):
    """Each registration, a row of its own; the store refuses one name."""

    per_event = True
    table = Table(
        "test_registrations",
        ("tenant", "position"),
        {"tenant": "text", "position": "bigint", "name": "text CHECK (name <> 'unspeakable')", "told": "jsonb"},
    )

    def key(self, recorded):
        return recorded.tenant, recorded.position

    @on(Customer.Registered)
    def registered(self, row, event, recorded):
        row["name"] = event.name
        row["told"] = {"by": recorded.actor, "emails": event.emails}


NAMES, SHORT, REGISTRATIONS = Slot(Names()), Slot(ShortNames()), Slot(Registrations())


@pytest.fixture
async def log(database_url, keys):
    async with Log.open(database_url, keys) as opened:
        yield opened


@pytest.fixture
async def connection(database_url):
    prepare(database_url, [NAMES.projection, SHORT.projection, REGISTRATIONS.projection])
    async with await AsyncConnection.connect(database_url, autocommit=True, options=APP_ROLE) as opened:
        yield opened


async def names(connection, slot=NAMES):
    cursor = await connection.execute(sql.SQL("SELECT * FROM {}").format(slot.table))
    return {row[1]: row[2:] for row in await cursor.fetchall()}


async def test_rows_and_checkpoint_move_together_whatever_the_batches(log, connection):
    customers = [uuid4() for _ in range(10)]
    for customer in customers:
        await ask(log, registering(customer))
    await take_in(Host(connection, [NAMES]), connection, log.codec, size=3)
    for customer in customers:
        await ask(log, RenameCustomer(customer_id=customer, name="韩梅梅"))
    await take_in(Host(connection, [NAMES]), connection, log.codec, size=500)
    found = await names(connection)
    assert {customer: found[customer] for customer in customers} == dict.fromkeys(customers, ("韩梅梅", 2))


async def test_what_was_taken_in_already_is_passed_over(log, connection):
    customer = uuid4()
    await ask(log, registering(customer))
    host = Host(connection, [NAMES])
    await take_in(host, connection, log.codec)
    await take_in(host, connection, log.codec)
    assert (await names(connection))[customer] == ("李雷", 1)


async def test_an_event_of_no_concern_changes_nothing(log, connection):
    customer = uuid4()
    await ask(log, registering(customer))
    await ask(log, TagCustomer(customer_id=customer, tag="vip"))
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    assert (await names(connection))[customer] == ("李雷", 1)


async def test_an_owner_that_was_replaced_changes_nothing(log, connection, database_url):
    customer = uuid4()
    old = Host(connection, [NAMES])
    await take_in(old, connection, log.codec)
    async with await AsyncConnection.connect(database_url, autocommit=True, options=APP_ROLE) as other:
        new = Host(other, [NAMES])
        await take_in(new, other, log.codec)
        await ask(log, registering(customer))
        page = await feed.page(connection, log.codec, after=min(old.checkpoints.values()))
        with pytest.raises(Fenced):
            await old.apply(page)
        assert customer not in await names(connection)
        await take_in(new, other, log.codec)
        assert (await names(connection))[customer] == ("李雷", 1)


async def test_an_event_that_cannot_be_folded_parks_its_row_alone_and_can_be_replayed(log, connection):
    poisoned, healthy = uuid4(), uuid4()
    await ask(log, registering(poisoned))
    wrong = await ask(log, RenameCustomer(customer_id=poisoned, name="unspeakable"))
    await ask(log, RenameCustomer(customer_id=poisoned, name="later"))
    await ask(log, registering(healthy))
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    found = await names(connection)
    assert (found[healthy], found[poisoned]) == (("李雷", 1), ("李雷", 1))
    waiting = await parked(connection, "test_names")
    assert [(p.position, p.error is None) for p in waiting] == [(wrong.position, False), (wrong.position + 1, True)]
    assert "unspeakable" not in (waiting[0].error or "")
    again = await replay(connection, log.codec, NAMES.projection)
    assert (again.taken_in, again.parked_again) == (0, 2)
    Names.strict = False
    try:
        mended = await replay(connection, log.codec, NAMES.projection)
    finally:
        Names.strict = True
    assert (mended.taken_in, mended.parked_again) == (2, 0)
    assert (await names(connection))[poisoned] == ("later", 3)
    await leave_out(connection, "test_names", wrong.position, "operator", "so that later rebuilds agree")


async def test_an_event_that_cannot_be_read_parks_its_row_alone(log, connection, database_url):
    broken, healthy = uuid4(), uuid4()
    wrong = await ask(log, registering(broken))
    await ask(log, registering(healthy))
    async with await AsyncConnection.connect(database_url) as owner:  # the application itself could not
        await owner.execute(
            "UPDATE log.events SET personal = (SELECT personal FROM log.events WHERE position = %s)"
            " WHERE position = %s",
            [wrong.position + 1, wrong.position],
        )
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    found = await names(connection)
    assert healthy in found
    assert broken not in found
    assert wrong.position in [one.position for one in await parked(connection, "test_names") if one.error]
    await leave_out(connection, "test_names", wrong.position, "operator", "its seal is broken")
    await replay(connection, log.codec, NAMES.projection)


async def test_an_event_left_out_by_a_repair_stays_out_of_every_rebuild(log, connection, database_url):
    poisoned = uuid4()
    await ask(log, registering(poisoned))
    wrong = await ask(log, RenameCustomer(customer_id=poisoned, name="unspeakable"))
    await ask(log, RenameCustomer(customer_id=poisoned, name="later"))
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    await leave_out(connection, "test_names", wrong.position, "operator", "nobody is called so")
    await replay(connection, log.codec, NAMES.projection)
    assert (await names(connection))[poisoned] == ("later", 2)
    assert await parked(connection, "test_names") == []
    await rebuild(database_url, log.codec, NAMES.projection, options=APP_ROLE, accept_difference=True)
    assert (await names(connection))[poisoned] == ("later", 2)


async def test_what_the_store_refuses_parks_one_row_of_the_batch(log, connection):
    short, long = [uuid4() for _ in range(8)], uuid4()
    for customer in [*short[:4], long, *short[4:]]:
        await ask(log, registering(customer, name="Bo the Magnificent" if customer == long else "Bo"))
    await take_in(Host(connection, [SHORT]), connection, log.codec)
    found = await names(connection, SHORT)
    assert set(short) <= found.keys()
    assert long not in found
    refused = [one for one in await parked(connection, "test_short") if "refused" in (one.error or "")]
    assert len(refused) == 1


async def test_many_new_rows_are_those_that_few_at_a_time_would_be(log, connection, monkeypatch):
    monkeypatch.setattr("projections.host.COPIED", 5)
    first = await ask(log, registering(name="unspeakable"))
    last = [await ask(log, registering(name=f"customer {number}")) for number in range(20)][-1]
    await take_in(Host(connection, [REGISTRATIONS]), connection, log.codec, size=500)
    at_once = await registrations(connection, first.position)
    assert len(at_once) == last.position - first.position, "all but the one that is refused"
    refused = [one.position for one in await parked(connection, "test_registrations")]
    assert [position for position in refused if position >= first.position] == [first.position]
    await forgets_how_far_it_was(connection)
    await take_in(Host(connection, [REGISTRATIONS]), connection, log.codec, size=500)
    assert await registrations(connection, first.position) == at_once, "rows that are there are replaced"
    await forgets_how_far_it_was(connection)
    await connection.execute("TRUNCATE read.test_registrations")
    await take_in(Host(connection, [REGISTRATIONS]), connection, log.codec, size=3)
    assert await registrations(connection, first.position) == at_once


async def forgets_how_far_it_was(connection):
    await connection.execute("DELETE FROM read.parked WHERE slot = 'test_registrations'")
    await connection.execute("UPDATE read.checkpoints SET position = 0 WHERE slot = 'test_registrations'")


async def registrations(connection, since):
    cursor = await connection.execute(
        "SELECT * FROM read.test_registrations WHERE position >= %s ORDER BY position", [since]
    )
    return await cursor.fetchall()


async def test_a_rebuild_proves_the_live_table_and_switches(log, connection, database_url):
    for _ in range(30):
        await ask(log, registering())
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    await rebuild(database_url, log.codec, NAMES.projection, options=APP_ROLE, accept_difference=True)
    before = await digest(connection, NAMES)
    done = await rebuild(database_url, log.codec, NAMES.projection, options=APP_ROLE)
    assert done.live == done.rebuilt == before
    customer = uuid4()
    await ask(log, registering(customer))
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    assert (await names(connection))[customer] == ("李雷", 1)


async def test_a_rebuild_parks_what_it_cannot_fold_as_the_live_one_did(log, connection, database_url):
    poisoned, healthy = uuid4(), uuid4()
    await ask(log, registering(healthy))
    await ask(log, registering(poisoned))
    wrong = await ask(log, RenameCustomer(customer_id=poisoned, name="unspeakable"))
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    before, waiting = await names(connection), await parked(connection, "test_names")
    await rebuild(database_url, log.codec, NAMES.projection, options=APP_ROLE, accept_difference=True)
    assert await names(connection) == before
    again = await parked(connection, "test_names")
    assert [(one.position, one.key, one.error) for one in again] == [
        (one.position, one.key, one.error) for one in waiting
    ]
    await leave_out(connection, "test_names", wrong.position, "operator", "so that later rebuilds agree")


async def test_a_live_table_that_differs_from_the_log_is_found_and_healed_only_when_told(log, connection, database_url):
    customer = uuid4()
    await ask(log, registering(customer))
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    await connection.execute("UPDATE read.test_names SET name = 'forged' WHERE id = %s", [customer])
    with pytest.raises(Differs):
        await rebuild(database_url, log.codec, NAMES.projection, options=APP_ROLE)
    assert (await names(connection))[customer][0] == "forged"
    left = await connection.execute("SELECT FROM read.checkpoints WHERE slot = 'test_names_next'")
    assert left.rowcount == 0, "nothing of the other table stays, and nobody waits for it"
    await rebuild(database_url, log.codec, NAMES.projection, options=APP_ROLE, accept_difference=True)
    assert (await names(connection))[customer][0] == "李雷"


async def test_what_an_interrupted_rebuild_left_is_cleared_away(log, connection, database_url):
    await connection.execute("CREATE TABLE IF NOT EXISTS read.test_names_next (leftover text)")
    await connection.execute(
        "INSERT INTO read.checkpoints (slot, partition) VALUES ('test_names_next', 0) ON CONFLICT DO NOTHING"
    )
    await take_in(Host(connection, [NAMES]), connection, log.codec)
    assert (await rebuild(database_url, log.codec, NAMES.projection, options=APP_ROLE)).name == "test_names"
