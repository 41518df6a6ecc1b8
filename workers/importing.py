"""The clerk's task of imports: those that are asked for over HTTP, and those that are to be undone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from commands.importing.files import clear_away
from commands.importing.reverting import revert_import
from commands.importing.running import carry_out
from workers.clerk import Desk, Job
from workers.lifetime import Surroundings
from workers.watchdog import at_work

TIDY_S = 60.0
"""How often files that were kept long enough are deleted."""

WAITING = """
SELECT tenant, id FROM read.imports
 WHERE state IN ('asked', 'started') AND NOT attended OR state = 'reverting' ORDER BY updated_recorded_at
"""


class Importing:
    """Carries out imports, and undoes them; each does nothing for an import that is not in its state."""

    name = "imports"

    def __init__(self) -> None:
        self._tidy_at = 0.0

    async def waiting(self, connection: AsyncConnection[Any], around: Surroundings) -> Sequence[Job]:
        if time.monotonic() >= self._tidy_at:
            await clear_away(connection, timedelta(days=around.import_days))
            self._tidy_at = time.monotonic() + TIDY_S
        cursor = await connection.execute(WAITING)
        return [Job(*row) for row in await cursor.fetchall()]

    async def carry_out(self, job: Job, desk: Desk) -> None:
        await carry_out(desk.log, job.tenant, job.id, beat=at_work)
        await revert_import(desk.log, job.tenant, job.id, beat=at_work)


IMPORTS = Importing()
