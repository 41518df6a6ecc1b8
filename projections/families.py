"""Who was merged into whom: what is asked of a customer is asked of all that were merged into it, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, sql

FAMILY = sql.SQL("""
WITH RECURSIVE family(id) AS (
    SELECT unnest({ids}::uuid[])
    UNION
    SELECT t.id FROM family JOIN {customers} t ON t.merged_into = family.id WHERE {seen})
SELECT id FROM family
""")


LIVE = sql.SQL("read.customers")


async def family(
    connection: AsyncConnection[Any], seen: sql.Composable, ids: Iterable[UUID], customers: sql.Composable = LIVE
) -> list[UUID]:
    """These customers, and those merged into them, however many merges away; `seen` is the caller's scope. What is no
    customer stands for itself."""
    wanted = list(dict.fromkeys(ids))
    cursor = await connection.execute(FAMILY.format(ids=sql.Literal(wanted), seen=seen, customers=customers))
    found = {id for (id,) in await cursor.fetchall()}
    return [*wanted, *sorted(found.difference(wanted))]
