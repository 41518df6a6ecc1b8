"""The clerk's task of imports: those that are asked for over HTTP, and those that are to be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from commands.importing.reverting import revert_import
from commands.importing.running import carry_out
from workers.clerk import Desk, Job
from workers.watchdog import at_work

WAITING = """
SELECT tenant, id FROM read.imports
 WHERE state IN ('asked', 'started') AND NOT attended OR state = 'reverting' ORDER BY updated_recorded_at
"""


class Importing:
    """Carries out imports, and undoes them; each does nothing for an import that is not in its state."""

    name = "imports"

    async def waiting(self, connection: AsyncConnection[Any]) -> Sequence[Job]:
        cursor = await connection.execute(WAITING)
        return [Job(*row) for row in await cursor.fetchall()]

    async def carry_out(self, job: Job, desk: Desk) -> None:
        await carry_out(desk.log, job.tenant, job.id, beat=at_work)
        await revert_import(desk.log, job.tenant, job.id, beat=at_work)


IMPORTS = Importing()
