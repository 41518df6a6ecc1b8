"""Finding customers by parts of what they are called, whatever the script; an index serves parts of any length."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from uuid import UUID

import pytest
from psycopg import sql

from domain.policy import Extent, Sight
from domain.values import Phone
from eventlog.envelope import Caller
from eventlog.row_security import name_tenant
from projections.as_of import settled
from projections.asking import BadQuery
from projections.customer_card import CUSTOMERS
from projections.customer_search import CUSTOMER_SEARCH, readings_of, search, sought, statement
from projections.cut import Cut
from projections.lookups import name_scope
from tests.projections.conftest import day

pytestmark = pytest.mark.anyio


async def found(company, text, **options):
    return [row["name"] for row in (await search(company.connection, company.caller, text, **options)).rows]


@pytest.mark.parametrize(
    ("called", "by"),
    [
        ("李雷", "李"),
        ("北京诺华科技有限公司", "华"),
        ("北京诺华科技有限公司", "华科"),
        ("北京诺华科技有限公司", "诺华科技"),
        ("北京诺华 Novartis", "novar 诺"),
        ("Müller & Söhne GmbH", "muller sohne"),
        ("Müller & Söhne GmbH", "MÜLLER"),
        ("Müller & Söhne GmbH", "ohn"),
        ("Müller & Söhne GmbH", "G"),
        ("Ａcme Ｌtd", "acme l"),
        ("한국전자", "국전"),
        ("100%_Pure", "%_p"),
        ("Straße 7", "strasse"),
    ],
)
async def test_any_part_of_a_name_finds_the_customer(company, called, by):
    await company.customer(called)
    await company.customer("Zzz 的")
    await company.settles()
    assert await found(company, by) == [called]


@pytest.mark.parametrize(
    "by", ["li.wei@ex", "@example.com", "ampl", "555", "+86 21 5555-0123", "02155550123", "0086 21"]
)
async def test_addresses_and_numbers_find_the_customer_too(company, by):
    await company.customer("Li", emails=["Li.Wei@Example.com"], phones=["+86 (21) 5555 0123"])
    await company.settles()
    assert await found(company, by) == ["Li"]


@pytest.mark.parametrize("by", ["lx", "雷李", "wei@li", "5550", "li wu", "\\"])
async def test_what_is_not_there_is_not_found(company, by):
    await company.customer("李雷 Li", emails=["li.wei@example.com"], phones=["555123"])
    await company.settles()
    assert await found(company, by) == []


async def test_the_exact_come_before_what_begins_so_and_that_before_the_rest(company):
    for name in ("Xann", "Mary Ann Lee", "Annabel", "Ann", "Joanna"):
        await company.customer(name)
    await company.settles()
    assert await found(company, "ann") == ["Ann", "Annabel", "Mary Ann Lee", "Xann", "Joanna"]
    assert await found(company, "ann", limit=2) == ["Ann", "Annabel"]


async def test_a_former_name_finds_nobody(company):
    customer = await company.customer("Former")
    await company.does("rename-customer", customer_id=customer, name="Present")
    await company.settles()
    assert (await found(company, "former"), await found(company, "present")) == ([], ["Present"])


async def test_another_tenants_customers_are_not_found(company):
    await company.customer("Secret")
    await company.settles()
    assert (await search(company.connection, Caller("other", "wu"), "secret")).rows == []


async def test_what_passes_row_security_finds_those_alone_whom_the_transaction_may_be_shown(company):
    for name, owner in (("Secret One", "li"), ("Secret Two", "wu"), ("Secret Three", None)):
        await company.customer(name, owner=owner)
    await company.settles()
    words = sought(company.caller.tenant, *readings_of("secret"))
    asked = "SELECT name FROM read.customers_matching(%(parts_0)s, %(patterns_0)s) ORDER BY name"

    async def matching(*named) -> list[str]:
        async with company.connection.transaction():
            for naming, whose in named:
                await naming(company.connection, whose)
            return [name for (name,) in await (await company.connection.execute(asked, words)).fetchall()]

    tenant, owner = company.caller.tenant, frozenset(["li"])
    lis = replace(company.caller, sights={"customer": Sight({"read": Extent(owners=owner)})})
    nobodys = replace(company.caller, sights={"customer": Sight({}, parties=frozenset(["user:li"]))})
    assert await matching() == await matching((name_tenant, tenant)) == []
    assert await matching((name_scope, company.caller)) == ["Secret One", "Secret Three", "Secret Two"]
    assert await matching((name_scope, lis)) == ["Secret One"]
    assert await matching((name_scope, nobodys)) == await matching((name_scope, Caller("other", "wu"))) == []


@pytest.mark.parametrize("text", ["", "  ", "\x00", "\u0301", "x" * 201])
async def test_nothing_to_search_for_is_refused(company, text):
    with pytest.raises(BadQuery):
        await search(company.connection, company.caller, text)


async def test_parts_of_any_length_use_the_index(company):
    surnames, given = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"
    rows = [CUSTOMER_SEARCH.new_row(a_recorded(company, n)) for n in range(20_000)]
    for n, row in enumerate(rows):
        row["name"] = surnames[n % 20] + given[n // 20 % 20] + given[n // 400 % 20] + (f" Ltd {n}" if n % 3 else "")
        row["emails"], row["phones"] = [f"c{n}@example.com"], [vars(Phone.parse(f"+86 21 {n:08}"))]
        CUSTOMER_SEARCH.derive(row)
    columns = (
        *("tenant", "id", "version", "position", "subject_id", "created_at", "created_recorded_at", "created_by"),
        *("updated_at", "updated_recorded_at", "updated_by", "since", "name", "searchable", "grams"),
    )
    copying = sql.SQL("COPY read.customer_search ({}) FROM STDIN").format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    async with company.connection.cursor().copy(copying) as copy:
        for row in rows:
            kept = [row["tenant"], row["id"], 1, 1, row["id"], *("2026-01-01", "2026-01-01", "li") * 2, "{}"]
            await copy.write_row([*kept, row["name"], row["searchable"], row["grams"]])
    await company.connection.execute("ANALYZE read.customer_search")
    for text in ("伟", "李伟", "李伟芳", "ltd 123", "c19999@", "2100004", "c2"):
        async with company.connection.transaction():
            await name_tenant(company.connection, company.caller.tenant)
            before = await scans(company.connection)
            asked = statement(company.caller, len(readings_of(text)[1]), 20, ["name"])
            await company.connection.execute(asked, sought(company.caller.tenant, *readings_of(text)))
            after = await scans(company.connection)
        assert (after[0] > before[0], after[1] - before[1]) == (True, 0), text


async def scans(connection):
    """How often the index of name parts, and the table from end to end, was gone through in this transaction."""
    cursor = await connection.execute(
        "SELECT pg_stat_get_xact_numscans('read.customer_search_grams_idx'::regclass),"
        " pg_stat_get_xact_numscans('read.customer_search'::regclass)"
    )
    return await cursor.fetchone()


async def test_who_is_searched_for_as_of_a_moment_is_found_by_what_they_were_called_then(company):
    id = await company.customer("王芳", emails=["wang@example.com"], occurred_at=day(1))
    other = await company.customer("王小芳", occurred_at=day(1))
    await company.does("rename-customer", customer_id=id, name="李丽", occurred_at=day(5))
    await company.settles()
    renamed = max(row["position"] for row in (await company.list(CUSTOMERS)).rows)
    await company.does("merge-customers", survivor_id=id, merged_id=other, occurred_at=day(9))
    await company.settles()

    async def found_then(text, *cut):
        names = await found(company, text, cut=await settled(company.connection, Cut(*cut)))
        return sorted(names)

    assert await found_then("王", day(3)) == ["王小芳", "王芳"]
    assert await found_then("王", day(6)) == ["王小芳"]
    assert await found_then("wang@", day(6)) == ["李丽"]
    assert await found_then("李", day(3)) == await found_then("王", day(1, 8)) == []
    assert await found_then("王", None, renamed - 1) == ["王小芳", "王芳"]
    assert await found_then("王", None, renamed) == await found_then("王", day(10), renamed) == ["王小芳"]
    assert await found_then("王", day(10)) == sorted(await found(company, "王")) == [], "merged by then"
    assert await found_then("王", day(3), renamed) == ["王小芳", "王芳"]


def a_recorded(company, number):
    """Enough of a recorded event to name a row."""
    return SimpleNamespace(tenant=company.caller.tenant, stream_id=UUID(int=number))


async def test_whoever_is_called_with_a_percent_sign_searches_like_everybody(company):
    sight = Sight({"read": Extent(owners=frozenset(["100%", "%(parts_0)s"]))})
    assert (await search(company.connection, replace(company.caller, sights={"customer": sight}), "li")).rows == []
