"""The lakehouse: tables of facts as Parquet files, their catalog in the log's own PostgreSQL, asked through DuckDB."""

from __future__ import annotations

import importlib.metadata
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import duckdb
import psycopg
import pyarrow as pa
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from eventlog.connections import APP_ROLE
from eventlog.envelope import Caller
from eventlog.errors import LogUnavailable
from projections.analytics import FACTS
from projections.analytics.fact import Fact
from projections.analytics.views import View, scope

MIGRATION_LOCK = 0x6B726F6E_00000004

CATALOG = "__ducklake_metadata_lake.lake"
"""Where DuckLake keeps what it knows of files, tables and snapshots."""

INLINED_ROWS = 100
"""Up to so many new rows of a table wait in the catalog rather than make a file: beyond it a file is quicker (1,000
rows inlined took 350 ms to commit, in files 150)."""

TRIES = 20
"""How often an upgrade is tried again that lost a race with an analyst's commit."""

SMALL, MIDDLING = "2MB", "64MB"
"""What is merged often, and what is merged seldom: so that no row is rewritten more than a few times."""

OWN_TABLES = """
-- Up to where the facts hold all events of a partition. Every commit updates it: of two that do so at once only one
-- passes, and that is the fence.
CREATE TABLE lake.checkpoints (partition SMALLINT, position BIGINT, owner BIGINT);
-- By which version of its code each fact was built.
CREATE TABLE lake.versions (fact VARCHAR, version INTEGER);
-- Events that a fact could not take in, and why.
CREATE TABLE lake.parked (
    fact VARCHAR, position BIGINT, tenant VARCHAR, partition SMALLINT, event_id UUID, type VARCHAR, error VARCHAR
);
"""


LET_READ = """
GRANT USAGE ON SCHEMA lake TO kronika_lake;
GRANT SELECT ON ALL TABLES IN SCHEMA lake TO kronika_lake;
ALTER DEFAULT PRIVILEGES FOR ROLE kronika_app IN SCHEMA lake GRANT SELECT ON TABLES TO kronika_lake;
"""


class LakeAbsent(Exception):
    """There is no lakehouse in this database yet: `kronika migrate` makes it."""

    def __init__(self) -> None:
        super().__init__("There is no lakehouse in this database yet; run `kronika migrate`.")


@dataclass(frozen=True)
class Unread:
    """An event of the tenant's that a fact could not take in, and that the answer therefore lacks."""

    position: int
    event_id: UUID


@dataclass(frozen=True)
class Reading:
    """The answer to a question, and up to where each partition was taken in when it was answered."""

    rows: pa.Table
    checkpoints: dict[int, int]
    parked: list[Unread] = field(default_factory=list)


@dataclass(frozen=True)
class Standing:
    """What every question asks besides its own, of one snapshot: the same until another is committed."""

    snapshot: int
    checkpoints: dict[int, int]
    parked: dict[str, list[Unread]]
    """By tenant"""
    retractions: bool
    """Whether anybody has ever retracted anything"""

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, known: Standing | None) -> Standing:
        """That of a transaction's snapshot; the one that is known, if it is that."""
        (snapshot,) = one(connection, "SELECT id FROM ducklake_current_snapshot('lake')")
        if known is not None and known.snapshot == snapshot:
            return known
        parked: dict[str, list[Unread]] = {}
        found = connection.execute("SELECT DISTINCT tenant, position, event_id FROM lake.parked ORDER BY position")
        for tenant, position, event_id in found.fetchall():
            parked.setdefault(tenant, []).append(Unread(position, event_id))
        (retractions,) = one(connection, "SELECT EXISTS (FROM lake.retractions)")
        return cls(snapshot, checkpoints(connection), parked, retractions)


