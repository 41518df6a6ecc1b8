"""What the routes stand on: the open log, connections for reading, who may call, and how fresh things are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg.errors import UndefinedTable
from psycopg_pool import AsyncConnectionPool
from starlette.types import Scope

from api.caller import Callers
from api.lakehouse import Lakehouse
from api.sandbox import Sandbox
from api.tide import Tide
from api.turns import Turns
from deploy.settings import Settings
from eventlog.accesses import Accesses
from eventlog.connections import pooled
from eventlog.errors import BadPosition
from eventlog.keeping import keys_of
from eventlog.log import Log
from eventlog.positions import Epochs
from eventlog.row_security import READER_ROLE

COMMANDS_MS = 8_000
"""How long a query of a command may take; all of them find something by its key."""

REREAD_S = 1.0
"""Tokens that do not fit have the epochs read anew, but no more often than this."""


class NotMigrated(Exception):
    """The database lacks what the API stands on."""


class Kronika:
    """The system as its HTTP routes see it. Open with `Kronika.open`, as an async context manager."""

    def __init__(self, settings: Settings, log: Log, reads: AsyncConnectionPool[Any], epochs: Epochs) -> None:
        self.settings = settings
        self.log = log
        self.reads = reads
        self.callers = Callers(log, settings)
        self.tide = Tide(self.reading)
        self.commanding = Turns(settings.pool_max)
        self.asking = Turns(settings.pool_max)
        self.lakehouse = Lakehouse(settings)
        self.sandbox = Sandbox(settings)
        self.accesses = Accesses(str(settings.database_url))
        self.epochs = epochs
        self._epochs_read_at = time.monotonic()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """Raises NotMigrated, WrongKeys, and OperationalError or PoolTimeout when the database does not answer."""
        assert settings.database_url is not None, "whoever serves has a database by now"
        patience_s = settings.connect_timeout_s
        keys = await asyncio.to_thread(keys_of, settings.database_url, settings.keys_path, patience_s=patience_s)
        how = settings.model_dump(include={"pool_min", "pool_max", "statement_timeout_ms", "connect_timeout_s"})
        try:
            async with (
                Log.open(settings.database_url, keys, **how | {"statement_timeout_ms": COMMANDS_MS}) as log,
                pooled(settings.database_url, **how, role=READER_ROLE) as reads,
            ):
                async with reads.connection() as connection:
                    epochs = await Epochs.read(connection)
                opened = cls(settings, log, reads, epochs)
                try:
                    yield opened
                finally:
                    await opened.accesses.close()
                    opened.lakehouse.close()
        except UndefinedTable:
            raise NotMigrated("The database is not what this release needs; run: kronika migrate") from None
        finally:
            keys.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection for queries, apart from those that commands use; of read models it sees the rows of the tenant
        that its transaction names (`eventlog.row_security.begin`), and none without."""
        async with self.reads.connection() as connection:
            yield connection

    def token(self, position: int) -> str:
        """How a position is told to others."""
        return self.epochs.token(position)

    async def reached(self, token: str) -> int:
        """The position that a token stands for. Raises BadPosition also for one that the log has not reached, and
        PositionAbandoned."""
        position = await self.position(token)
        if position > (head := await self.tide.least()):
            raise BadPosition(f"{token} lies beyond the log's head, {self.token(head)}; use one that an answer gave.")
        return position

    async def reflected(self, names: Sequence[str], token: str, wait_s: float) -> int:
        """The position that a token stands for, as soon as all of these read models reflect it. Raises NotFreshYet, and
        at once BadPosition, also for one that the log has not reached, and PositionAbandoned."""
        position = await self.position(token)
        if await self.tide.least(names) < position:
            await self.reached(token)
            await self.tide.at_least(names, position, wait_s)
        return position

    async def position(self, token: str) -> int:
        """The position that a token stands for. Raises BadPosition, PositionAbandoned."""
        try:
            return self.epochs.position(token)
        except BadPosition:
            if time.monotonic() - self._epochs_read_at < REREAD_S:
                raise
        self._epochs_read_at = time.monotonic()
        async with self.reading() as connection:
            self.epochs = await Epochs.read(connection)
        return self.epochs.position(token)


def kronika(scope: Scope) -> Kronika:
    """The open system that a request was sent to."""
    opened: Kronika = scope["app"].state.kronika
    return opened
