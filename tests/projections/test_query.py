"""Lists: filters, sorting, fields, pages that cost the same everywhere, totals, and nothing of another tenant."""

from __future__ import annotations

from random import Random
from uuid import uuid4

import pytest

from eventlog.envelope import Caller
from projections.asking import BadQuery, ask_of
from projections.customer_card import CUSTOMERS
from projections.opportunities import OPPORTUNITIES
from projections.orders import ORDERS
from projections.query import Plan, get, select
from tests.log_helpers import ACME
from tests.projections.conftest import day

pytestmark = pytest.mark.anyio


async def test_a_customer_is_shown_as_known(company):
    customer = await company.customer("李伟", emails=["li@example.com"], tags=["vip", "east"], tier="A")
    await company.does("rename-customer", customer_id=customer, name="李薇")
    await company.does("log-interaction", customer_id=customer, channel="call", direction="in", subject="Hello")
    await company.settles()
    card = (await get(company.connection, company.caller, CUSTOMERS, customer)).rows[0]
    assert (card["name"], card["tags"], card["tier"], card["version"]) == ("李薇", ["east", "vip"], "A", 3)
    assert card["interactions"] == 1
    assert "tenant" not in card
    assert "since" not in card


async def test_a_back_dated_fact_does_not_displace_a_later_one(company):
    customer = await company.customer("One", occurred_at=day(1))
    await company.does("rename-customer", customer_id=customer, name="Three", occurred_at=day(3))
    await company.does("rename-customer", customer_id=customer, name="Two", occurred_at=day(2))
    await company.settles()
    assert (await company.row(CUSTOMERS, customer))["name"] == "Three"


async def test_filters(company):
    small = await company.opportunity(amount=10, owner="li")
    large = await company.opportunity(amount=5000, owner="wu", expected_close="2026-03-01")
    none = await company.opportunity(amount=None, currency=None)
    await company.does("add-competitor", opportunity_id=large, competitor="Acme Ltd")
    await company.settles()

    async def found(query):
        return {row["id"] for row in (await company.list(OPPORTUNITIES, query)).rows}

    assert await found("") == {small, large, none}
    assert await found("owner=li") == {small}
    assert await found("owner.in=li,wu") == {small, large}
    assert await found("amount.gte=10&amount.lt=5000") == {small}
    assert await found("amount.null=true") == {none}
    assert await found("owner.null=false&amount.gt=10") == {large}
    assert await found("expected_close.lte=2026-03-01") == {large}
    assert await found("competitors.has=Acme Ltd") == {large}
    assert await found("stage=Prospecting&created_at.gt=2020-01-01T00:00:00Z") == {small, large, none}


async def test_tags_consents_and_addresses_can_be_asked_for(company):
    customer = await company.customer(emails=["li@example.com"], tags=["vip"])
    await company.does("give-consent", customer_id=customer, channel="email")
    await company.customer("Other")
    await company.settles()
    for query in ("tags.has=vip", "consents.has=email", "consents.has=email:given", "emails.has=li@example.com"):
        assert [row["id"] for row in (await company.list(CUSTOMERS, query)).rows] == [customer], query
    assert (await company.list(CUSTOMERS, "consents.has=email:withdrawn")).rows == []


async def test_an_address_is_found_in_any_case_and_a_number_however_it_is_written(company):
    customer = await company.customer(emails=["Li.Wei@Example.com"], phones=["+86 21 5555 0123"])
    await company.customer("Other", emails=["wei@example.com"], phones=["5555 0123"])
    await company.settles()
    for query in (
        *("emails.has=li.wei@example.COM", "emails.has= Li.Wei@Example.com"),
        *("phones.has=+862155550123", "phones.has=0086 (21) 5555-0123"),
    ):
        assert [row["id"] for row in (await company.list(CUSTOMERS, query)).rows] == [customer], query
    with pytest.raises(BadQuery, match="telephone number"):
        await company.list(CUSTOMERS, "phones.has=nobody")


@pytest.mark.parametrize(
    "sort", ["amount", "-amount", "title", "-title", "expected_close", "-owner", "id", "-id", "version"]
)
async def test_pages_show_every_row_once_in_order(company, sort):
    random = Random(sort)
    for _ in range(23):
        await company.opportunity(
            title=random.choice("abc"),
            amount=random.choice([None, 1, 2, "2.50"]),
            expected_close=random.choice([None, "2026-01-01", "2026-02-01"]),
            owner=random.choice([None, "李", "wu"]),
        )
    await company.settles()
    whole = (await company.list(OPPORTUNITIES, f"sort={sort}&limit=500")).rows
    page = await company.list(OPPORTUNITIES, f"sort={sort}&limit=4")
    seen = page.rows
    while page.cursor:
        page = await company.list(OPPORTUNITIES, f"sort={sort}&limit=4&cursor={page.cursor}")
        assert len(page.rows) <= 4
        seen = seen + page.rows
    assert [row["id"] for row in seen] == [row["id"] for row in whole]
    assert len({row["id"] for row in seen}) == 23
    values = [row[sort.lstrip("-")] for row in seen]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=sort.startswith("-"))
    assert values == known + [None] * (23 - len(known)), "rows without a value come last"