class Lake:
    """One connection to the lakehouse. `ask` may be called from several threads at once, all else from one at a time.

    Any number of processes may have it open; one of them, the analyst, writes.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._standing: Standing | None = None

    @classmethod
    def open(cls, url: str, path: str, *, read_only: bool = False, memory: str = "1GB", threads: int = 2) -> Self:
        """`url` is the log's database, `path` the directory of the Parquet files. Takes about 0.3 s.

        Raises LakeAbsent when it is read only and there is none, LogUnavailable when the database does not answer.
        """
        return cls(attached(url, path, read_only=read_only, create=False, memory=memory, threads=threads))

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(
        self, caller: Caller, view: View, cursor: duckdb.DuckDBPyConnection | None = None, most: int | None = None
    ) -> Reading:
        """Answer a view for this caller, from one snapshot of the lakehouse; over this `cursor` when one is given, and
        with no more than the first `most` rows."""
        if cursor is None:
            with self.connection.cursor() as cursor:
                return self.ask(caller, view, cursor, most)
        with transaction(cursor):
            self._standing = standing = Standing.of(cursor, self._standing)
            query, parameters = scope(caller, view, FACTS, retractions=standing.retractions)
            query += f"\nLIMIT {most:d}" if most is not None else ""
            rows = cursor.execute(query, parameters).to_arrow_table()
        return Reading(rows, standing.checkpoints, standing.parked.get(caller.tenant, []))

    def checkpoints(self) -> dict[int, int]:
        with self.connection.cursor() as cursor:
            return checkpoints(cursor)

    def counts(self) -> dict[str, int]:
        """How many rows each fact has."""
        with self.connection.cursor() as cursor:
            return {name: one(cursor, f"SELECT count(*) FROM lake.{name}")[0] for name in FACTS}  # noqa: S608  # our names

    def parked(self) -> list[dict[str, Any]]:
        """The events that a fact could not take in, and why."""
        with self.connection.cursor() as cursor:
            found: list[dict[str, Any]] = (
                cursor.execute("SELECT * FROM lake.parked ORDER BY fact, position").to_arrow_table().to_pylist()
            )
        return found

    # -- tables

    def stale(self) -> list[str]:
        """The facts to be rebuilt: another version of their code built them, or nobody has from the beginning."""
        built = dict(self.connection.execute("SELECT fact, version FROM lake.versions").fetchall())
        return [name for name, fact in FACTS.items() if built.get(name) != fact.version]

    def tables(self) -> set[str]:
        found = self.connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'"
        ).fetchall()
        return {name for (name,) in found}

    def create(self, fact: Fact, name: str) -> None:
        columns = ", ".join(f"{column} {kind}" for column, kind in fact.columns.items())
        self.connection.execute(f"CREATE TABLE lake.{name} ({columns})")
        self.lay_out(fact, name)

    def lay_out(self, fact: Fact, name: str) -> None:
        """From now on files are written, and smaller ones merged, with the rows in the order of the fact's layout."""
        self.connection.execute(f"ALTER TABLE lake.{name} SET SORTED BY ({', '.join(fact.layout)})")

    def laid_out(self) -> set[str]:
        """The tables that are written in an order."""
        found = self.connection.execute(
            f"SELECT table_name FROM {CATALOG}.ducklake_table t"  # noqa: S608  # a name of our own
            f" JOIN {CATALOG}.ducklake_sort_info s USING (table_id)"
            " WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL"
        ).fetchall()
        return {name for (name,) in found}

    def insert(self, name: str, rows: pa.Table) -> None:
        self.connection.register("arriving", rows)
        self.connection.execute(f"INSERT INTO lake.{name} FROM arriving")
        self.connection.unregister("arriving")

    # -- upkeep, by the one who writes

    def tidy(self) -> None:
        """Some times a minute: rows that wait in the catalog go to files, small files become larger ones."""
        for step in self.steps_to_tidy():
            step()

    def steps_to_tidy(self) -> list[Callable[[], int]]:
        """The same in steps, none of which takes longer than some tenths of a second; none where nothing is to do."""
        waiting, most = self._waiting(), in_bytes(SMALL)
        return [
            partial(self._call, function)
            for table in sorted(waiting | self._scattered(most))
            for function in (
                *([f"ducklake_flush_inlined_data('lake', table_name => '{table}')"] if table in waiting else []),
                f"ducklake_merge_adjacent_files('lake', '{table}', max_file_size => {most})",
            )
        ]

    def _waiting(self) -> set[str]:
        """The tables of which there are rows in the catalog."""
        found = self.connection.execute(
            f"SELECT t.table_name, i.table_name FROM {CATALOG}.ducklake_inlined_data_tables i"  # noqa: S608  # as above
            f" JOIN {CATALOG}.ducklake_table t USING (table_id) WHERE t.end_snapshot IS NULL"
        ).fetchall()
        if not found:
            return set()
        holds = [f"SELECT '{table}' WHERE EXISTS (FROM {CATALOG}.{rows})" for table, rows in found]
        return {table for (table,) in self.connection.execute(" UNION ".join(holds)).fetchall()}

    def _scattered(self, most: int) -> set[str]:
        """The tables that have several files of fewer bytes than that."""
        found = self.connection.execute(
            f"SELECT t.table_name FROM {CATALOG}.ducklake_data_file f"  # noqa: S608  # as above
            f" JOIN {CATALOG}.ducklake_table t USING (table_id)"
            " WHERE t.end_snapshot IS NULL AND f.end_snapshot IS NULL AND f.file_size_bytes < ?"
            " GROUP BY t.table_name HAVING count(*) > 1",
            [most],
        ).fetchall()
        return {table for (table,) in found}

    def sweep(self, *, keep: timedelta, safe: timedelta) -> int:
        """Every hour or so: forget snapshots older than `keep`, and remove the files that nothing has referred to for
        `safe`, which is to be longer than any query or commit takes. Returns how many files it removed."""
        self._call(f"ducklake_merge_adjacent_files('lake', max_file_size => {in_bytes(MIDDLING)})")
        self._call("ducklake_rewrite_data_files('lake', delete_threshold => 0.5)")
        self._call(f"ducklake_expire_snapshots('lake', older_than => {ago(keep)})")
        removed = self._call(f"ducklake_cleanup_old_files('lake', older_than => {ago(safe)})")
        return removed + self._call(f"ducklake_delete_orphaned_files('lake', older_than => {ago(safe)})")

    def _call(self, function: str) -> int:
        return len(self.connection.execute(f"CALL {function}").to_arrow_table())


