"""The clerk's task of scoring: fits models to the lakehouse as of one position, and says what came of it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import duckdb
from psycopg import AsyncConnection

from commands.command import Command
from commands.dispatch import Asked, dispatch
from commands.scoring import AtRisk, FailScoring, FinishScoring, Tried
from domain.refusals import Refusal
from domain.scoring import MOST_ALERTS, ScoringRun
from eventlog.envelope import Caller, Context
from eventlog.errors import LogUnavailable
from eventlog.keys import Subject
from projections import scores
from projections.analytics.lake import Lake, reflected
from workers.clerk import Desk, Job
from workers.lifetime import Surroundings
from workers.watchdog import at_work

if TYPE_CHECKING:  # it needs the libraries that models are made of: those who have none to fit do without
    from projections.analytics.foretelling import Foretold

WAITING = "SELECT tenant, id FROM read.scoring_runs WHERE state = 'asked' ORDER BY created_recorded_at"


BEHIND_S = 1.0
"""How long a run waits at a time for a lakehouse that is behind."""
FORGET_S = 5.0
"""How often it is looked who was forgotten."""


class Scoring:
    """Carries out scoring runs. A run counts the events up to its own request, neither fewer nor more: it waits until
    the lakehouse has them. Scores that a killed process has left are named by no event, and deleted."""

    name = "scores"

    def __init__(self) -> None:
        self._forget_at = 0.0
        self._forgotten: set[Subject] = set()

    async def waiting(self, connection: AsyncConnection[Any], around: Surroundings) -> Sequence[Job]:
        if time.monotonic() >= self._forget_at:
            await self._forget(connection, around)
            self._forget_at = time.monotonic() + FORGET_S
        cursor = await connection.execute(WAITING)
        return [Job(*row) for row in await cursor.fetchall()]

    async def _forget(self, connection: AsyncConnection[Any], around: Surroundings) -> None:
        """Of a person whose key was destroyed no score stays."""
        forgotten = await asyncio.to_thread(around.keys.forgotten)
        persons: dict[str, list[UUID]] = defaultdict(list)
        for tenant, person in forgotten - self._forgotten:
            persons[tenant].append(person)
        for tenant, named in persons.items():
            await scores.forget(connection, tenant, named)
        self._forgotten = forgotten

    async def carry_out(self, job: Job, desk: Desk) -> None:
        found = await position_of(job, desk)
        if found is None:
            return
        run, position = found
        try:
            with await asyncio.to_thread(
                Lake.open, desk.around.database_url, desk.around.lake_path, read_only=True
            ) as lake:
                async with desk.log.connection() as connection:
                    if await reflected(connection, lake.checkpoints()) < position:
                        await asyncio.sleep(BEHIND_S)  # it is asked again, and each time opens the lakehouse
                        return
                foretold = await foretell(lake, job.tenant, run, position)
        except duckdb.Error as error:
            raise LogUnavailable(f"the lakehouse broke off: {type(error).__name__}") from error
        if isinstance(foretold, FailScoring):
            await told(desk, job, foretold)
            return
        await self._keep(desk, job, run, position, foretold)

    async def _keep(self, desk: Desk, job: Job, run: ScoringRun, position: int, foretold: Foretold) -> None:
        from projections.analytics.foretelling import code

        results = uuid4()
        forgotten = await asyncio.to_thread(desk.around.keys.forgotten)
        async with desk.log.connection() as connection:
            persons = [person for tenant, person in forgotten if tenant == job.tenant]
            nobody = await scores.about(connection, job.tenant, persons)
            told_of = [score for score in foretold.scores if score.subject not in nobody]
            at_risk = [score for score in told_of if score.at_risk]
            passed_over = await scores.at_risk(connection, job.tenant, run.model, run.wish.as_of)
            passed_over |= await scores.given_up(connection, job.tenant, [score.subject for score in at_risk])
            await scores.keep(connection, job.tenant, run.id, results, told_of)
        news = sorted(
            (score for score in at_risk if score.subject not in passed_over),
            key=lambda score: (-(score.numbers["spent"] or 0.0), score.subject),
        )
        done = FinishScoring(
            run_id=run.id,
            results=results,
            reflects=position,
            code=code(),
            parameters=figures(foretold.parameters),
            likelihood=None if foretold.likelihood is None else exact(foretold.likelihood),
            measures=figures(foretold.measures),
            calibration=tuple(
                Tried(count=count, foretold=Decimal(f"{chance:.6f}"), happened=Decimal(f"{share:.6f}"))
                for count, chance, share in foretold.calibration
            ),
            scored=len(told_of),
            at_risk=len(at_risk),
            without_rate=foretold.without_rate,
            sha256=scores.digest(told_of),
            told_in=foretold.told_in,
            risks=tuple(risk(score) for score in news[:MOST_ALERTS]),
        )
        await told(desk, job, done)
        async with desk.log.connection() as connection:
            await scores.clear_away(connection)


async def position_of(job: Job, desk: Desk) -> tuple[ScoringRun, int] | None:
    """The run, and the position at which it was asked for; None when there is nothing left to do."""
    async with desk.log.connection() as connection:
        cursor = await connection.execute(
            "SELECT position, occurred_at FROM log.events WHERE tenant = %s AND stream_id = %s AND version = 1",
            [job.tenant, job.id],
        )
        row = await cursor.fetchone()
    assert row is not None
    run, _ = await desk.log.load(ScoringRun, job.tenant, job.id, row[1])
    return (run, row[0]) if run.state == "asked" else None


async def foretell(lake: Lake, tenant: str, run: ScoringRun, position: int) -> Foretold | FailScoring:
    """What the models say, worked out in a thread, while this one says that it is alive."""
    caller = Caller(tenant, "clerk", frozenset({"read"}))

    def work() -> Foretold | FailScoring:
        from projections.analytics.foretelling import code, foretell
        from projections.analytics.models.fitting import NotConverged

        try:
            return foretell(lambda view: lake.ask(caller, view).rows, run.wish, position)
        except NotConverged as error:
            return FailScoring(run_id=run.id, reflects=position, code=code(), why=str(error))

    working = asyncio.ensure_future(asyncio.to_thread(work))
    while not working.done():
        at_work()
        await asyncio.wait({working}, timeout=1)
    return working.result()


async def told(desk: Desk, job: Job, command: Command) -> None:
    """Say what came of it; nothing, when it has come to its end meanwhile."""
    clerk = Caller(job.tenant, "clerk")
    context = Context(clerk.tenant, clerk.actor, uuid4().hex, uuid4())
    try:
        await dispatch(desk.log, Asked(command, clerk, context))
    except Refusal:
        return


def risk(score: scores.Score) -> AtRisk:
    numbers = score.numbers
    probability = numbers.get("alive", numbers.get("returns"))
    spent = numbers["spent"]
    return AtRisk(
        customer_id=score.subject,
        probability=Decimal(f"{probability:.6f}"),
        spent=None if spent is None else exact(spent),
    )


def figures(numbers: dict[str, float]) -> dict[str, Decimal]:
    """Those that are numbers."""
    return {name: exact(value) for name, value in numbers.items() if isfinite(value)}


def exact(value: float) -> Decimal:
    return Decimal(f"{value:.12g}")


SCORES = Scoring()
