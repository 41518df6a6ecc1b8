"""The clerk's task of forgetting who was shown what, when it was kept for as long as the owner wants it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from workers.clerk import Desk, Job
from workers.lifetime import Surroundings

TIDY_S = 60.0
MOST = 20_000
"""So many at a time that nobody waits for it."""


class Forgetting:
    """Has the database delete what is old enough; only its owner says what is (`KRONIKA_ACCESS_DAYS`, at `migrate`)."""

    name = "accesses"

    def __init__(self) -> None:
        self._tidy_at = 0.0

    async def waiting(self, connection: AsyncConnection[Any], around: Surroundings) -> Sequence[Job]:
        if time.monotonic() >= self._tidy_at:
            cursor = await connection.execute("SELECT log.forget_accesses(%s)", [MOST])
            if await cursor.fetchone() != (MOST,):  # else there is more
                self._tidy_at = time.monotonic() + TIDY_S
        return ()

    async def carry_out(self, job: Job, desk: Desk) -> None:
        """There are no jobs: what is old is old for all alike."""


FORGETTING = Forgetting()
