"""The tables that analysts' SQL may name: what a row of each is, and its columns."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import duckdb

from projections.analytics import FACTS
from projections.analytics.sandbox.running import offer, tables_of
from projections.analytics.views.view import Scope, words


class Table(NamedTuple):
    """One table, and the type of each of its columns."""

    definition: str
    columns: dict[str, str]


@cache
def tables() -> dict[str, Table]:
    """Every table, with the columns that DuckDB finds in it when there is not a row of any fact."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE SCHEMA lake")
        for name, fact in FACTS.items():
            columns = ", ".join(f"{column} {kind}" for column, kind in fact.columns.items())
            connection.execute(f"CREATE TABLE lake.{name} ({columns})")
        names = tables_of(FACTS)
        offer(connection, Scope("true", {}), names)
        return {name: Table(definition_of(name), columns_of(connection, name)) for name in names}


def definition_of(name: str) -> str:
    return " ".join((FACTS[name].__doc__ or "").split()) if name in FACTS else words(f"definitions/{name}")


def columns_of(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    return {column: kind for column, kind, *_ in connection.execute(f"DESCRIBE {name}").fetchall()}
