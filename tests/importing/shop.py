"""A small shop's data: two files that belong together, and the mapping that makes customers and orders of them."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import httpx

from eventlog import feed
from eventlog.log import Log

MAPPING = """\
kronika: import/1
source: shop
files:
  customers: customers.csv
  orders: orders.csv
steps:
  - name: customers
    rows: customers
    key: "{id}"
    occurred_at: {date: "{since}"}
    commands:
      - command: register-customer
        with:
          customer_id: {id: customer, key: "{id}"}
          kind: person
          name: "{name}"
          emails: ["{email}"]
  - name: orders
    rows: orders
    key: "{id}"
    occurred_at: {date: "{placed}"}
    commands:
      - command: place-order
        with:
          order_id: {id: order, key: "{id}"}
          customer_id: {id: customer, key: "{customer}"}
          currency: EUR
          lines: [{sku: "{sku}", quantity: "{quantity}", unit_price: {decimal: "{price}"}}]
      - command: confirm-order
        occurred_at: {date: "{confirmed}"}
        with: {order_id: {id: order, key: "{id}"}}
      - command: ship-order
        when: {present: "{shipped}"}
        occurred_at: {date: "{shipped}"}
        with: {order_id: {id: order, key: "{id}"}}
"""

CUSTOMER = ("id", "name", "email", "since")
ORDER = ("id", "customer", "sku", "quantity", "price", "placed", "confirmed", "shipped")
Row = Sequence[str]


def customers(count: int) -> list[Row]:
    return [(f"C{n}", f"客户 {n}", f"c{n}@example.com", "2024-01-01") for n in range(count)]


def orders(count: int, of: int) -> list[Row]:
    return [
        (
            f"O{n}",
            f"C{n % of}",
            "tea",
            str(n % 5 + 1),
            "2.50",
            f"2024-02-{n % 28 + 1:02d}",
            f"2024-03-{n % 4 + 1:02d}",
            "2024-03-05" if n % 2 else "",
        )
        for n in range(count)
    ]


def text(header: Row, rows: Iterable[Row]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([header, *rows])
    return written.getvalue().encode()


def files(some_customers: Iterable[Row], some_orders: Iterable[Row]) -> dict[str, bytes]:
    return {"customers.csv": text(CUSTOMER, some_customers), "orders.csv": text(ORDER, some_orders)}


async def sent(client: httpx.AsyncClient, named: dict[str, bytes], **form: str) -> str:
    """Ask for an import over HTTP; answers its id."""
    answer = await client.post(
        "/v1/imports", data={"mapping": MAPPING} | form, files=[("files", f) for f in named.items()]
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


async def results(client: httpx.AsyncClient, id: str, which: str) -> list[dict[str, str]]:
    answer = await client.get(f"/v1/imports/{id}/results/{which}.csv")
    assert answer.status_code == 200, answer.text
    return rows(answer.content)


async def business(log: Log) -> list[tuple[Any, ...]]:
    """Every event but those of imports: what it is about, what it says, when it was so, and which command asked."""
    async with log.connection() as connection:
        events = [recorded async for page in everything(connection, log) for recorded in page]
    return sorted(
        (one.stream_type, str(one.stream_id), one.version, one.type, repr(one.event), one.occurred_at, one.command_id)
        for one in events
        if one.stream_type != "import"
    )


async def everything(connection: Any, log: Log) -> AsyncIterator[Any]:
    async for page in feed.everything(connection, log.codec):
        yield page
