"""The backstop under every read: whatever a query forgets, PostgreSQL shows a caller the rows of one tenant alone."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from psycopg import AsyncConnection, OperationalError, sql
from psycopg.pq import TransactionStatus

READER_ROLE = "-c role=kronika_reader"
"""The role of connections that answer callers: it reads, and passes no row security. Kronika's own processes do."""

NAME_TENANT = "SELECT set_config('kronika.tenant', %s, true)"
"""Names the tenant for the length of a transaction; a transaction that does not name one sees no rows."""

GUARD = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS of_the_tenant ON {table};
CREATE POLICY of_the_tenant ON {table} AS RESTRICTIVE USING (tenant = current_setting('kronika.tenant', true));
DROP POLICY IF EXISTS read_by_callers ON {table};
CREATE POLICY read_by_callers ON {table} FOR SELECT TO kronika_reader USING (true);
GRANT SELECT ON {table} TO kronika_reader;
"""


def guarded(table: sql.Identifier) -> list[sql.Composed]:
    """What puts a table with a column `tenant` under the backstop, as its owner."""
    return [sql.SQL(statement).format(table=table) for statement in GUARD.strip().removesuffix(";").split(";")]


BEGIN, SNAPSHOT = "BEGIN READ ONLY", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


async def begin(connection: AsyncConnection[Any], tenant: str, *, snapshot: bool = False) -> None:
    """Begin a transaction that sees the rows of this tenant, all as of one moment in a `snapshot`; over a connection
    that commits by itself otherwise. In a pipeline nothing waits for it."""
    await connection.execute(SNAPSHOT if snapshot else BEGIN)
    await name_tenant(connection, tenant)


async def name_tenant(connection: AsyncConnection[Any], tenant: str) -> None:
    """Have what follows in this transaction see the rows of this tenant."""
    await connection.execute(NAME_TENANT, [tenant], prepare=True)


async def ended(connection: AsyncConnection[Any]) -> None:
    """End such a transaction: it has changed nothing. A connection that is lost has ended it, too.

    After a rollback psycopg forgets the statements it has prepared, and each is planned anew. Only where one has failed
    it is to: of those that came after it in a pipeline psycopg believes that they were prepared, and they were not."""
    with suppress(OperationalError):
        if connection.info.transaction_status == TransactionStatus.INERROR:
            await connection.rollback()
        else:
            await connection.commit()
