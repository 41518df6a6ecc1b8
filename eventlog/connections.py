"""Connections to the log's database as the application role, pooled; one that the server has closed is never lent."""

from __future__ import annotations

import select
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

APP_ROLE = "-c role=kronika_app"


def pooled(
    url: str, *, pool_min: int, pool_max: int, statement_timeout_ms: int, connect_timeout_s: float
) -> AsyncConnectionPool[Any]:
    """A pool, yet to be opened, of connections in autocommit mode; all times are UTC."""
    options = f"{APP_ROLE} -c statement_timeout={statement_timeout_ms} -c TimeZone=UTC"
    return AsyncConnectionPool(
        url,
        min_size=pool_min,
        max_size=pool_max,
        timeout=connect_timeout_s,
        kwargs={"autocommit": True, "options": options},
        check=not_hung_up,
        open=False,
    )


async def not_hung_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """Nothing is awaited from the server, so a socket with something to read says that it has gone: seen without
    asking it. Raises OperationalError; the pool then lends another connection."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await connection.close()  # else the pool, to which it looks idle, would lend it again and again
        raise psycopg.OperationalError("the server has hung up")
