"""Lists of whoever is shown few owners' rows: exactly those that are theirs, page by page, in order."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from domain.policy import Extent, Record, Sight
from projections.asking import ask_of
from projections.customer_card import CUSTOMERS
from projections.nearest import found_by_owner
from projections.opportunities import OPPORTUNITIES
from projections.query import select
from tests.projections.conftest import day

pytestmark = pytest.mark.anyio

OWNERS, TEAMS = [None, "li", "wu", "zhou"], [None, "north", "south"]
SIGHTS = {
    "own": Extent(owners=frozenset(["li", "7"])),
    "team": Extent(owners=frozenset(["li", "7"]), teams=frozenset(["north", "8"])),
    "subtree": Extent(owners=frozenset(["li", "7", "wu", "zhou"]), teams=frozenset(["north"])),
    "a large subtree": Extent(owners=frozenset(["li", "7", "wu", "zhou", *"abcdef"])),
    "nothing yet": Extent(owners=frozenset(["7"])),
}


async def test_whoever_sees_few_owners_rows_pages_through_these_and_no_others(company):
    random = Random(1)
    people = [await company.does("register-user", name=name) for name in ("Li", "Wu")]
    for _ in range(30):
        belongs = {"owner": random.choice(OWNERS), "team": random.choice(TEAMS)}
        id = await company.opportunity(
            **{name: value for name, value in belongs.items() if value}, title=random.choice(["20 pumps", "40 pumps"])
        )
        if random.random() < 0.3:
            await company.does("share", stream="opportunity", id=id, whom="user", whom_id=random.choice(people))
    await company.settles()
    whole = (await company.list(OPPORTUNITIES, "limit=500")).rows
    for extent in SIGHTS.values():
        for count in (0, 1, 2):
            parties = frozenset(f"user:{id}" for id in people[:count])
            sight = Sight({"read": extent}, parties)
            caller = replace(company.caller, sights={"opportunity": sight})
            mine = [
                row["id"] for row in whole if sight.lets("read", Record(row["owner"], row["team"], row["shared_with"]))
            ]
            assert await paged(company, caller, OPPORTUNITIES, "") == mine
            assert await paged(company, caller, OPPORTUNITIES, "sort=created_at") == mine[::-1]
            renamed = [row["id"] for row in whole if row["id"] in mine and row["title"] == "40 pumps"]
            assert await paged(company, caller, OPPORTUNITIES, "title=40 pumps") == renamed


@pytest.mark.parametrize("column", ["created_at", "updated_at", "name", "last_interaction_at"])
async def test_whatever_their_order_nobody_is_left_out_who_has_no_name_or_was_never_talked_to(company, column):
    random = Random(column)
    for name in ["Anna", "infinity", "zoë", "李雷", "王芳"] * 6:
        belongs = {"owner": random.choice(OWNERS), "team": random.choice(TEAMS)}
        id = await company.customer(name, **{name: value for name, value in belongs.items() if value})
        if random.random() < 0.4:
            talk = {"channel": "call", "direction": "in", "subject": "Hello", "occurred_at": day(random.randint(1, 28))}
            await company.does("log-interaction", customer_id=id, **talk)
    await company.settles()
    await company.connection.execute("UPDATE read.customers SET name = NULL WHERE name = 'Anna'")  # as when forgotten
    for sort in (column, f"-{column}"):
        whole = (await company.list(CUSTOMERS, f"limit=500&sort={sort}")).rows
        for extent in SIGHTS.values():
            sight = Sight({"read": extent})
            caller = replace(company.caller, sights={"customer": sight})
            mine = [
                row["id"] for row in whole if sight.lets("read", Record(row["owner"], row["team"], row["shared_with"]))
            ]
            assert await paged(company, caller, CUSTOMERS, f"sort={sort}") == mine


async def paged(company, caller, resource, query):
    """The ids of all pages."""
    found, cursor = [], ""
    while True:
        pairs = [tuple(part.split("=")) for part in f"{query}&limit=4{cursor}".split("&") if part]
        asked = ask_of(resource, pairs)
        assert found_by_owner(
            caller.sight(resource.stream), resource, (asked.sort or "created_at").lstrip("-"), asked.filters
        )
        page = await select(company.connection, caller, resource, asked)
        assert len(page.rows) <= 4
        found += [row["id"] for row in page.rows]
        if page.cursor is None:
            return found
        cursor = f"&cursor={page.cursor}"
