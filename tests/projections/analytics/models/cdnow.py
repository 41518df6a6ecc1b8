"""The CDNOW sample as the literature uses it: 2,357 customers, 39 weeks to fit on and 39 weeks after them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from uuid import UUID

import duckdb
import numpy as np
import pyarrow as pa

from eventlog.envelope import Caller
from projections.analytics import FACTS
from projections.analytics.models.fitting import Floats
from projections.analytics.models.histories import Histories
from projections.analytics.views import View, scope
from tests.data.sending import DATA, table

CUT, END = date(1997, 9, 30), date(1998, 6, 30)
"""The last day of the first 39 weeks, and of the next."""

WITH_VALUES = "cdnow_sample/cdnow_customers_summary_with_transactions.csv"
CALLER = Caller("acme", "li")


def column(name: str) -> Floats:
    """x, t_x, T (in weeks) or zbar, the mean value of the repeat purchases, of each customer."""
    exact = {"x": "frequency", "t_x": "recency", "T": "T"}
    rows = table("cdnow_sample/cdnow_customers_summary.csv" if name in exact else WITH_VALUES)
    return np.array([float(row[exact.get(name, name)]) for row in rows])


@cache
def histories() -> Histories:
    return Histories.of(column("x"), column("t_x"), column("T"))


@cache
def asking() -> Callable[[View], pa.Table]:
    """Answers the lakehouse's questions from the facts of these purchases, each an order that was confirmed at once."""
    steps, lines = [], []
    for number, line in enumerate((DATA / "cdnow_sample/CDNOW_sample.txt").read_text().splitlines(), 1):
        _, customer, day, _, dollars = line.split()
        moment = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        order = {"tenant": "acme", "stream_id": str(UUID(int=10**6 + number)), "occurred_at": moment}
        placed = order | {"position": 2 * number - 1, "version": 1, "what": "placed", "currency": "USD"}
        steps.append(placed | {"customer_id": str(UUID(int=int(customer))), "net": dollars})
        steps.append(order | {"position": 2 * number, "version": 2, "what": "confirmed"})
        lines.append(placed | {"line": 1, "quantity": 1, "net": dollars})
    connection = duckdb.connect(config={"threads": "1"})
    connection.execute("SET TimeZone = 'UTC'; ATTACH ':memory:' AS lake")
    for name, fact in FACTS.items():
        columns = ", ".join(f"{column} {kind}" for column, kind in fact.columns.items())
        connection.execute(f"CREATE TABLE lake.{name} ({columns})")
    for name, rows in (("order_lines", lines), ("order_steps", steps)):
        connection.register("arriving", pa.Table.from_pylist(rows))
        connection.execute(f"INSERT INTO lake.{name} BY NAME SELECT * FROM arriving")

    def ask(view: View) -> pa.Table:
        query, parameters = scope(CALLER, view, FACTS)
        return connection.execute(query, parameters).to_arrow_table()

    return ask
