"""One query: the request on standard input, on standard output a line of JSON, then the rows as an Arrow stream."""

from __future__ import annotations

import resource
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, BinaryIO

import duckdb
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from eventlog.connections import LAKE_ROLE
from eventlog.envelope import Caller
from eventlog.errors import LogUnavailable
from projections.analytics import FACTS
from projections.analytics.lake import LakeAbsent, attached, checkpoints, literal, without_secrets
from projections.analytics.sandbox.allowed import NotAllowed, check, said
from projections.analytics.views.view import DEFINITIONS, Scope, definitions_of, named, scoped, statement

BATCH = 10_000
MOST_BYTES = 256_000_000
"""Of an answer."""

UNFIT = (
    pa.types.is_interval,
    pa.types.is_duration,
    pa.types.is_binary,
    pa.types.is_union,
    lambda kind: pa.types.is_timestamp(kind) and kind.unit == "ns",
)
"""Kinds of columns that JSON, CSV or Parquet cannot hold."""

FIRST_DAY, LAST_DAY = (date.min - date(1970, 1, 1)).days, (date.max - date(1970, 1, 1)).days + 1

ALONE_S = 20
"""How much longer than its time it lives at the most, should nobody be left to end it."""

CLOCKS = {
    "now()": "{now}",
    "get_current_timestamp()": "{now}",
    "transaction_timestamp()": "{now}",
    "current_localtimestamp()": "{now}::TIMESTAMP",
    "current_date()": "{now}::DATE",
    "today()": "{now}::DATE",
    "get_current_time()": "{now}::TIMETZ",
    "current_localtime()": "{now}::TIMESTAMP::TIME",
    "age(since)": "system.main.age({now}::DATE, since), (until, since) AS system.main.age(until, since)",
}
"""Every way of SQL to speak of now, and what it says of a moment."""


def main() -> None:
    request = orjson.loads(sys.stdin.buffer.read())
    bound(request["memory_mb"], request["seconds"])
    told = sys.stdout.buffer
    try:
        answer(request, told)
    except NotAllowed as error:
        refuse(told, "refused", str(error))
    except (LakeAbsent, LogUnavailable) as error:
        refuse(told, "away", without_secrets(str(error), request["url"]))
    except duckdb.InterruptException:
        refuse(told, "too much", too_long(request["seconds"]))
    except (duckdb.OutOfMemoryException, MemoryError):
        refuse(told, "too much", "This takes more memory than a query may; ask for less.")
    except (duckdb.IOException, duckdb.ConnectionException, duckdb.InternalException, duckdb.FatalException) as error:
        refuse(told, "away", f"The lakehouse does not answer ({type(error).__name__}); ask again shortly.")
    except duckdb.Error as error:
        refuse(told, "refused", said(str(error)))


def bound(memory_mb: int, seconds: float) -> None:
    """Whatever a query finds to do: no file grows, no core is left, and memory and time end."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.alarm(int(seconds) + ALONE_S)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds * 4) + 10, int(seconds * 4) + 15))
    roomy = (memory_mb * 2 + 1_000) * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (roomy, roomy))


def answer(request: dict[str, Any], told: BinaryIO) -> None:
    connection = attached(
        request["url"],
        request["path"],
        read_only=True,
        create=False,
        memory=f"{request['memory_mb']}MB",
        temporary="",
        role=LAKE_ROLE,
    )
    connection.execute("BEGIN")
    reached = checkpoints(connection)
    tables = tables_of(request["facts"])
    offer(connection, scope_of(request), tables)
    if request["now"]:
        set_clocks(connection, datetime.fromisoformat(request["now"]))
    lock(connection, request["path"])
    query = request["sql"].strip().rstrip(";")
    check(connection, query, tables)
    most, counted, size, batches = request["limit"], 0, 0, []
    with within(connection, request["seconds"]):
        rows = connection.execute(query).to_arrow_reader(BATCH)
        check_kinds(rows.schema)
        for batch in rows:
            counted, size = counted + batch.num_rows, size + batch.nbytes
            if size > MOST_BYTES:
                raise NotAllowed("The answer is larger than 256 MB; ask for fewer rows or columns.")
            batches.append(batch)
            if counted > most:
                break
    table = pa.Table.from_batches(batches, rows.schema).slice(0, most).rename_columns(distinct(rows.schema.names))
    check_moments(table)
    told.write(
        orjson.dumps({"checkpoints": {str(p): n for p, n in reached.items()}, "truncated": counted > most}) + b"\n"
    )
    with ipc.new_stream(told, table.schema) as stream:
        stream.write_table(table)


@contextmanager
def within(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Raises duckdb.InterruptException where it takes longer."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def too_long(seconds: float) -> str:
    return f"This takes longer than {seconds:g} seconds; ask for less."


def check_kinds(schema: pa.Schema) -> None:
    """What not every format of an answer can hold is refused, rather than failing in some of them."""
    for column in schema:
        if any(unfit(column.type) for unfit in UNFIT):
            raise NotAllowed(
                f"{column.name} is of a kind ({column.type}) that not every format of an answer can hold; cast it, as"
                f" in epoch({column.name}), {column.name}::VARCHAR or {column.name}::TIMESTAMP."
            )


def check_moments(table: pa.Table) -> None:
    """Infinite ones, and those before the year 1 or after 9999, are nothing that a client could read."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_date(column.type):
            numbers, days = column.cast(pa.int32()), 1
        elif pa.types.is_timestamp(column.type):
            numbers, days = column.cast(pa.timestamp("s"), safe=False).cast(pa.int64()), 86_400
        else:
            continue
        ends = pc.min_max(numbers).as_py()
        if ends["min"] is not None and not (FIRST_DAY * days <= ends["min"] and ends["max"] < LAST_DAY * days):
            raise NotAllowed(f"{name} holds moments that are not of the years 1 to 9999; leave them out.")


