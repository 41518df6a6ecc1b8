"""Connections to the log's database as the application role: none waits for ever, and a dead one is never lent."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg_pool import AsyncConnectionPool

APP_ROLE = "-c role=kronika_app"
LAKE_ROLE = "-c role=kronika_lake -c default_transaction_read_only=on"
T = TypeVar("T")

CONNECT_S = 5
"""How long a server may take to let us in."""


class Watched(psycopg.AsyncConnection[Any]):
    """A connection that hangs up on a server that has been silent for longer than any statement may take.

    A network that swallows packets tells nobody; TCP alone would wait for a quarter of an hour, and for ever when the
    packets were already acknowledged. Whoever waits hears OperationalError, as of any connection that is lost.
    """

    patience_s = 65.0

    async def wait(self, gen: PQGen[T], *given: Any, **named: Any) -> T:
        timer = asyncio.get_running_loop().call_later(self.patience_s, self.hang_up)
        try:
            return await super().wait(gen, *given, **named)
        finally:
            timer.cancel()

    def hang_up(self) -> None:
        with suppress(OSError), socket.socket(fileno=os.dup(self.fileno())) as plug:
            plug.shutdown(socket.SHUT_RDWR)


def watched(patience_s: float) -> type[Watched]:
    """The class of connections with so much patience."""
    return type("Watched", (Watched,), {"patience_s": patience_s})


def pooled(
    url: str,
    *,
    pool_min: int,
    pool_max: int,
    statement_timeout_ms: int,
    connect_timeout_s: float,
    role: str = APP_ROLE,
) -> AsyncConnectionPool[Any]:
    """A pool, yet to be opened, of connections in autocommit mode; all times are UTC."""
    options = f"{role} -c statement_timeout={statement_timeout_ms} -c TimeZone=UTC"
    return AsyncConnectionPool(
        url,
        min_size=pool_min,
        max_size=pool_max,
        timeout=connect_timeout_s,
        connection_class=watched(statement_timeout_ms / 1000 + 2),
        kwargs={"autocommit": True, "options": options, "connect_timeout": CONNECT_S},
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
