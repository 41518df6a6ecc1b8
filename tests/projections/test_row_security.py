"""The backstop: PostgreSQL itself shows a caller's connection the rows of one tenant alone, and none without."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from eventlog.row_security import READER_ROLE, begin, ended
from projections import TABLES

SCHEMAS = ["log", "read", "scores", "exports", "imports", "query_runs"]

WITHOUT_TENANTS = {
    *("read.checkpoints", "read.versions", "read.skipped", "read.reconciliations"),
    *("log.epochs", "log.settings"),
}
"""What says how far Kronika's own work has come, and how the log is made."""

NOT_READ = {"imports.file", "imports.outcome", "imports.kept", "log.commands", "log.claims", "log.parents"}
"""Tables that callers' connections cannot read at all."""

PLACES = {"log.head", "log.recorded_at", "log.position_at", "log.reflected"}
"""Functions that look at the whole log, and tell a position or a moment."""

SCOPE = ("everything", "owners", "teams", "parties")
"""Settings that say whose customers a transaction is shown."""

TABLES_OF = """
SELECT n.nspname || '.' || c.relname, c.relrowsecurity AND c.relforcerowsecurity,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant'),
       ARRAY(SELECT pg_get_expr(p.polqual, c.oid) FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive),
       has_table_privilege('kronika_reader', c.oid, 'SELECT'),
       has_table_privilege('kronika_reader', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'm') ORDER BY 1
"""

VIEWS_OF = """
SELECT c.oid::regclass::text, coalesce('security_invoker=true' = ANY (c.reloptions), false)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%s) AND c.relkind = 'v'
"""

DEFINERS = """
SELECT p.oid::regproc::text, p.prosrc, p.proconfig, has_function_privilege('public', p.oid, 'EXECUTE'),
       has_function_privilege('kronika_reader', p.oid, 'EXECUTE'), p.prorettype::regtype::text
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY (%s) AND p.prosecdef
"""