def distinct(names: Sequence[str]) -> list[str]:
    """The names of the columns, each once: of two that are called the same the second has _1 at its end."""
    found: list[str] = []
    for name in names:
        other, number = name, 0
        while other in found or (number and other in names):
            number += 1
            other = f"{name}_{number}"
        found.append(other)
    return found


def scope_of(request: dict[str, Any]) -> Scope:
    as_of, known_at = request["as_of"], request["known_at"]
    known = datetime.fromisoformat(known_at) if isinstance(known_at, str) else known_at
    return Scope.of(Caller(request["tenant"], "analyst"), datetime.fromisoformat(as_of) if as_of else None, known)


def tables_of(told: Collection[str]) -> list[str]:
    """The tables of a query: the facts that are told, and what the views' definitions make of these."""
    made = [name for name in sorted(DEFINITIONS) if "$" not in statement(f"definitions/{name}")]
    return [name for name in (*FACTS, *made) if set(named(FACTS, texts_of(name))) <= set(told)]


def texts_of(table: str) -> list[str]:
    """What it is made by, and the definitions that this rests on."""
    if table in FACTS:
        return [f"FROM {table}"]
    query = statement(f"definitions/{table}")
    return [query, *definitions_of(query).values()]


def offer(connection: duckdb.DuckDBPyConnection, scope: Scope, tables: Collection[str]) -> None:
    """Every table as a view of this tenant's rows, as of then; a view takes no parameters, so they are written out."""
    conditions = scope.conditions
    for name, value in scope.values.items():
        conditions = conditions.replace(f"${name}", written(value))
    scope = Scope(conditions, {})
    for name in tables:
        query, *_ = texts = texts_of(name)
        used = definitions_of(query) if name not in FACTS else {}
        parts = [*scoped(scope, FACTS, texts), *(f"{other} AS ({its})" for other, its in used.items())]
        connection.execute(f"CREATE TEMP VIEW {name} AS WITH {', '.join(parts)}, offered AS ({query}) FROM offered")


def written(value: str | int | date) -> str:
    if isinstance(value, int):
        return str(value)
    text = f"'{literal(str(value))}'"
    return f"{text}::TIMESTAMPTZ" if isinstance(value, date) else text


def set_clocks(connection: duckdb.DuckDBPyConnection, moment: datetime) -> None:
    """What a query calls now is this moment."""
    for name, told in CLOCKS.items():
        connection.execute(f"CREATE TEMP MACRO {name} AS {told.format(now=written(moment))}")


def lock(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """From here on nothing is opened but the lakehouse's own files, and nothing of this can be changed."""
    connection.execute(f"SET allowed_directories = ['{literal(path.rstrip('/'))}/']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET allow_community_extensions = false")
    connection.execute("SET lock_configuration = true")


def refuse(told: BinaryIO, why: str, message: str) -> None:
    told.write(orjson.dumps({"error": why, "message": message}) + b"\n")
