"""A hardware seller's pipeline of 8,800 opportunities, sent over HTTP: the read models give the published figures."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import pytest

from tests.api.conftest import client_of
from tests.data.sending import Item, count, item, needs, send, table

# 32,600 commands: half a minute, but all the other tests run meanwhile.
pytestmark = [
    pytest.mark.anyio,
    needs("crm_sales_opportunities"),
    pytest.mark.timeout(600),
    # The same rows are imported in every run (tests/importing), and northwind's are sent over HTTP.
    pytest.mark.skipif("TESTS_SETS" not in os.environ, reason="takes long: `make import-sets` asks for it"),
]

FOLDER = "crm_sales_opportunities"
NAMESPACE = UUID("7d0c3f1e-2b5a-4c59-9a53-6f6d6176656e")
PIPELINE = uuid5(NAMESPACE, "pipeline")
BEFORE = "2016-01-01T00:00:00Z"
"""When the accounts were registered: the data does not say, only that it was before the first opportunity."""
SNAPSHOT = "2017-12-31T00:00:00Z"
"""The last day in the data. Rows in Prospecting have no dates; they are not engaged yet on this day, so they are opened
on it: an earlier day would claim that they have waited."""

Rows = list[dict[str, str]]


def moment(day: str) -> str:
    return f"{day}T00:00:00Z"


def account_id(name: str) -> UUID:
    return uuid5(NAMESPACE, f"account {name}")


def product_named(spelled: str) -> str:
    """The pipeline spells GTX Pro in one word. Its own spelling stays in the lines; the price is looked up by this."""
    return {"GTXPro": "GTX Pro"}.get(spelled, spelled)


def size_of(employees: int) -> str:
    return "large" if employees >= 5_000 else "medium" if employees >= 500 else "small"


def published() -> Item:
    stages = [
        {"label": "Prospecting", "probability": "0.1"},
        {"label": "Engaging", "probability": "0.5", "forecast_category": "Best Case"},
        {"label": "Won", "type": "won", "probability": "1", "forecast_category": "Closed"},
        {"label": "Lost", "type": "lost", "probability": "0", "forecast_category": "Omitted"},
    ]
    return item(
        "publish-pipeline", "pipeline", pipeline_id=PIPELINE, name="Hardware", stages=stages, occurred_at=BEFORE
    )


def registered(account: dict[str, str]) -> Item:
    """Revenue and year of foundation have no place at a customer."""
    return item(
        "register-customer",
        f"account {account['account']}",
        customer_id=account_id(account["account"]),
        kind="organisation",
        name=account["account"],
        industry=account["sector"],
        region=account["office_location"],
        size=size_of(int(account["employees"])),
        source="import",
        occurred_at=BEFORE,
    )


def belongs(account: dict[str, str]) -> Item:
    return item(
        "set-parent",
        f"parent {account['account']}",
        customer_id=account_id(account["account"]),
        parent_id=account_id(account["subsidiary_of"]),
        occurred_at=BEFORE,
    )


def sold(row: dict[str, str], office: dict[str, str], price: dict[str, str]) -> Iterator[Item]:
    """One row of the pipeline. It is opened, and engaged at once, on its engage date: since when it was prospected is
    not known. The list price is what it may be worth; a won one is worth what it closed for."""
    name = row["opportunity_id"]
    id = uuid5(NAMESPACE, name)
    began = moment(row["engage_date"]) if row["engage_date"] else SNAPSHOT
    yield item(
        "open-opportunity",
        f"{name} open",
        opportunity_id=id,
        title=f"{row['product']} {name}",
        customer_id=account_id(row["account"]) if row["account"] else None,
        pipeline_id=PIPELINE,
        stage="Prospecting",
        owner=row["sales_agent"],
        team=office[row["sales_agent"]],
        occurred_at=began,
    )
    line = {"sku": row["product"], "quantity": 1, "unit_price": price[product_named(row["product"])]}
    yield item("set-product-lines", f"{name} lines", opportunity_id=id, lines=[line], currency="USD", occurred_at=began)
    if row["engage_date"]:
        yield item("move-opportunity", f"{name} engage", opportunity_id=id, stage="Engaging", occurred_at=began)
    if row["deal_stage"] == "Won":
        closing = moment(row["close_date"])
        yield item("win-opportunity", f"{name} win", opportunity_id=id, amount=row["close_value"], occurred_at=closing)
    elif row["deal_stage"] == "Lost":
        closing = moment(row["close_date"])
        yield item("lose-opportunity", f"{name} lose", opportunity_id=id, lost_reason="unknown", occurred_at=closing)


def everything() -> Iterator[Item]:
    accounts = table(f"{FOLDER}/accounts.csv")
    office = {row["sales_agent"]: row["regional_office"] for row in table(f"{FOLDER}/sales_teams.csv")}
    price = {row["product"]: row["sales_price"] for row in table(f"{FOLDER}/products.csv")}
    yield published()
    yield from map(registered, accounts)
    yield from (belongs(account) for account in accounts if account["subsidiary_of"])
    for row in table(f"{FOLDER}/sales_pipeline.csv"):
        yield from sold(row, office, price)


@pytest.fixture(scope="module")
async def imported(app: Any, key: str, project: Any) -> None:
    """All of it is in the log, and in every read model."""
    async with client_of(app, key) as client:
        await send(client, everything())
    await project()


@pytest.fixture(scope="module")
def rows() -> Rows:
    """The file itself, with the office of each row's agent."""
    office = {row["sales_agent"]: row["regional_office"] for row in table(f"{FOLDER}/sales_teams.csv")}
    return [row | {"office": office[row["sales_agent"]]} for row in table(f"{FOLDER}/sales_pipeline.csv")]


