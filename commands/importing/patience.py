"""A store that is away for a while costs an import time, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from commands.dispatch import Contended
from eventlog.errors import LogUnavailable
from eventlog.keys import KeyDestroyed, KeyStoreError

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger()

AWAY = (LogUnavailable, KeyStoreError, psycopg.OperationalError, PoolTimeout, Contended)
LATEST_S = 5.0


async def patiently(ask: Callable[P, Awaitable[T]], *given: P.args, **named: P.kwargs) -> T:
    """What is asked for, asked again for as long as a store is away."""
    pause = 0.1
    while True:
        try:
            return await ask(*given, **named)
        except KeyDestroyed:  # no store that is away: that person was forgotten
            raise
        except AWAY as error:
            log.warning("import waits", error=type(error).__name__, message=str(error).partition("\n")[0])
        await asyncio.sleep(pause)
        pause = min(2 * pause, LATEST_S)
