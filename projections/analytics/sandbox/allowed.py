"""What analysts' SQL may say: one SELECT over the tables that are offered, with functions that only compute."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import duckdb

Node = dict[str, Any]

LONGEST = 100_000
"""Characters of a query."""

QUERIES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
SOURCES = {"EMPTY", "BASE_TABLE", "SUBQUERY", "JOIN", "EXPRESSION_LIST", "TABLE_FUNCTION", "SHOW_REF"}
OFFERED = '"tables"'
"""What SHOW TABLES is called once it is parsed: it tells the views that are in the search path, and of these there are
none but ours. (What DESCRIBE and SUMMARIZE are about is looked through as any query.)"""
EXPRESSIONS = {
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA",
    "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW",
}  # fmt: skip
TABLE_FUNCTIONS = {"range", "generate_series", "unnest"}
MODIFIERS = {"DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER"}

MACROS = re.compile(
    r"list_\w+|array_\w+|nullif|round_even|roundbankers|split_part|date_add|days_in_month|fdiv|fmod|geomean|wavg"
    r"|geometric_mean|weighted_avg|ago|map_contains_\w+"
)
UNFIT = re.compile(
    r"pg_|postgres|duck|lake|current_setting|getenv|getvariable|json_serialize|json_deserialize|json_execute|write_|read_"
    r"|query|nextval|currval|setseed|txid|in_search_path|set_|load_|stats|sleep|alias|vector_type|add_parquet|combine"
    r"|finalize|constant_or_null|parse_duckdb|error|invoke|glob$|copy|struct_extract_at_|try_load"
)
MOMENTS = {
    "now",
    "today",
    "current_date",
    "get_current_timestamp",
    "get_current_time",
    "transaction_timestamp",
    "random",
}


class NotAllowed(ValueError):
    """The query says something that it may not; the message says what."""


def check(connection: duckdb.DuckDBPyConnection, query: str, tables: Collection[str]) -> None:
    """Look through a query as DuckDB itself has parsed it. What is not known to be harmless is refused: another kind
    of statement, a table that is not offered, a file, a table function, a function that reaches beyond its arguments.
    Raises NotAllowed."""
    if len(query) > LONGEST or "\0" in query:
        raise NotAllowed(f"A query is text of up to {LONGEST:,} characters.")
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    assert row is not None
    parsed = json.loads(row[0])
    if parsed["error"]:
        raise NotAllowed(said(parsed["error_message"]))
    if len(parsed["statements"]) != 1:
        raise NotAllowed("One query at a time.")
    nodes = list(every(parsed["statements"]))
    own = {entry["key"].lower() for node in nodes for entry in (node.get("cte_map") or {}).get("map", ())}
    own |= {str(node["cte_name"]).lower() for node in nodes if "cte_name" in node}
    offered, functions = {name.lower() for name in tables} | own, known_functions(connection)
    for node in nodes:
        look_at(node, offered, functions)


def look_at(node: Node, tables: set[str], functions: set[str]) -> None:
    kind, group = node.get("type"), node.get("class")
    if group is not None:
        if group not in EXPRESSIONS:
            raise NotAllowed(f"{readable(group)} cannot be used here.")
    elif kind == "SHOW_REF" and not (node.get("query") or node["table_name"] == OFFERED):
        raise NotAllowed("What can be shown is SHOW TABLES, DESCRIBE and SUMMARIZE.")
    elif isinstance(kind, str) and kind.isupper() and "query_location" in node and kind not in SOURCES:
        raise NotAllowed(f"{readable(kind)} cannot be read from.")
    elif isinstance(kind, str) and kind.endswith("_NODE") and kind not in QUERIES:
        raise NotAllowed(f"{readable(kind)} cannot be asked.")
    elif isinstance(kind, str) and kind.endswith("_MODIFIER") and kind not in MODIFIERS:
        raise NotAllowed(f"{readable(kind)} cannot be used here.")
    ours = group in ("FUNCTION", "WINDOW") and node.get("schema") == "main"  # how DuckDB itself names an operator
    if (node.get("schema") and not ours) or any(node.get(name) for name in ("catalog", "schema_name", "catalog_name")):
        raise NotAllowed("Tables and functions are named alone, without a schema.")
    if node.get("at_clause"):
        raise NotAllowed("A table is read as it is; ask as of a moment by `as_of` and `known_at`.")
    if "table_name" in node and kind == "BASE_TABLE" and str(node["table_name"]).lower() not in tables:
        raise NotAllowed(f"There is no table {str(node['table_name'])[:80]!r}; there are {', '.join(sorted(tables))}.")
    if kind == "TABLE_FUNCTION" and str(node["function"]["function_name"]).lower() not in TABLE_FUNCTIONS:
        raise NotAllowed(f"The table function {str(node['function']['function_name'])[:80]!r} cannot be used here.")
    if "function_name" in node and (name := str(node["function_name"]).lower()) not in functions:
        raise NotAllowed(f"There is no function {name[:80]!r} here.")


def every(part: Any) -> Iterator[Node]:
    """Every node of what was parsed."""
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from every(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from every(inner)


def known_functions(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The functions that compute something from their arguments, and nothing else."""
    found = connection.execute(
        "SELECT DISTINCT function_name, function_type, stability FROM duckdb_functions()"
        " WHERE function_type IN ('scalar', 'aggregate', 'macro') AND schema_name = 'main'"
    ).fetchall()
    fit = {
        name
        for name, kind, stability in found
        if (MACROS.fullmatch(name) if kind == "macro" else stability == "CONSISTENT" and not UNFIT.match(name))
    }
    return fit | MOMENTS | {"unnest", "range", "generate_series"}


def said(text: str) -> str:
    """DuckDB's own words, of one line."""
    return re.sub(r"\s+", " ", text)[:500]


def readable(kind: str) -> str:
    return kind.lower().replace("_", " ").capitalize()
