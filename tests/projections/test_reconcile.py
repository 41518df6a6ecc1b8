"""Reconciling: live rows that are not what the log makes them are found, told and healed, whatever is wrong."""

from __future__ import annotations

from uuid import uuid4

import pytest
from psycopg import AsyncConnection

from eventlog.codec import Codec
from eventlog.keys import FileKeyStore
from projections import TABLES
from projections.customer_card import CUSTOMERS
from projections.parked import leave_out, replay
from projections.reconcile import Reconciler, Values, customer, slice_of
from tests.conftest import PARTITIONS
from tests.projections.conftest import day

pytestmark = pytest.mark.anyio

OF_NO_CUSTOMER = (
    *("pipelines", "targets", "channel_costs", "imports", "exports", "scoring_runs", "saved_queries"),
    *("tenants", "users", "teams", "api_keys"),
)
EMPTY = {name + past for name in OF_NO_CUSTOMER for past in ("", "_past")}
"""Read models that know nothing of a customer."""


@pytest.fixture
async def li(company):
    """A customer with an opportunity that was won, an order and a ticket; all read models have taken them in."""
    id = await company.customer("李雷", emails=["li@example.com"], owner="wang")
    opportunity = await company.opportunity(customer_id=id)
    await company.does("win-opportunity", opportunity_id=opportunity)
    await company.order(id)
    await company.ticket(customer_id=id)
    await company.settles()
    return id


async def reconciled(company, part, heal=True):
    return await Reconciler(company.connection, company.log.codec, TABLES, heal=heal).reconcile(part)


async def of(company, id, heal=True):
    return (await reconciled(company, customer(id, PARTITIONS), heal)).differences


async def corrupt(company, statement, *values):
    assert (await company.connection.execute(statement, values)).rowcount > 0


async def test_what_is_as_the_log_makes_it_is_left_alone(company, li):
    found = await reconciled(company, customer(li, PARTITIONS))
    assert found.differences == []
    assert found.streams == 4
    assert found.rows > 10
    owners = "SELECT sum(owner) FROM read.checkpoints"
    before = await (await company.connection.execute(owners)).fetchone()
    await reconciled(company, customer(li, PARTITIONS))
    assert before == await (await company.connection.execute(owners)).fetchone(), "nobody is fenced for nothing"


async def test_a_row_that_differs_is_healed_and_its_columns_are_told_but_nothing_personal(company, li):
    before = await company.row(CUSTOMERS, li)
    await corrupt(company, "UPDATE read.customers SET name = 'forged', owner = 'thief' WHERE id = %s", li)
    (found,) = await of(company, li)
    assert (found.read_model, found.key, found.what, found.healed) == (
        "customers",
        (company.caller.tenant, li),
        "differs",
        True,
    )
    assert found.columns == {"name": None, "owner": Values("thief", "wang")}
    assert await company.row(CUSTOMERS, li) == before
    assert await of(company, li) == []


async def test_of_a_past_that_was_forged_every_version_is_as_it_was_again(company, li):
    await company.does("rename-customer", customer_id=li, name="韩梅梅")
    await company.does("classify-customer", customer_id=li, tier="gold", occurred_at=day(3))
    await company.settles()
    versions = "SELECT c::text FROM read.customers_past c WHERE id = %s ORDER BY 1"
    before = await (await company.connection.execute(versions, [li])).fetchall()
    assert len(before) > 2
    await corrupt(company, "UPDATE read.customers_past SET owner = 'thief' WHERE id = %s AND name = '李雷'", li)
    await corrupt(company, "DELETE FROM read.customers_past WHERE id = %s AND name = '韩梅梅'", li)
    found = await of(company, li)
    assert {one.read_model for one in found} == {"customers_past"}
    assert {one.what for one in found} == {"differs", "missing"}
    assert await (await company.connection.execute(versions, [li])).fetchall() == before
    assert await of(company, li) == []
    await company.does("tag-customer", customer_id=li, tag="vip")
    await company.settles()
    assert await of(company, li) == [], "and it goes on from there"


async def test_a_dry_run_heals_nothing(company, li):
    await corrupt(company, "UPDATE read.customers SET owner = 'thief' WHERE id = %s", li)
    (found,) = await of(company, li, heal=False)
    assert not found.healed
    assert (await company.row(CUSTOMERS, li))["owner"] == "thief"
    assert len(await of(company, li)) == 1


async def test_rows_that_are_gone_come_back_in_every_read_model(company, li):
    tenant = company.caller.tenant
    touched = set()
    for projection in TABLES:
        cursor = await company.connection.execute(
            f"DELETE FROM read.{projection.name} WHERE tenant = %s RETURNING 1", [tenant]
        )
        if cursor.rowcount:
            touched.add(projection.name)
    found = await of(company, li)
    assert {one.read_model for one in found} == touched == {p.name for p in TABLES} - EMPTY
    assert all(one.what == "missing" and one.healed for one in found)
    assert await of(company, li) == []


