"""The past of a read model: at every point of the plane of the two clocks exactly the version that the log tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.connections import APP_ROLE
from projections import PASTS, as_of
from projections.as_of import listed, settled
from projections.asking import Ask, BadQuery, Filter
from projections.customer_card import CUSTOMERS
from projections.cut import NOW, Cut, folded
from projections.orders import ORDERS
from projections.past import HOLDS, LONGEST
from projections.rebuild import Differs, rebuild
from tests.domain.anything import BEGINNING
from tests.projections.conftest import day
from tests.projections.remembered import DEMO, KEPT, all_of, cuts_of, filled_company, told_by_the_log
from tests.projections.test_folding import STREAMS, logs

CUTS = 200
LAST = 20
"""The minute in which the last thing happens."""

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def filled(database_url, keys):
    async with filled_company(database_url, keys) as filled:
        yield filled


def holds(version, minute, position):
    """Whether a version is how things stood at this minute, as was known at this position."""
    at = BEGINNING + timedelta(minutes=minute)
    recorded_at = BEGINNING + timedelta(days=1, seconds=position)
    held = version["valid_from"] <= at < version["valid_to"] and version["known_from"] <= position < version["known_to"]
    stood = version["known_from"] <= position < version["believed_to"]
    believed = version["valid_to"] <= at and stood
    if held and version["lasts"] < LONGEST:
        assert at - version["valid_from"] <= timedelta(seconds=8 ** version["lasts"])
    if believed and version["late"] < LONGEST:
        assert recorded_at - version["valid_to"] <= timedelta(seconds=8 ** version["late"])
    if stood and version["stood"] < LONGEST:
        assert position - version["known_from"] <= 8 ** version["stood"]
    if minute > LAST:
        assert stood == (held or believed), "who asks of no moment needs to look at what stood only"
    return held or believed


@pytest.mark.parametrize("past", PASTS, ids=lambda past: past.name)
def test_whatever_is_dated_back_every_point_of_both_clocks_has_the_one_version_that_the_log_tells(past):
    @settings(max_examples=25, deadline=None)
    @given(
        log=logs(kinds=[past.live.aggregate], within=LAST),
        cuts=st.lists(st.tuples(st.integers(-1, LAST + 1), st.integers(0, 31)), min_size=5, max_size=20),
    )
    def check(log, cuts):
        for stream in STREAMS[past.live.aggregate]:
            events = [recorded for recorded in log if recorded.stream_id == stream]
            row, parked = folded(past.live, events)
            if row is None or parked or events[0].event_class not in past.handlers:
                continue
            state = past.new_row(events[0])
            for recorded in events:
                if recorded.event_class in past.handlers:
                    past.handle(state, recorded)
            versions = past.written(state)
            for minute, position in [*cuts, (LAST + 1, 31)]:
                cut = Cut(BEGINNING + timedelta(minutes=minute), position)
                told, _ = folded(past.live, cut.of(events))
                found = [version for version in versions if holds(version, minute, position)]
                assert [without_ends(version) for version in found] == ([told] if told else []), cut

    check()


def without_ends(version):
    return {column: value for column, value in version.items() if column not in HOLDS}


@pytest.mark.parametrize("resource", KEPT, ids=lambda resource: resource.name)
async def test_as_of_now_known_now_every_row_of_the_past_is_the_live_row(filled, resource):
    own, streams = filled
    live = await all_of(own, resource, NOW)
    assert await all_of(own, resource, Cut(datetime.now(UTC))) == live
    head = max(stream[-1].position for stream in streams.values())
    assert await all_of(own, resource, await settled(own, Cut(None, head))) == live
    assert live


async def test_a_list_as_of_any_moment_of_both_clocks_is_what_the_log_tells_of_each_thing(filled, monkeypatch):
    own, streams = filled
    chance, seen = Random(5), 0
    for cut in cuts_of(streams, 4, CUTS):
        resource = chance.choice(KEPT)
        ids = [id for id, events in streams.items() if events[0].stream_type == resource.stream]
        some = {id: streams[id] for id in chance.sample(ids, min(20, len(ids)))}
        asked = Filter("id", "in", tuple(some))
        monkeypatch.setattr(as_of, "FEW", chance.choice((0, 1_000)))  # along an index, or all that held at once
        rows = await all_of(own, resource, await settled(own, cut), asked, sort=chance.choice(resource.sortable))
        expected = told_by_the_log(resource, cut, some)
        assert {row["id"]: row for row in rows} == expected, (resource.name, cut)
        seen += len(rows)
    assert seen > CUTS


async def test_lists_filter_sort_and_count_what_was_personal_fields_too(filled):
    own, streams = filled
    for cut in cuts_of(streams, 6, 8):
        told = told_by_the_log(CUSTOMERS, cut, streams)
        cut, seen = await settled(own, cut), 0
        for filter, holds_true in (
            (Filter("name", "eq", "李"), lambda row: row["name"] == "李"),
            (Filter("name", "gt", "M"), lambda row: (row["name"] or "") > "M"),
            (Filter("tier", "in", ("a", "b")), lambda row: row["tier"] in ("a", "b")),
            (Filter("parent_id", "null", True), lambda row: row["parent_id"] is None),
        ):
            expected = sorted((row["name"], str(id)) for id, row in told.items() if holds_true(row))
            rows = await all_of(own, CUSTOMERS, cut, filter, sort="name")
            assert [(row["name"], str(row["id"])) for row in rows] == expected, (cut, filter)
            page = await listed(own, DEMO, CUSTOMERS, Ask((filter,), limit=1, total="exact"), cut)
            assert page.total == len(expected)
            seen += len(rows)
        addresses = [address for row in told.values() for address in row["emails"] or ()]
        for address in addresses[:1]:
            rows = await all_of(own, CUSTOMERS, cut, Filter("emails", "has", address))
            assert [row["id"] for row in rows] == [i for i, r in told.items() if address in (r["emails"] or ())]
        assert seen or not told


async def test_a_page_goes_on_where_the_one_before_ended_whatever_is_learned_meanwhile(filled):
    own, streams = filled
    head = max(stream[-1].position for stream in streams.values())
    cut = await settled(own, Cut(datetime(2025, 6, 1, tzinfo=UTC), head))
    whole = await all_of(own, ORDERS, cut)
    first = await listed(own, DEMO, ORDERS, Ask(limit=10), cut)
    with pytest.raises(BadQuery, match="another list"):
        await listed(own, DEMO, ORDERS, Ask(limit=10, cursor=first.cursor), Cut(datetime(2025, 6, 2, tzinfo=UTC)))
    rest = await listed(own, DEMO, ORDERS, Ask(limit=500, cursor=first.cursor), cut)
    assert [row["id"] for row in (*first.rows, *rest.rows)] == [row["id"] for row in whole]


async def test_what_is_learned_late_changes_the_list_as_it_was_and_never_as_it_was_known(company):
    id = await company.customer(occurred_at=day(1))
    await company.does("classify-customer", customer_id=id, tier="gold", occurred_at=day(5))
    await company.does("classify-customer", customer_id=id, tier="silver", occurred_at=day(3))  # learned last
    await company.settles()
    (row,) = (await company.list(CUSTOMERS, f"id={id}")).rows
    before_the_news = row["position"] - 1

    async def tier(cut):
        cut = await settled(company.connection, cut)
        rows = (await listed(company.connection, company.caller, CUSTOMERS, Ask(), cut)).rows
        return [row["tier"] for row in rows]

    assert await tier(Cut(day(4))) == ["silver"]
    assert await tier(Cut(day(4), before_the_news)) == [None]
    assert await tier(Cut(day(6))) == ["gold"]
    assert await tier(Cut(None, before_the_news)) == ["gold"]
    assert await tier(Cut(day(1, 8))) == []


async def test_the_past_of_a_read_model_is_rebuilt_and_proven_like_any_other(company, database_url):
    await company.customer()
    await company.settles()
    codec = company.log.codec
    for past in PASTS:
        same = await rebuild(database_url, codec, past, options=APP_ROLE)
        assert same.live == same.rebuilt
    await company.connection.execute(
        "UPDATE read.customers_past SET tier = 'platinum' WHERE tenant = %s", [company.caller.tenant]
    )
    past = CUSTOMERS.past.projection
    with pytest.raises(Differs):
        await rebuild(database_url, codec, past, options=APP_ROLE)
    await rebuild(database_url, codec, past, accept_difference=True, options=APP_ROLE)
    (row,) = (await listed(company.connection, company.caller, CUSTOMERS, Ask(), Cut(datetime.now(UTC)))).rows
    assert row["tier"] is None
