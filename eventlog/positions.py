"""Positions as others see them: opaque tokens `<log epoch>.<position>` that outlive a restore."""

from __future__ import annotations

import re
from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from eventlog.errors import BadPosition, PositionAbandoned

TOKEN = re.compile(r"(\d{1,9})\.(\d{1,18})")


@dataclass(frozen=True)
class Epochs:
    """The log's epochs; `begins[i]` is the position after which epoch i + 1 started."""

    begins: tuple[int, ...] = (0,)

    @classmethod
    async def read(cls, connection: AsyncConnection[TupleRow]) -> Epochs:
        cursor = await connection.execute("SELECT begins FROM log.epochs ORDER BY epoch")
        return cls(tuple(row[0] for row in await cursor.fetchall()))

    @property
    def current(self) -> int:
        return len(self.begins)

    def token(self, position: int) -> str:
        return f"{self.current}.{position}"

    def position(self, token: str) -> int:
        """The position a token stands for. Raises BadPosition for one that was never given out, PositionAbandoned
        (with where to resume) for one that a restore has undone."""
        match = TOKEN.fullmatch(token)
        if match is None or not 1 <= int(match[1]) <= self.current:
            raise BadPosition(f"{token!r} is not a position of this log; use one that an answer has given you.")
        epoch, position = int(match[1]), int(match[2])
        kept = min(self.begins[epoch:], default=position)
        if position > kept:
            raise PositionAbandoned(token, self.token(kept))
        return position
