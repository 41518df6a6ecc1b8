"""Migrating: once is enough, again changes nothing, and a database that cannot hold the log is refused."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from eventlog.log import Log
from eventlog.schema import DatabaseUnfit, migrate
from tests.conftest import server
from tests.log_helpers import ask, registering


def test_migrating_again_takes_no_step_and_keeps_the_number_of_partitions(database_url):
    assert migrate(database_url, 99) == []
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT partitions FROM log.settings").fetchone() == (4,)


@pytest.mark.anyio
async def test_a_log_that_is_written_is_migrated_without_harm(database_url, keys):
    customer = uuid4()
    async with Log.open(database_url, keys) as log:
        first = await ask(log, registering(customer), "once")
    migrate(database_url, 4)
    async with Log.open(database_url, keys) as log:
        assert (await ask(log, registering(customer), "once")).position == first.position


def test_a_database_that_knows_no_letters_beyond_z_is_refused():
    url, name = server("postgres"), f"c_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'").format(
                sql.Identifier(name)
            )
        )
        try:
            with pytest.raises(DatabaseUnfit, match="ctype"):
                migrate(make_conninfo(url, dbname=name), 4)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
