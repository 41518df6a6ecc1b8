"""How fresh a read model is, and waiting until it is fresh enough."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

POLL_S = 0.005


class NotFreshYet(Exception):
    """The read model has not reached the position asked for within the time given."""

    def __init__(self, name: str, asked: int, reflected: int) -> None:
        super().__init__(
            f"{name} reflects position {reflected}, {asked - reflected} behind the one asked for; ask again shortly."
        )
        self.behind = asked - reflected


class ParkedRead(Exception):
    """What is asked for rests on an event that could not be folded; the position asked for lies beyond it."""

    def __init__(self, name: str, position: int, event_id: object) -> None:
        super().__init__(
            f"In {name} the event {event_id} at position {position} is parked, and what follows it for the same row."
        )
        self.position = position
        self.event_id = event_id


async def reflected(connection: AsyncConnection[Any], names: Sequence[str]) -> int:
    """The position that all these read models reflect: every event up to it has been taken in."""
    cursor = await connection.execute(
        "SELECT min(read.reflected(name)) FROM unnest(%s::text[]) AS name", [list(names)], prepare=True
    )
    row = await cursor.fetchone()
    return int(row[0]) if row and row[0] is not None else 0


async def at_least(connection: AsyncConnection[Any], names: Sequence[str], position: int, wait_s: float) -> int:
    """Wait until these read models reflect `position`; answers the position they reflect then. Raises NotFreshYet."""
    deadline = time.monotonic() + wait_s
    while (now := await reflected(connection, names)) < position:
        if time.monotonic() >= deadline:
            raise NotFreshYet(", ".join(names), position, now)
        await asyncio.sleep(POLL_S)
    return now
