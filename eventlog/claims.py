"""Who holds what one stream alone may hold: asked of the log itself, so that it is true now."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from eventlog.keys import KeyStore


def token(keys: KeyStore, tenant: str, claim: tuple[str, str]) -> bytes:
    """What is kept of a claim: a keyed digest."""
    kind, value = claim
    return keys.digest("claims", tenant, f"{kind}|{value}".encode())


async def holder(connection: AsyncConnection[Any], keys: KeyStore, tenant: str, claim: tuple[str, str]) -> UUID | None:
    """The stream that holds it; None when it is free."""
    cursor = await connection.execute(
        "SELECT stream_id FROM log.claims WHERE tenant = %s AND kind = %s AND token = %s",
        [tenant, claim[0], token(keys, tenant, claim)],
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]