async def test_rows_too_many_go(company, li):
    await corrupt(
        company,
        "INSERT INTO read.stage_durations SELECT tenant, opportunity_id, 99, position, stage, stage_rank, stage_type,"
        " from_stage, entered_at FROM read.stage_durations WHERE tenant = %s LIMIT 1",
        company.caller.tenant,
    )
    stray = uuid4()
    await corrupt(
        company,
        "INSERT INTO read.customers SELECT (json_populate_record(c, json_build_object('id', %s::text))).*"
        " FROM read.customers c WHERE id = %s",
        str(stray),
        li,
    )
    found = await of(company, li)
    assert {(one.read_model, one.what) for one in found} == {("stage_durations", "too many"), ("customers", "too many")}
    assert await of(company, li) == []
    assert await of(company, stray) == []


async def test_the_slices_together_are_everything_and_each_has_its_own(company, li):
    await corrupt(company, "UPDATE read.timeline SET actor = 'nobody' WHERE tenant = %s", company.caller.tenant)
    stray = uuid4()
    await corrupt(
        company,
        "INSERT INTO read.customers SELECT (json_populate_record(c, json_build_object('id', %s::text))).*"
        " FROM read.customers c WHERE id = %s",
        str(stray),
        li,
    )
    cursor = await company.connection.execute("SELECT count(DISTINCT stream_id), count(*) FROM log.events")
    streams, events = await cursor.fetchone()
    all_of_them = [await reconciled(company, slice_of(number, 8, PARTITIONS)) for number in range(8)]
    assert sum(one.streams for one in all_of_them) == streams
    assert sum(one.rows for one in all_of_them) > events
    differing = [one for slice in all_of_them for one in slice.differences]
    assert {one.read_model for one in differing} == {"timeline", "customers"}
    assert (company.caller.tenant, stray) in {one.key for one in differing}
    assert len({slice.rows for slice in all_of_them}) > 1


async def test_what_the_read_model_has_not_taken_in_yet_is_not_called_missing(company, li):
    await company.does("rename-customer", customer_id=li, name="韩梅梅")
    assert await of(company, li) == []
    assert (await company.row(CUSTOMERS, li))["name"] == "李雷"
    await company.settles()
    assert (await company.row(CUSTOMERS, li))["name"] == "韩梅梅"


async def test_a_parked_row_stands_still_and_a_skipped_event_stays_out(company, li, monkeypatch):
    taking = type(CUSTOMERS.projection).take

    def refusing(self, row, event, recorded):
        if getattr(event, "name", None) == "unspeakable" and self.name == "customers":
            raise ValueError
        taking(self, row, event, recorded)

    card = CUSTOMERS.projection
    await company.does("rename-customer", customer_id=li, name="unspeakable")
    await company.does("tag-customer", customer_id=li, tag="vip")
    monkeypatch.setattr(type(card), "handlers", {c: (refusing if h is taking else h) for c, h in card.handlers.items()})
    await company.settles()
    monkeypatch.undo()
    assert await of(company, li) == [], "also now that the event could be taken in"
    await corrupt(company, "UPDATE read.customers SET owner = 'thief' WHERE id = %s", li)
    assert len(await of(company, li)) == 1
    row = await company.row(CUSTOMERS, li)
    assert (row["name"], row["owner"], row["tags"]) == ("李雷", "wang", [])
    cursor = await company.connection.execute("SELECT min(position) FROM read.parked WHERE slot = 'customers'")
    ((position,),) = await cursor.fetchall()
    await leave_out(company.connection, "customers", position, "operator", "nobody is called so")
    await replay(company.connection, company.log.codec, card)
    assert await of(company, li) == []
    row = await company.row(CUSTOMERS, li)
    assert (row["name"], row["tags"]) == ("李雷", ["vip"])


async def test_an_event_that_cannot_be_folded_is_parked_when_its_row_is_healed(company, li, database_url):
    ruined = await company.customer("Wu", owner="wang")
    await company.settles()
    async with await AsyncConnection.connect(database_url) as owner:
        await owner.execute(
            "UPDATE log.events SET personal = (SELECT personal FROM log.events WHERE stream_id = %s AND version = 1)"
            " WHERE stream_id = %s",
            [li, ruined],
        )
    found = await of(company, ruined)
    assert {one.what for one in found} == {"too many"}
    assert await of(company, ruined) == []
    parked = "SELECT count(*) FROM read.parked WHERE error IS NOT NULL AND tenant = %s"
    cursor = await company.connection.execute(parked, [company.caller.tenant])
    assert await cursor.fetchone() == (len(found),)


async def test_where_very_much_differs_nothing_is_healed_unasked(company, li, tmp_path):
    """Keys that are not this log's make everybody look forgotten."""
    for number in range(40):
        await company.customer(f"Wu {number}")
    await company.settles()
    others = FileKeyStore(tmp_path)
    with_others_keys = Reconciler(company.connection, Codec(others), TABLES, heal=True)
    found = [await with_others_keys.reconcile(slice_of(number, PARTITIONS, PARTITIONS)) for number in range(PARTITIONS)]
    others.close()
    assert any(one.refused for one in found)
    assert sum(one.healed for one in found if one.refused) == 0
    assert (await company.row(CUSTOMERS, li))["name"] == "李雷"