@pytest.fixture
async def ask(imported, house):
    """Asks the read models in SQL."""

    async def asked(query):
        async with house.log.connection() as connection:
            return await (await connection.execute(query)).fetchall()

    return asked


def won_by(rows: Rows, column: str) -> dict[str, tuple[int, Decimal]]:
    """Count and worth of what was won, from the file."""
    found: dict[str, list[Decimal]] = defaultdict(list)
    for row in rows:
        if row["deal_stage"] == "Won":
            found[row[column]].append(Decimal(row["close_value"]))
    return {name: (len(values), sum(values, Decimal(0))) for name, values in found.items()}


async def test_each_stage_holds_as_many_as_published(imported, client):
    counted = {
        stage: await count(client, "/v1/opportunities", stage=stage)
        for stage in ("Won", "Lost", "Engaging", "Prospecting")
    }
    assert counted == {"Won": 4_238, "Lost": 2_473, "Engaging": 1_589, "Prospecting": 500}
    assert round(100 * counted["Won"] / (counted["Won"] + counted["Lost"]), 2) == 63.15


async def test_the_board_shows_the_open_ones_at_their_list_prices(imported, client, rows):
    price = {row["product"]: int(row["sales_price"]) for row in table(f"{FOLDER}/products.csv")}
    worth = Counter[str]()
    for row in rows:
        worth[row["deal_stage"]] += price[product_named(row["product"])]
    answer = await client.get("/v1/pipeline", params={"pipeline_id": str(PIPELINE), "limit": 0})
    assert {(s["stage"], s["count"], s["worth"][0]["amount"]) for s in answer.json()["stages"]} == {
        ("Prospecting", 500, str(worth["Prospecting"]) + ".00"),
        ("Engaging", 1_589, str(worth["Engaging"]) + ".00"),
    }


async def test_what_was_won_is_worth_as_much_as_published(ask):
    assert await ask("SELECT count(*), sum(amount) FROM read.opportunities WHERE stage_type = 'won'") == [
        (4_238, 10_005_534)
    ]


