"""Analysts' SQL: what it may ask, and the many ways out of it that do not lead out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import duckdb
import pytest

from eventlog.connections import LAKE_ROLE
from eventlog.envelope import Caller
from projections.analytics import FACTS
from projections.analytics.sandbox.allowed import NotAllowed, check
from projections.analytics.sandbox.offered import tables
from projections.analytics.sandbox.running import lock, offer, set_clocks, tables_of
from projections.analytics.views.view import Scope
from tests.projections.analytics.histories import Histories, at

MARK = "theirs-alone"
OFFERED = tables_of(FACTS)


@pytest.fixture(scope="module")
def companies(lakehouse):
    """Ours, and another that nothing of may be seen."""
    with lakehouse.open() as lake:
        ours, theirs = Histories(lake), Histories(lake, positions=1_000)
        for company, source, amount in ((ours, "fair", 70), (theirs, MARK, 7_000_000)):
            customer = company.registers(at(1, 1), source=source)
            company.wins(company.opens(at(1, 2), amount=amount, source=source), at(1, 9), amount=amount)
            company.orders(customer, at(1, 5), (source, 1, amount), source=source)
            company.write()
    return ours, theirs


@pytest.fixture(scope="module")
def locked(lakehouse, companies):
    """A connection as a query has it."""
    from projections.analytics.lake import attached

    ours, _ = companies
    connection = attached(lakehouse.url, lakehouse.path, read_only=True, create=False, temporary="", role=LAKE_ROLE)
    connection.execute("BEGIN")
    offer(connection, Scope.of(Caller(ours.caller.tenant, "li"), None, None), OFFERED)
    lock(connection, lakehouse.path)
    yield connection
    connection.close()


@pytest.fixture
def ask(locked):
    def asked(query: str):
        check(locked, query, OFFERED)
        return [tuple(row.values()) for row in locked.execute(query).to_arrow_table().to_pylist()]

    return asked


def test_facts_and_definitions_are_asked_by_their_names_and_are_one_s_own(ask):
    assert ask("SELECT count(*), sum(amount) FROM opportunity_terms WHERE what = 'won'") == [(1, 70)]
    assert ask("FROM deals SELECT stage_type, channel, amount") == [("won", "fair", 70)]
    assert ask("SELECT net FROM purchases p JOIN customer_cards c USING (customer_id) WHERE c.channel = 'fair'") == [
        (70,)
    ]
    for table in OFFERED:
        assert MARK not in str(ask(f"FROM {table}"))


@pytest.mark.parametrize(
    "query",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT sum(i) FROM n",
        "SELECT list_sum([x * 2 FOR x IN [1, 2]]), nullif(1, 2), round_even(2.5, 0), strftime(now(), '%Y')",
        "SELECT stage, count(*) AS n, n / sum(n) OVER () FROM stage_moves GROUP BY 1 QUALIFY n > 0 ORDER BY 2 LIMIT 3",
        "SELECT quantile_cont(amount, 0.9) FILTER (amount > 0), arg_max(stage, version) FROM stage_moves",
        "SELECT * EXCLUDE (tenant) FROM order_steps UNION ALL BY NAME SELECT * EXCLUDE (tenant) FROM order_steps",
        "FROM range(3) t(i) SELECT i, CASE WHEN i BETWEEN 1 AND 2 THEN 'x' END, i::VARCHAR || 'y', EXISTS (FROM deals)",
        "SELECT date_trunc('month', occurred_at) AS m, count(*) FROM events GROUP BY m HAVING count(*) > 0",
        "VALUES (1), (2)",
        "SUMMARIZE deals",
        "FROM (DESCRIBE events) SELECT column_name",
    ],
)
def test_what_analysts_ask_is_answered(ask, query):
    ask(query)


def test_the_tables_are_shown_with_their_columns(ask):
    assert {name for (name,) in ask("SHOW TABLES")} == set(OFFERED) == set(tables())
    for name, table in tables().items():
        assert {row[0]: row[1] for row in ask(f"DESCRIBE {name}")} == table.columns
        assert len(table.definition) > 20


NOWS = {
    "epoch(now())": 1741064767.5,
    "epoch(current_timestamp)": 1741064767.5,
    "epoch(transaction_timestamp())": 1741064767.5,
    "epoch(ago(INTERVAL 1 HOUR))": 1741061167.5,
    "today()": date(2025, 3, 4),
    "current_date": date(2025, 3, 4),
    "localtimestamp": datetime(2025, 3, 4, 5, 6, 7, 500_000),
    "current_time::VARCHAR": "05:06:07.5+00",
    "localtime": time(5, 6, 7, 500_000),
    "epoch(age(TIMESTAMP '2025-03-03'))": 86_400,
}


def test_now_is_the_moment_asked_for(locked):
    cursor = locked.cursor()
    set_clocks(cursor, datetime(2025, 3, 4, 5, 6, 7, 500_000, UTC))
    query = f"SELECT {', '.join(NOWS)}"
    check(cursor, query, OFFERED)
    assert cursor.execute(query).fetchone() == tuple(NOWS.values())


ESCAPES = [
    # other schemas, other rows
    "SELECT * FROM lake.events",
    "SELECT * FROM lake.main.events",
    'SELECT * FROM "lake"."events"',
    "SELECT * FROM lake.checkpoints",
    "SELECT * FROM checkpoints",
    "SELECT * FROM __ducklake_metadata_lake.lake.ducklake_data_file",
    "SELECT * FROM __ducklake_metadata_lake.log.events",
    "WITH x AS (SELECT * FROM lake.events) SELECT * FROM x",
    "WITH x AS (SELECT 1) SELECT * FROM lake.x",
    "SELECT (SELECT max(actor) FROM lake.events)",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM lake.events)",
    "SELECT 1 ORDER BY (SELECT max(position) FROM lake.events)",
    "SELECT 1 LIMIT (SELECT max(position) FROM lake.events)",
    "SELECT * FROM events JOIN lake.events AS e ON e.position = (SELECT 1)",
    "SELECT * FROM events AT (VERSION => 1)",
    "SELECT 1 UNION ALL SELECT count(*) FROM lake.events",
    "SELECT CASE WHEN (SELECT count(*) FROM lake.events) > 1 THEN 1 END",
    "SELECT list_transform([1], x -> (SELECT max(position) FROM lake.events))",
    "SELECT sum(1) OVER (ORDER BY (SELECT max(position) FROM lake.events))",
    "SELECT sum(1) FILTER ((SELECT count(*) FROM lake.events) > 1)",
    # what the catalog tells
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM pragma_table_info('events')",
    "SELECT * FROM pragma_database_list()",
    "SELECT current_setting('allowed_directories')",
    "SELECT getvariable('x')",
    "SELECT current_database(), current_schemas(true)",
    "SELECT pg_get_viewdef('events')",
    "SHOW ALL TABLES",
    "SHOW TABLES FROM lake",
    "SHOW DATABASES",
    "SHOW VARIABLES",
    "DESCRIBE",
    "DESCRIBE lake.checkpoints",
    "DESCRIBE SELECT * FROM lake.events",
    "FROM (SHOW ALL TABLES)",
    "FROM (DESCRIBE lake.events)",
    "SUMMARIZE lake.events",
    "SUMMARIZE SELECT * FROM read_text('/etc/passwd')",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    # SQL within SQL
    "SELECT * FROM query('SELECT * FROM lake.events')",
    "SELECT * FROM query_table('lake.events')",
    "SELECT * FROM query_table(['events'])",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT json_serialize_plan('SELECT * FROM lake.events')",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "SELECT 1; SELECT 2",
    "SELECT 1; ATTACH ':memory:' AS x",
    "SELECT $1",
    "SELECT ?",
    # other stores
    "SELECT * FROM postgres_query('__ducklake_metadata_lake', 'SELECT * FROM log.events')",
    "SELECT * FROM postgres_scan('host=127.0.0.1', 'log', 'events')",
    "CALL postgres_execute('__ducklake_metadata_lake', 'DROP TABLE log.events')",
    "SELECT * FROM ducklake_snapshots('lake')",
    "SELECT * FROM ducklake_list_files('lake', 'events')",
    "SELECT * FROM ducklake_table_insertions('lake', 'main', 'events', 0, 9)",
    "CALL ducklake_expire_snapshots('lake', older_than => now())",
    "ATTACH 'other.db' AS other",
    "ATTACH 'postgres:host=127.0.0.1' AS other",
    "DETACH lake",
    "USE lake",
    # files and the network
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'https://example.com/x.csv'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('**/*.parquet')",
    "SELECT * FROM parquet_scan('**/*.parquet')",
    "SELECT * FROM parquet_metadata('**/*.parquet')",
    "SELECT * FROM parquet_schema('x')",
    "SELECT * FROM read_json('x.json')",
    "SELECT * FROM read_ndjson_objects('x.json')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM read_duckdb('x.db')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM python_map_function(1)",
    "SELECT getenv('HOME')",
    "COPY (SELECT 1) TO '/dev/null'",
    "COPY events FROM '/etc/passwd'",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CREATE SECRET s (TYPE s3)",
    # what would change something
    "SET memory_limit = '100GB'",
    "RESET lock_configuration",
    "SET lock_configuration = false",
    "SET VARIABLE x = 1",
    "PRAGMA database_list",
    "PRAGMA enable_external_access",
    "CREATE TABLE t AS SELECT 1",
    "CREATE MACRO m() AS TABLE SELECT * FROM lake.events",
    "CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM lake.events",
    "CREATE TYPE x AS ENUM (SELECT actor FROM lake.events)",
    "INSERT INTO lake.events SELECT * FROM lake.events",
    "UPDATE lake.checkpoints SET position = 0",
    "DELETE FROM lake.events",
    "DROP VIEW events",
    "ALTER VIEW events RENAME TO x",
    "MERGE INTO lake.events USING events ON false WHEN NOT MATCHED THEN INSERT",
    "BEGIN",
    "COMMIT",
    "VACUUM",
    "CHECKPOINT",
    "PIVOT lake.events ON type USING count(*)",
    "FROM (PIVOT lake.events ON type IN ('x') USING count(*))",
    "SELECT nextval('x')",
    "SELECT write_log('x')",
    "SELECT sleep_ms(100000)",
    "SELECT pg_sleep(100)",
    "",
    "no SQL at all",
    "SELECT \0",
    "SELECT " + "(" * 20_000,
    "SELECT 1 --" + "x" * 200_000,
]


@pytest.mark.parametrize("query", ESCAPES, ids=lambda query: query[:60] or "nothing")
def test_no_way_leads_out(ask, query):
    with pytest.raises(NotAllowed):
        ask(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO 'kronika-escape.csv'",
        "ATTACH 'kronika-escape.db' AS other",
        "ATTACH 'postgres:host=127.0.0.1' AS other",
        "LOAD httpfs",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
        "INSERT INTO lake.parked (fact) VALUES ('x')",
        "CREATE TABLE lake.t (i INTEGER)",
        "SELECT * FROM connection_of_python",
        # the catalog's own connection, which may read the catalog alone
        "SELECT * FROM __ducklake_metadata_lake.log.events",
        "SELECT * FROM postgres_query('__ducklake_metadata_lake', 'SELECT * FROM read.customer_card')",
        "CALL postgres_execute('__ducklake_metadata_lake', 'DELETE FROM lake.ducklake_data_file')",
    ],
)
def test_what_is_locked_stays_locked_even_unlooked_at(locked, query):
    connection_of_python = duckdb.sql("SELECT 1")
    assert connection_of_python
    with pytest.raises(duckdb.Error):
        locked.cursor().execute(query).fetchall()


def test_a_view_of_one_s_own_name_is_only_within_the_query(ask):
    assert ask("WITH events AS (SELECT 1 AS one) SELECT * FROM events") == [(1,)]
    assert len(ask("SELECT count(*) FROM events")) == 1
