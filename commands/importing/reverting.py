"""Undoes an import: every event that it has brought, as far as nothing later stands on it; what stays is listed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import UUID

from commands import reverting
from commands.importing.patience import patiently
from commands.importing.results import PAGE, written
from commands.importing.running import Assignment, Beat, assignment, say
from commands.imports import FinishReverting
from commands.reverting import Outcome
from eventlog import finding
from eventlog.callers import acting
from eventlog.envelope import Context
from eventlog.log import Log

KEPT = """
INSERT INTO imports.kept (tenant, job, event_id, position, type, stream, id, version, why, stands_below)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
HEADER = ("event_id", "type", "stream", "id", "version", "why", "stands_below")
"""Of each event that stays: what it is, why it stays, and the events that stand on it."""

Tell = Callable[[int, int], None]
"""Told how many events are through, of how many."""


async def revert_import(
    log: Log, tenant: str, id: UUID, *, tell: Tell = lambda done, of: None, beat: Beat = lambda: None
) -> None:
    """Undo an import that is to be undone, or what is left of it; nothing when it is not. To be called by one process
    at a time; a store that is away is waited for, and killed at any line it goes on when called again."""
    given = await patiently(assignment, log, tenant, id)
    if given is not None and given.data_import.state == "reverting":
        await patiently(reverted, log, given, tell, beat)


async def reverted(log: Log, given: Assignment, tell: Tell, beat: Beat) -> None:
    context = Context(
        given.tenant, given.actor, f"{given.event_id}:revert", given.correlation_id, causation_id=given.event_id
    )
    caller = await acting(log, given.tenant, given.actor, frozenset({"write"}))
    events = await finding.of_job(log, given.tenant, given.id)
    async with log.connection() as connection:
        await connection.execute("DELETE FROM imports.kept WHERE tenant = %s AND job = %s", [given.tenant, given.id])
    undone = kept = through = 0
    async for outcomes in reverting.revert(log, caller, events, context):
        conflicts = [outcome for outcome in outcomes if outcome.status == "conflict"]
        await note(log, given, conflicts)
        # What was undone before counts, too: a second attempt at what stayed tells of the whole import again.
        undone += sum(outcome.status != "conflict" and bool(outcome.by) for outcome in outcomes)
        kept, through = kept + len(conflicts), through + len(outcomes)
        tell(through, len(events))
        beat()
    await say(log, given, "reverted", FinishReverting(import_id=given.id, undone=undone, kept=kept))


async def note(log: Log, given: Assignment, conflicts: Sequence[Outcome]) -> None:
    """Write down what stays, and why."""
    if not conflicts:
        return
    rows = [
        [
            given.tenant,
            given.id,
            e.event_id,
            e.position,
            e.type,
            e.stream,
            e.id,
            e.version,
            why,
            [b.event_id for b in by],
        ]
        for e, why, by in ((outcome.event, outcome.why, outcome.by) for outcome in conflicts)
    ]
    async with log.connection() as connection, connection.cursor() as cursor:
        await cursor.executemany(KEPT, rows)


async def kept(log: Log, tenant: str, id: UUID) -> AsyncIterator[bytes]:
    """The events of an import that stay though it was to be undone, as a CSV file, piece by piece, the header first."""
    yield written([HEADER])
    after = 0
    while page := await kept_after(log, tenant, id, after):
        yield written([(*row[:-2], " ".join(map(str, row[-2]))) for row in page])
        after = page[-1][-1]


async def kept_after(log: Log, tenant: str, id: UUID, after: int) -> list[tuple[Any, ...]]:
    async with log.connection() as connection:
        cursor = await connection.execute(
            "SELECT event_id, type, stream, id, version, why, stands_below, position FROM imports.kept"
            " WHERE tenant = %s AND job = %s AND position > %s ORDER BY position LIMIT %s",
            [tenant, id, after, PAGE],
        )
        return await cursor.fetchall()