async def test_each_office_won_its_share(ask, rows):
    found = await ask(
        "SELECT team, count(*) FILTER (WHERE stage_type = 'won'), sum(amount) FILTER (WHERE stage_type = 'won'),"
        " round(avg((stage_type = 'won')::int) FILTER (WHERE stage_type <> 'open'), 4)"
        " FROM read.opportunities GROUP BY team"
    )
    assert {team: (count, worth) for team, count, worth, _ in found} == won_by(rows, "office")
    assert {team: (worth, rate) for team, _, worth, rate in found} == {
        "West": (3_568_647, Decimal("0.6394")),
        "Central": (3_346_293, Decimal("0.6256")),
        "East": (3_090_594, Decimal("0.6302")),
    }


async def test_each_agent_won_what_the_file_says_and_darcel_schlecht_most(ask, rows):
    found = await ask(
        "SELECT owner, count(*), sum(amount) FROM read.opportunities WHERE stage_type = 'won' GROUP BY owner ORDER BY 3"
    )
    assert {owner: (count, worth) for owner, count, worth in found} == won_by(rows, "sales_agent")
    assert found[-1][::2] == ("Darcel Schlecht", 1_153_214)


async def test_each_product_was_won_as_often_and_for_as_much_as_published(ask, rows):
    found = {
        sku: (count, worth)
        for sku, count, worth in await ask(
            "SELECT lines -> 0 ->> 'sku', count(*), sum(amount) FROM read.opportunities"
            " WHERE stage_type = 'won' GROUP BY 1"
        )
    }
    assert found == won_by(rows, "product")
    assert found == {
        "GTXPro": (729, 3_510_578),
        "GTX Plus Pro": (479, 2_629_651),
        "MG Advanced": (654, 2_216_387),
        "GTX Plus Basic": (653, 705_275),
        "GTX Basic": (915, 499_263),
        "GTK 500": (15, 400_612),
        "MG Special": (793, 43_768),
    }


async def test_they_were_won_in_the_quarters_and_after_the_days_that_the_file_says(ask):
    quarters = await ask(
        "SELECT count(*) FROM read.opportunities WHERE stage_type = 'won' AND extract(year FROM closed_on) = 2017"
        " GROUP BY extract(quarter FROM closed_on) ORDER BY extract(quarter FROM closed_on)"
    )
    assert [count for (count,) in quarters] == [531, 1_254, 1_257, 1_196]
    engaged = await ask(
        "SELECT o.stage_type, round(avg(extract(epoch FROM o.closed_at - s.entered_at) / 86400), 3)"
        " FROM read.opportunities o JOIN read.stage_durations s ON s.opportunity_id = o.id AND s.stage = 'Engaging'"
        " WHERE o.stage_type <> 'open' GROUP BY 1"
    )
    assert dict(engaged) == {"won": Decimal("51.782"), "lost": Decimal("41.479")}


async def test_opportunities_without_an_account_are_kept(imported, client):
    assert await count(client, "/v1/opportunities", customer_id__null="true") == 1_425
    assert await count(client, "/v1/opportunities", customer_id__null="true", stage="Engaging") == 1_088


async def test_accounts_are_customers_with_their_parents_and_their_own_sums(imported, client, rows):
    assert await count(client, "/v1/customers") == 85
    parents = {row["account"]: row["subsidiary_of"] for row in table(f"{FOLDER}/accounts.csv") if row["subsidiary_of"]}
    listed = await client.get("/v1/customers", params={"parent_id.null": "false", "limit": 500})
    assert {row["name"]: UUID(row["parent_id"]) for row in listed.json()["items"]} == {
        name: account_id(parent) for name, parent in parents.items()
    }
    best, (won, worth) = max(won_by(rows, "account").items(), key=lambda found: found[1][1])
    seen = (await client.get(f"/v1/customers/{account_id(best)}/360")).json()
    totals = {total["outcome"]: (total["count"], Decimal(total["amount"])) for total in seen["opportunity_totals"]}
    assert totals["won"] == (won, worth)