def prepare(url: str, path: str) -> list[str]:
    """Make what is missing. Returns the facts that are to be rebuilt before this release serves them."""
    with psycopg.connect(url, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        # DuckLake makes its schema by itself. (A copy of a database has not the rights that were given on the first.)
        database = sql.Identifier(guard.info.dbname)
        guard.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO kronika_app").format(database))
        row = guard.execute("SELECT partitions FROM log.settings").fetchone()
        assert row is not None, "a migrated log has its settings"
        with Lake(attached(url, path, read_only=False, create=True)) as lake:
            for attempt in range(TRIES):
                try:
                    make_missing(lake, partitions=row[0])
                except duckdb.TransactionException:  # an analyst that still runs has committed between
                    if attempt == TRIES - 1:
                        raise
                    time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  # no secret
                else:
                    break
            set_option(lake, "data_inlining_row_limit", INLINED_ROWS)
            set_option(lake, "data_inlining_row_limit", row[0], table="checkpoints")
            guard.execute(LET_READ)
            return lake.stale()


def make_missing(lake: Lake, partitions: int) -> None:
    """Tables that are not there, and the layout of those that an earlier release made. Whoever writes is fenced while
    tables change: beside an ALTER a commit was seen to lose its checkpoints, and with them the fence."""
    present, laid_out = lake.tables(), lake.laid_out()
    with transaction(lake.connection):
        if "checkpoints" not in present:
            lake.connection.execute(OWN_TABLES)
            lake.connection.execute("INSERT INTO lake.checkpoints SELECT i, 0, 0 FROM range(?) r(i)", [partitions])
        elif not laid_out >= FACTS.keys():
            lake.connection.execute("UPDATE lake.checkpoints SET owner = owner + 1")
        untouched = not any(checkpoints(lake.connection).values())
        for name, fact in FACTS.items():
            if name not in present:
                lake.create(fact, name)
                if untouched:
                    lake.connection.execute("INSERT INTO lake.versions VALUES (?, ?)", [name, fact.version])
            elif name not in laid_out:
                lake.lay_out(fact, name)


def set_option(lake: Lake, option: str, value: int, table: str | None = None) -> None:
    of_table = f", table_name => '{table}'" if table else ""
    lake.connection.execute(f"CALL lake.set_option('{option}', {value}{of_table})")


async def reflected(connection: AsyncConnection[Any], checkpoints: dict[int, int]) -> int:
    """The position that facts with these checkpoints reflect. The checkpoints must have been read before."""
    cursor = await connection.execute(
        "SELECT log.reflected(%s::smallint[], %s::bigint[])",
        [list(checkpoints), list(checkpoints.values())],
        prepare=True,
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


# -- DuckDB


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a failed COMMIT has rolled back already
            connection.execute("ROLLBACK")
        raise


def one(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row


def checkpoints(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    return dict(connection.execute("SELECT partition, position FROM lake.checkpoints ORDER BY partition").fetchall())


def attached(
    url: str,
    path: str,
    *,
    read_only: bool,
    create: bool,
    memory: str = "1GB",
    threads: int = 2,
    temporary: str | None = None,
    role: str = APP_ROLE,
) -> duckdb.DuckDBPyConnection:
    # Nothing is looked for on the network: what is needed is in the wheels.
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": memory,
            "threads": str(threads),
            "temp_directory": str(Path(tempfile.gettempdir()) / "kronika-duckdb") if temporary is None else temporary,
        }
    )
    try:
        for extension in ("ducklake", "postgres_scanner"):
            connection.execute(f"LOAD '{literal(str(extension_file(extension)))}'")
        # A NUL that came into a text would have PostgreSQL refuse rows that wait in the catalog.
        connection.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL pg_null_byte_replacement = '\ufffd'")
        conninfo = make_conninfo(url, options=role, connect_timeout=5)
        access = "READ_ONLY" if read_only else f"CREATE_IF_NOT_EXISTS {str(create).lower()}"
        try:
            # The catalog keeps file names relative to the path: the home may be moved.
            connection.execute(
                f"ATTACH 'ducklake:postgres:{literal(conninfo)}' AS lake"
                f" (METADATA_SCHEMA 'lake', DATA_PATH '{literal(path)}', OVERRIDE_DATA_PATH true, {access})"
            )
        except duckdb.Error as error:
            # DuckDB repeats the address, password and all.
            if "does not exist" in str(error) and "creating a new DuckLake" in str(error):
                raise LakeAbsent from None
            raise LogUnavailable(without_secrets(str(error), conninfo)) from None
    except BaseException:
        connection.close()
        raise
    return connection


@cache
def extension_file(name: str) -> Path:
    """Where the wheel has put this extension."""
    files = importlib.metadata.files(f"duckdb-extension-{name.replace('_', '-')}") or []
    fitting = f"v{duckdb.__version__}/{name}.duckdb_extension"
    found = [file for file in files if file.as_posix().endswith(fitting)]
    assert found, f"the wheel duckdb-extension-{name} does not fit duckdb {duckdb.__version__}"
    return Path(str(found[0].locate()))


def without_secrets(text: str, conninfo: str) -> str:
    password = conninfo_to_dict(conninfo).get("password")
    return text.replace(conninfo, "the database").replace(str(password), "***") if password else text


def literal(text: str) -> str:
    return text.replace("'", "''")


def ago(age: timedelta) -> str:
    return f"now() - to_seconds({age.total_seconds()})"


def in_bytes(size: str) -> int:
    return int(size.removesuffix("MB")) * 1_000_000
