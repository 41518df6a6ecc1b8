"""Parked events, as the operator sees and mends them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg import AsyncConnection

from deploy.settings import Settings, SettingsError
from eventlog import feed
from eventlog.codec import Codec
from eventlog.connections import APP_ROLE
from eventlog.keeping import keys_of
from projections import TABLES
from projections.parked import Parked, Replayed, leave_out, parked, replay
from projections.projection import Projection

T = TypeVar("T")


def all_parked(settings: Settings, projection: str | None) -> list[Parked]:
    return connected(settings, lambda connection: parked(connection, projection))


def shown(settings: Settings, projection: str, position: int) -> str:
    """The parked event as JSON: why it is parked, what the log holds. Raises SettingsError when it is not parked."""

    async def look(connection: AsyncConnection[Any]) -> str:
        found = await parked(connection, projection, position)
        if not found:
            raise SettingsError(f"{projection} has nothing parked at position {position}; see `kronika parked list`")
        ((_, _, _, _, body),) = await feed.messages(connection, after=position - 1, limit=1)
        return orjson.dumps({"error": found[0].error, "row": found[0].key, "event": orjson.loads(body)}).decode()

    return connected(settings, look)


def repaired(settings: Settings, projection: str, position: int, actor: str, reason: str) -> None:
    named(projection)
    connected(settings, lambda connection: leave_out(connection, projection, position, actor, reason))


def replayed(settings: Settings, projection: str) -> Replayed:
    one = named(projection)
    assert settings.database_url
    keys = keys_of(settings.database_url, settings.keys_path)
    try:
        return connected(settings, lambda connection: replay(connection, Codec(keys), one))
    finally:
        keys.close()


def named(name: str) -> Projection:
    for projection in TABLES:
        if projection.name == name:
            return projection
    raise SettingsError(f"there is no read model {name}; there are {', '.join(p.name for p in TABLES)}")


def connected(settings: Settings, work: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
    """Do this over one connection, as the application role."""

    async def run() -> T:
        assert settings.database_url
        async with await psycopg.AsyncConnection.connect(
            settings.database_url, autocommit=True, options=APP_ROLE
        ) as connection:
            return await work(connection)

    return asyncio.run(run())