async def test_fields_and_totals(company):
    for number in range(7):
        await company.opportunity(title=f"{number}", owner="li" if number < 3 else None)
    await company.settles()
    page = await company.list(OPPORTUNITIES, "fields=title,age_days&limit=2&total=exact&owner=li")
    assert [set(row) for row in page.rows] == [{"title", "age_days"}] * 2
    assert page.total == 3
    assert (await company.list(OPPORTUNITIES, "total=none")).total is None
    assert (await company.list(OPPORTUNITIES, "total=estimate")).total is not None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("color=red", "possible: id, version"),
        ("amount.like=1", "amount.gte"),
        ("amount=much", "a number"),
        ("amount=NaN", "a number"),
        ("amount=1e999999", "a number"),
        ("version=99999999999999999999", "a whole number"),
        ("customer_id=7", "an id"),
        ("created_at.gt=2026-01-01T00:00:00", "zone"),
        ("expected_close=soon", "a day"),
        ("title=\x00", "text"),
        ("title=\ud800", "text"),
        ("lines=1", "nothing"),
        ("sort=lines", "possible: id, version"),
        ("sort=age_days", "possible"),
        ("fields=secret", "possible"),
        ("limit=501", "500"),
        ("limit=0", "500"),
        ("total=all", "estimate"),
        ("cursor=nonsense", "earlier page"),
        ("cursor=WyJhIl0", "another list"),
        ("tenant=umbrella", "possible"),
    ],
)
def test_what_cannot_be_asked_says_what_can(query, says):
    name, _, value = query.partition("=")
    with pytest.raises(BadQuery, match=says):
        Plan(ACME, OPPORTUNITIES, ask_of(OPPORTUNITIES, [(name, value)]))


async def test_a_cursor_of_another_list_is_refused(company):
    for _ in range(3):
        await company.opportunity(owner="li")
    await company.settles()
    cursor = (await company.list(OPPORTUNITIES, "limit=1&owner=li")).cursor
    for query in ("owner=wu", "owner=li&sort=amount", ""):
        with pytest.raises(BadQuery, match="another list"):
            await company.list(OPPORTUNITIES, f"{query}&limit=1&cursor={cursor}")


async def test_an_order_can_be_filtered_by_its_total(company):
    order = await company.order(await company.customer())
    await company.settles()
    page = await company.list(ORDERS, "total.eq=1000&total=exact")
    assert ([row["id"] for row in page.rows], page.total) == ([order], 1)


async def test_another_tenant_sees_nothing(company):
    customer = await company.customer(tags=["vip"])
    await company.settles()
    other = Caller("somebody-else", "wu")
    assert (await get(company.connection, other, CUSTOMERS, customer)).rows == []
    page = await select(
        company.connection, other, CUSTOMERS, ask_of(CUSTOMERS, [("tags.has", "vip"), ("total", "exact")])
    )
    assert (page.rows, page.total) == ([], 0)


async def test_a_row_that_has_stopped_at_a_parked_event_says_so(company):
    fine, stopped = await company.customer("Fine"), await company.customer("Stopped")
    await company.settles()
    assert (await company.list(CUSTOMERS)).parked == {}
    event_id = uuid4()
    cursor = await company.connection.execute(
        "INSERT INTO read.parked (slot, position, key, tenant, partition, event_id, type, error)"
        " SELECT 'customers', position, '[]', tenant, partition, %s, type, 'broken' FROM log.events"
        " WHERE stream_id = %s RETURNING position",
        [event_id, stopped],
    )
    (position,) = await cursor.fetchone()
    page = await company.list(CUSTOMERS)
    assert {id: (p.position, p.event_id) for id, p in page.parked.items()} == {stopped: (position, event_id)}
    assert (await get(company.connection, company.caller, CUSTOMERS, fine)).parked == {}
    assert stopped in (await get(company.connection, company.caller, CUSTOMERS, stopped)).parked
    await company.connection.execute("DELETE FROM read.parked")


async def test_page_ten_thousand_costs_what_the_first_costs(company):
    """Of 20,500 rows; what is read for a page is no more than the page, wherever it is."""
    await fill(company, 20_500)
    for sort in ("-created_at", "updated_at", "amount", "-amount", "-expected_close"):
        page = await company.list(OPPORTUNITIES, f"sort={sort}&limit=500&fields=id")
        for _ in range(39):
            page = await company.list(OPPORTUNITIES, f"sort={sort}&limit=500&fields=id&cursor={page.cursor}")
        next_two = ask_of(OPPORTUNITIES, [("sort", sort), ("limit", "2"), ("cursor", page.cursor)])
        assert await rows_read(company, next_two) <= 2 * 3


async def fill(company, count):
    """Rows of the tenant straight in the table, as nothing here depends on how they came there."""
    await company.connection.execute(
        "INSERT INTO read.opportunities (tenant, id, version, position, subject_id, created_at, created_recorded_at,"
        " created_by, updated_at, updated_recorded_at, updated_by, since, amount, expected_close)"
        " SELECT %s, gen_random_uuid(), 1, n, gen_random_uuid(), now() - n * interval '1 minute', now(), 'li',"
        " now() - (n %% 700) * interval '1 hour', now(), 'li', '{}', CASE WHEN n %% 3 > 0 THEN n %% 50 END,"
        " CASE WHEN n %% 4 > 0 THEN date '2026-01-01' + n %% 100 END FROM generate_series(1, %s) n",
        [company.caller.tenant, count],
    )
    await company.connection.execute("ANALYZE read.opportunities")


async def rows_read(company, asked):
    """Rows that the plan's scans give, those they filter out included."""
    statement = Plan(company.caller, OPPORTUNITIES, asked).page()
    cursor = await company.connection.execute(
        "EXPLAIN (ANALYZE, FORMAT JSON) " + statement.as_string(company.connection)
    )
    ((plan,),) = await cursor.fetchone()
    return sum(scanned(plan["Plan"]))


def scanned(node):
    if "Scan" in node["Node Type"] and "Subquery" not in node["Node Type"]:
        yield node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
    for child in node.get("Plans", ()):
        yield from scanned(child)
