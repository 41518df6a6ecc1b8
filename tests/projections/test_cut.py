"""As it was, and as it was known: any one thing at any moment of two clocks."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from random import Random

import pytest
from psycopg import AsyncConnection, sql

from deploy.demo.filling import fill
from deploy.demo.history import company as history_of_a_company
from eventlog import feed
from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from eventlog.log import Log
from projections import PROJECTIONS, RESOURCES
from projections.asking import Ask, Filter
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut, get_cut
from projections.history import blame, diff, history
from projections.host import Host
from projections.opportunities import OPPORTUNITIES
from projections.query import Plan, get, started
from projections.slot import Slot
from projections.tables import indexes_of, table_of
from tests.projections.conftest import Company, day

pytestmark = pytest.mark.anyio

CUTS = 200
ONE_A_STREAM = [resource for resource in RESOURCES if resource.key == ("id",)]
DEMO = Caller("demo", "li")


@pytest.fixture(scope="module")
async def filled(database_url, keys):
    """A small demo company: the log, a connection, all its events."""
    async with (
        Log.open(database_url, keys) as log,
        await AsyncConnection.connect(database_url, autocommit=True, options=f"{APP_ROLE} -c TimeZone=UTC") as own,
    ):
        await fill(log, DEMO, list(history_of_a_company(7, date(2026, 6, 30), 0.015)))
        events = [r async for page in feed.everything(own, log.codec) for r in page if r.tenant == DEMO.tenant]
        assert len(events) > 500
        yield log, own, events


def fields_of(resource):
    return tuple(resource.columns)


async def test_now_as_of_now_is_what_the_live_read_models_show(filled):
    log, own, events = filled
    company = Company(log, own)
    await company.settles()
    for resource in ONE_A_STREAM:
        for id in sorted({r.stream_id for r in events if r.stream_type == resource.stream}):
            live = await get(own, DEMO, resource, id, fields=fields_of(resource))
            cut = await get_cut(own, log.codec, DEMO, resource, id, NOW, fields=fields_of(resource))
            assert cut.rows == live.rows, (resource.name, id)


async def test_what_was_known_at_a_position_is_what_the_live_read_models_showed_there(filled):
    log, own, events = filled
    chance = Random(1)
    positions = sorted(chance.sample([r.position for r in events], CUTS // 2))
    everything = [r async for page in feed.everything(own, log.codec) for r in page]
    where = [r.position for r in everything]
    host = await building(own)
    done = seen = 0
    for position in positions:
        upto = bisect_right(where, position)
        await host.apply(everything[done:upto])
        done = upto
        for resource, id in some_of(chance, events, 6):
            shown = await in_next(own, resource, id)
            cut = Cut(known_at=position)
            page = await get_cut(own, log.codec, DEMO, resource, id, cut, fields=fields_of(resource))
            assert page.rows == shown, (resource.name, id, position)
            seen += bool(shown)
    assert seen > CUTS


@pytest.mark.long
async def test_as_it_was_is_what_read_models_would_show_had_nothing_later_happened(filled):
    log, own, events = filled
    chance = Random(2)
    streams = {}
    for recorded in events:
        streams.setdefault(recorded.stream_id, []).append(recorded)
    seen = 0
    for _ in range(CUTS // 2):
        cut = Cut(as_of=chance.choice(events).occurred_at)
        asked = some_of(chance, events, 4)
        host = await building(own)
        kept = {r.position: r for _, id in asked for r in streams[id] if r.occurred_at <= cut.as_of}
        if kept:
            await host.apply([kept[position] for position in sorted(kept)])
        for resource, id in asked:
            shown = await in_next(own, resource, id)
            page = await get_cut(own, log.codec, DEMO, resource, id, cut, fields=fields_of(resource))
            assert page.rows == shown, (resource.name, id, cut)
            seen += bool(shown)
    assert seen > CUTS // 2


def some_of(chance, events, count):
    """Some things of the company, each as a resource and an id."""
    chosen = []
    for recorded in chance.sample(events, count):
        resource = chance.choice([one for one in ONE_A_STREAM if one.stream == recorded.stream_type])
        chosen.append((resource, recorded.stream_id))
    return chosen


async def building(connection):
    """A host of empty tables beside the live ones."""
    slots = [Slot(projection, building=True) for projection in PROJECTIONS]
    for slot in slots:
        await connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(slot.table))
        await connection.execute("DELETE FROM read.checkpoints WHERE slot = %s", [slot.name])
        for statement in (*table_of(slot), *indexes_of(slot)):
            await connection.execute(statement)
    host = Host(connection, slots)
    cursor = await connection.execute("SELECT partition FROM read.checkpoints WHERE slot = %s", [slots[0].name])
    await host.claim([partition for (partition,) in await cursor.fetchall()])
    return host


async def in_next(connection, resource, id):
    ask = Ask((Filter("id", "eq", id),), fields=fields_of(resource), limit=1)
    plan = Plan(DEMO, resource, ask, [Slot(resource.projection, building=True).table])
    return plan.answer(await (await started(connection, plan.page())).fetchall()).rows


async def shown(company, resource, id, cut, field):
    page = await get_cut(company.connection, company.log.codec, company.caller, resource, id, cut)
    return page.rows[0][field] if page.rows else "nothing"


async def position_of(company, id, version):
    told = await history(company.connection, company.log.codec, company.caller, "customer", id)
    return told.entries[version - 1].position


async def test_what_is_learned_late_changes_how_it_was_and_never_how_it_was_known(company):
    id = await company.customer(occurred_at=day(1))
    await company.does("classify-customer", customer_id=id, tier="gold", occurred_at=day(5))
    await company.does("classify-customer", customer_id=id, tier="silver", occurred_at=day(3))  # learned last
    before_the_news = await position_of(company, id, 2)
    assert await shown(company, CUSTOMERS, id, Cut(as_of=day(4)), "tier") == "silver"
    assert await shown(company, CUSTOMERS, id, Cut(as_of=day(4), known_at=before_the_news), "tier") is None
    assert await shown(company, CUSTOMERS, id, Cut(as_of=day(6)), "tier") == "gold"
    assert await shown(company, CUSTOMERS, id, Cut(known_at=before_the_news), "tier") == "gold"
    assert await shown(company, CUSTOMERS, id, NOW, "tier") == "gold"


async def test_a_correction_of_the_same_moment_counts_from_when_it_was_made(company):
    id = await company.customer(occurred_at=day(1))
    for tier in ("gold", "silver"):
        await company.does("classify-customer", customer_id=id, tier=tier, occurred_at=day(2))
    mistaken = await position_of(company, id, 2)
    assert await shown(company, CUSTOMERS, id, Cut(as_of=day(2)), "tier") == "silver"
    assert await shown(company, CUSTOMERS, id, Cut(as_of=day(2), known_at=mistaken), "tier") == "gold"


async def test_an_opportunity_stands_where_it_stood_that_day(company):
    id = await company.opportunity(occurred_at=day(1))
    for at, stage in ((2, "Proposal"), (5, "Negotiation")):
        await company.does("move-opportunity", opportunity_id=id, stage=stage, occurred_at=day(at))
    stages = [await shown(company, OPPORTUNITIES, id, Cut(as_of=day(n)), "stage") for n in (1, 2, 4, 5)]
    assert stages == ["Prospecting", "Proposal", "Proposal", "Negotiation"]


async def test_there_is_nothing_before_the_beginning_whatever_was_said_of_earlier_days(company):
    id = await company.customer(occurred_at=day(5))
    await company.does("classify-customer", customer_id=id, tier="gold", occurred_at=day(2))
    assert await shown(company, CUSTOMERS, id, Cut(as_of=day(3)), "tier") == "nothing"
    assert await shown(company, CUSTOMERS, id, Cut(known_at=0), "tier") == "nothing"
    told = (company.connection, company.log.codec, company.caller, "customer", id)
    assert await history(*told, cut=Cut(as_of=day(3))) is None
    assert await blame(*told, Cut(as_of=day(3))) is None


async def test_every_field_names_the_event_that_set_it(company):
    id = await company.customer("王芳", occurred_at=day(1), external_ids=[{"source": "shop", "id": "7"}])
    await company.does("classify-customer", customer_id=id, tier="gold", occurred_at=day(5))
    await company.does("classify-customer", customer_id=id, tier="silver", occurred_at=day(3))
    told = (company.connection, company.log.codec, company.caller, "customer", id)
    found = {setting.field: (setting.value, setting.set_by.version) for setting in await blame(*told)}
    assert found["name"] == ("王芳", 1)
    assert found["external_ids.shop"] == ("7", 1)
    assert found["tier"] == ("gold", 2), "the late news of an earlier day set nothing"
    then = {setting.field: setting.set_by.version for setting in await blame(*told, Cut(as_of=day(4)))}
    assert then["tier"] == 3


async def test_a_field_that_was_cleared_names_the_event_that_cleared_it(company):
    id = await company.customer(tags=["vip"], emails=["li@example.com"], occurred_at=day(1))
    await company.does("classify-customer", customer_id=id, tier="gold", occurred_at=day(2))
    await company.does("classify-customer", customer_id=id, tier=None, occurred_at=day(3))
    await company.does("untag-customer", customer_id=id, tag="vip", occurred_at=day(4))
    await company.does("change-emails", customer_id=id, emails=[], occurred_at=day(5))
    told = (company.connection, company.log.codec, company.caller, "customer", id)
    found = {setting.field: (setting.value, setting.set_by.version) for setting in await blame(*told)}
    assert {field: found[field] for field in ("tier", "tags.vip", "emails")} == {
        "tier": (None, 3),
        "tags.vip": (None, 4),
        "emails": (None, 5),
    }
    assert "phones" not in found, "what never held anything was never cleared"
    then = {setting.field: setting.value for setting in await blame(*told, Cut(as_of=day(2)))}
    assert then["tier"] == "gold"


async def test_two_moments_differ_in_what_was_said_between_them(company):
    id = await company.customer("王芳", occurred_at=day(1))
    await company.does("classify-customer", customer_id=id, tier="gold", occurred_at=day(3))
    await company.does("rename-customer", customer_id=id, name="王小芳", occurred_at=day(4))
    await company.does("rename-customer", customer_id=id, name="王芳", occurred_at=day(5))
    told = (company.connection, company.log.codec, company.caller, "customer", id)

    async def between(before, after):
        found = await diff(*told, before, after)
        return {one.field: (one.old, one.new, [entry.version for entry in one.events]) for one in found}

    assert await between(Cut(as_of=day(2)), Cut(as_of=day(4))) == {
        "tier": (None, "gold", [2]),
        "name": ("王芳", "王小芳", [3]),
    }
    assert (await between(Cut(as_of=day(2)), NOW)).keys() == {"tier"}, "a name that is back again is no difference"
    assert (await between(Cut(as_of=day(4)), Cut(as_of=day(2))))["tier"] == ("gold", None, [2])
    assert (await between(Cut(known_at=0), NOW))["name"] == (None, "王芳", [1, 3, 4])
    assert await diff(*told, Cut(known_at=0), Cut(known_at=0)) is None