@pytest.fixture(scope="module")
def owner(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_every_table_with_rows_of_tenants_is_under_the_backstop(owner):
    found = owner.execute(TABLES_OF, [SCHEMAS]).fetchall()
    assert len(found) > len(TABLES)
    for table, forced, has_tenant, rules, is_read, is_written in found:
        assert not is_written, table
        if not has_tenant:
            assert table in WITHOUT_TENANTS, table
        elif is_read:
            assert forced, table
            assert rules == ["(tenant = current_setting('kronika.tenant'::text, true))"], table
        else:
            assert table in NOT_READ, table


def test_views_ask_as_whoever_asks_them(owner):
    assert all(invoked for _, invoked in owner.execute(VIEWS_OF, [SCHEMAS]).fetchall())


def test_what_passes_the_backstop_names_the_tenant_itself_and_finds_nothing_by_a_callers_path(owner):
    found = [row for row in owner.execute(DEFINERS, [SCHEMAS]).fetchall() if row[0] != "log.forget_accesses"]
    assert len(found) == 4 + len(PLACES)
    for name, source, configuration, everybody, readers, told in found:
        if name in PLACES:
            assert told in ("bigint", "timestamp with time zone"), name
        else:
            assert re.search(r"tenant +(= |text +:= )current_setting\('kronika.tenant', true\)", source), name
        if name.startswith("read."):
            assert all(f"current_setting('kronika.{setting}', true)" in source for setting in SCOPE), name
        assert "search_path=pg_catalog, pg_temp" in configuration, name
        assert (everybody, readers) == (False, True), name


def test_callers_connections_pass_no_row_security_and_our_own_processes_do(owner):
    asked = "SELECT rolname, rolbypassrls OR rolsuper FROM pg_roles WHERE rolname LIKE 'kronika_%'"
    roles = dict(owner.execute(asked).fetchall())
    assert (roles["kronika_reader"], roles["kronika_app"]) == (False, True)
    assert not owner.execute("SELECT pg_has_role('kronika_reader', 'kronika_app', 'MEMBER')").fetchone()[0]


@pytest.fixture
def reader(database_url, owner):
    owner.execute(
        "INSERT INTO read.teams (tenant, id, version, position, subject_id, created_at, created_recorded_at,"
        " created_by, updated_at, updated_recorded_at, updated_by, since, name)"
        " SELECT t, gen_random_uuid(), 1, 1, gen_random_uuid(), now(), now(), 'x', now(), now(), 'x', '{}', t"
        " FROM unnest(ARRAY['acme', 'rival']) t"
    )
    with psycopg.connect(database_url, options=READER_ROLE) as connection:
        yield connection
    owner.execute("TRUNCATE read.teams")


def seen(connection, table="teams"):
    return connection.execute(sql.SQL("SELECT tenant FROM {}").format(sql.Identifier("read", table))).fetchall()


def test_a_transaction_that_names_no_tenant_sees_nothing_and_one_that_does_its_own(reader):
    assert seen(reader) == []
    reader.execute("SELECT set_config('kronika.tenant', 'acme', true)")
    assert seen(reader) == [("acme",)]
    assert reader.execute("SELECT * FROM read.teams WHERE tenant = 'rival' OR true").rowcount == 1
    reader.commit()
    assert seen(reader) == []
    for statement in ("DELETE FROM read.teams", "SELECT FROM imports.file", "SELECT FROM log.claims"):
        with pytest.raises(InsufficientPrivilege):
            reader.execute(statement)
        reader.rollback()


def test_of_the_log_a_caller_is_shown_its_own_events_and_accesses_and_the_last_position(reader, owner):
    owner.execute(
        "INSERT INTO log.accesses (tenant, id, at, actor, route, outcome, objects, correlation_id)"
        " SELECT t, gen_random_uuid(), now(), 'x', 'GET /', 'shown', '{}', gen_random_uuid()"
        " FROM unnest(ARRAY['acme', 'rival']) t"
    )
    owner.execute(
        "INSERT INTO log.events (position, tenant, stream_type, stream_id, version, partition, subject_id, event_id,"
        " type, schema_version, recorded_at, occurred_at, actor, correlation_id, command_id, data)"
        " SELECT log.head() + n, t, 'customer', gen_random_uuid(), 1, 0, gen_random_uuid(), gen_random_uuid(), 'x', 1,"
        " now(), now(), 'x', gen_random_uuid(), t, '{}'"
        " FROM unnest(ARRAY['acme', 'rival']) WITH ORDINALITY AS made(t, n)"
    )
    for table in ("log.events", "log.accesses"):
        assert reader.execute(f"SELECT FROM {table}").rowcount == 0
    head = reader.execute("SELECT log.head()").fetchone()[0]
    reader.execute("SELECT set_config('kronika.tenant', 'acme', true)")
    for table in ("log.events", "log.accesses"):
        assert {tenant for (tenant,) in reader.execute(f"SELECT tenant FROM {table}")} == {"acme"}
    assert reader.execute("SELECT log.head()").fetchone()[0] == head
    assert reader.execute("SELECT max(position) < log.head() FROM log.events").fetchone() == (True,)


@pytest.mark.anyio
async def test_a_read_that_fails_leaves_nothing_behind_for_the_next(database_url):
    often = "SELECT 1 + 1"

    async def asked(connection, *statements):
        await begin(connection, "acme")
        try:
            async with connection.pipeline():
                for statement in statements:
                    cursor = await connection.execute(statement)
            return await cursor.fetchone()
        finally:
            await ended(connection)

    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for _ in range(connection.prepare_threshold):
            await asked(connection, often)
        with pytest.raises(psycopg.errors.DivisionByZero):
            await asked(connection, "SELECT 1 / 0", often)  # would be prepared now, and is passed over
        assert await asked(connection, often) == (2,)
