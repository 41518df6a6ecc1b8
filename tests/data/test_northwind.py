"""A food wholesaler's 830 orders, sent over HTTP: the read models give the published figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from uuid import UUID, uuid5

import pytest

from tests.api.conftest import client_of
from tests.data.sending import Item, count, item, needs, send, table

pytestmark = [pytest.mark.anyio, needs("northwind")]

NAMESPACE = UUID("7d0c3f1e-2b5a-4c59-9a53-6e6f72746877")
BEFORE = "1996-07-01T00:00:00Z"
"""When the customers were registered: the data does not say, only that it was before the first order."""
CENT = Decimal("0.01")

Row = dict[str, str]


def moment(day: str) -> str:
    return f"{day}T00:00:00Z"


def customer_id(code: str) -> UUID:
    return uuid5(NAMESPACE, f"customer {code}")


def contact_id(code: str) -> UUID:
    return uuid5(NAMESPACE, f"contact {code}")


def known(**parts: str) -> dict[str, str]:
    return {name: value for name, value in parts.items() if value}


def introduced(row: Row) -> Iterator[Item]:
    """A customer is an organisation, with the person to talk to as its contact."""
    code = row["customer_id"]
    address = known(
        street=row["address"],
        city=row["city"],
        region=row["region"],
        postcode=row["postal_code"],
        country=row["country"],
    )
    yield item(
        "register-customer",
        f"customer {code}",
        customer_id=customer_id(code),
        kind="organisation",
        name=row["company_name"],
        phones=[row["phone"]],
        addresses=[address],
        external_ids=[{"source": "northwind", "id": code}],
        region=row["country"],
        source="import",
        occurred_at=BEFORE,
    )
    yield item(
        "register-customer",
        f"contact {code}",
        customer_id=contact_id(code),
        kind="person",
        name=row["contact_name"],
        occurred_at=BEFORE,
    )
    yield item(
        "link-contact",
        f"link {code}",
        customer_id=customer_id(code),
        contact_id=contact_id(code),
        role=row["contact_title"],
        primary=True,
        occurred_at=BEFORE,
    )


def ordered(
    row: Row, details: list[Row], products: dict[str, str], owners: dict[str, str], carriers: dict[str, str]
) -> Iterator[Item]:
    """An order is placed and agreed on its day and shipped whole on another, if it was. Freight has no place in it."""
    number = row["order_id"]
    id = uuid5(NAMESPACE, f"order {number}")
    lines = [
        {
            "sku": line["product_id"],
            "description": products[line["product_id"]],
            "quantity": line["quantity"],
            "unit_price": line["unit_price"],
            "discount": line["discount"],
        }
        for line in details
    ]
    address = known(
        label="shipping",
        street=row["ship_address"],
        city=row["ship_city"],
        region=row["ship_region"],
        postcode=row["ship_postal_code"],
        country=row["ship_country"],
    )
    yield item(
        "place-order",
        f"order {number}",
        order_id=id,
        customer_id=customer_id(row["customer_id"]),
        number=number,
        source="northwind",
        owner=owners[row["employee_id"]],
        currency="USD",
        lines=lines,
        wanted_by=row["required_date"],
        shipping_address=address,
        occurred_at=moment(row["order_date"]),
    )
    yield item("confirm-order", f"confirm {number}", order_id=id, occurred_at=moment(row["order_date"]))
    if row["shipped_date"]:
        shipped = moment(row["shipped_date"])
        yield item("ship-order", f"ship {number}", order_id=id, carrier=carriers[row["ship_via"]], occurred_at=shipped)


def lines_by_order() -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for line in table("northwind/order_details.csv"):
        found[line["order_id"]].append(line)
    return found


def everything() -> Iterator[Item]:
    lines = lines_by_order()
    products = {row["product_id"]: row["product_name"] for row in table("northwind/products.csv")}
    owners = {row["employee_id"]: f"{row['first_name']} {row['last_name']}" for row in table("northwind/employees.csv")}
    carriers = {row["shipper_id"]: row["company_name"] for row in table("northwind/shippers.csv")}
    for row in table("northwind/customers.csv"):
        yield from introduced(row)
    for row in table("northwind/orders.csv"):
        yield from ordered(row, lines[row["order_id"]], products, owners, carriers)


def sales(line: Row) -> Decimal:
    """What a line sells for after discount, not rounded."""
    return Decimal(line["unit_price"]) * Decimal(line["quantity"]) * (1 - Decimal(line["discount"]))


@pytest.fixture(scope="module")
async def imported(app: Any, key: str, project: Any) -> None:
    """All of it is in the log, and in every read model."""
    async with client_of(app, key) as client:
        await send(client, everything())
    await project()


@pytest.fixture
async def ask(imported, house):
    """Asks the read models in SQL."""

    async def asked(query):
        async with house.log.connection() as connection:
            return await (await connection.execute(query)).fetchall()

    return asked


async def test_orders_and_lines_are_as_many_and_worth_as_much_as_published(ask):
    ((orders, lines, worth),) = await ask(
        "SELECT count(*), sum(jsonb_array_length(lines)), sum(sales) FROM read.orders"
    )
    assert (orders, lines) == (830, 2_155)
    assert round(worth, 2) == Decimal("1265793.04")
    ((full,),) = await ask(
        "SELECT sum((line ->> 'unit_price')::numeric * (line ->> 'quantity')::numeric)"
        " FROM read.orders, jsonb_array_elements(lines) line"
    )
    assert full == Decimal("1354458.59")


async def test_each_order_reads_as_the_file_has_it(imported, client):
    expected = {
        number: (
            sum(map(sales, lines), Decimal(0)),
            sum((sales(line).quantize(CENT, ROUND_HALF_EVEN) for line in lines), Decimal(0)),
        )
        for number, lines in lines_by_order().items()
    }
    found, cursor = {}, {}
    while True:
        answer = await client.get("/v1/orders", params={"fields": "number,sales,total", "limit": 500, **cursor})
        page = answer.json()
        found |= {row["number"]: (Decimal(row["sales"]), Decimal(row["total"])) for row in page["items"]}
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert found == expected


async def test_89_of_the_91_customers_have_orders(imported, client, ask):
    assert await count(client, "/v1/customers", kind="organisation") == 91
    assert await ask("SELECT count(DISTINCT customer_id) FROM read.orders") == [(89,)]


async def test_21_orders_are_not_shipped(imported, client):
    assert await count(client, "/v1/orders", shipped_percent="0") == 21
    assert await count(client, "/v1/orders", shipped_percent="100") == 830 - 21


async def test_a_customer_is_found_by_a_part_of_its_name_and_shows_its_orders(imported, client):
    found = (await client.get("/v1/customers/search", params={"q": "Berglunds"})).json()["items"]
    assert [UUID(row["id"]) for row in found] == [customer_id("BERGS")]
    (total,) = (await client.get(f"/v1/customers/{customer_id('BERGS')}/360")).json()["order_totals"]
    lines = lines_by_order()
    orders = [row["order_id"] for row in table("northwind/orders.csv") if row["customer_id"] == "BERGS"]
    cents = (sales(line).quantize(CENT, ROUND_HALF_EVEN) for order in orders for line in lines[order])
    assert (total["count"], Decimal(total["total"])) == (len(orders), sum(cents, Decimal(0)))
